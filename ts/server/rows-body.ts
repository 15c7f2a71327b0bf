import { LIMITS } from '../limits.js';
import { type BodyLimits, mediaTypeOf, parseObject } from './body.js';
import { NDJSON_TYPE } from './progress-stream.js';
import { checkFields } from './schema.js';
import { ROW } from './schemas.js';
import { RequestError } from './status.js';

/** Bytes set aside for what is read ahead of the engine: a part that is written, and the next. */
const AHEAD_BYTES = 2 * LIMITS.partBytesMost;
const NEWLINE = 10;

/** Whether the body is a batch whose rows come line by line. */
export const isRows = (request: Request) => mediaTypeOf(request) === NDJSON_TYPE;

/**
 * Reads a body of lines: the first is the batch without its rows, every other a row. The rows are read as they are
 * asked for, so that the body may be larger than memory; a line is held to what a body is held to.
 *
 * @throws RequestError `INVALID_ARGUMENT`, `TOO_LARGE`, `BUSY`, `ABORTED`
 */
export async function withRows<T>(
  request: Request,
  limits: BodyLimits,
  use: (head: Readonly<Record<string, unknown>>, rows: AsyncIterable<object>) => Promise<T>,
): Promise<T> {
  const { memory, most } = limits;
  const ahead = Math.min(AHEAD_BYTES, most);
  memory.take(ahead);
  const lines = linesOf(request, limits);
  try {
    const { value: first = new Uint8Array(0) } = await lines.next();
    const head = parseObject(first, 'line 1');
    return await use(head, rowsOf(lines));
  } finally {
    memory.release(ahead);
    await lines.return(undefined);
  }
}

async function* rowsOf(lines: AsyncGenerator<Uint8Array>): AsyncGenerator<object> {
  let index = 0;
  for await (const line of lines) {
    // The line after the last one, and what separates groups.
    if (line.every((byte) => byte <= 0x20)) continue;
    const row = parseObject(line, `row ${index}`);
    checkFields([row], ROW, index);
    yield row;
    index += 1;
  }
}

async function* linesOf(
  request: Request,
  { most, memory }: BodyLimits,
): AsyncGenerator<Uint8Array, undefined> {
  const reader = request.body?.getReader();
  let pieces: Uint8Array[] = [];
  let pending = 0;
  let held = 0;
  try {
    while (reader) {
      const { done, value } = await reader.read().catch(brokenOff);
      if (done) break;
      memory.take(value.length);
      held += value.length;
      let from = 0;
      for (let end = value.indexOf(NEWLINE); end >= 0; end = value.indexOf(NEWLINE, from)) {
        yield joined([...pieces, value.subarray(from, end)]);
        pieces = [];
        pending = 0;
        from = end + 1;
      }
      // What was handed on is the writer's, for which room was set aside.
      pieces.push(value.subarray(from));
      pending += value.length - from;
      memory.release(held - pending);
      held = pending;
      if (pending > most)
        throw new RequestError('TOO_LARGE', `a line has at most ${most} bytes, but this has more`);
    }
    if (pending > 0) yield joined(pieces);
  } finally {
    memory.release(held);
    await reader?.cancel().catch(() => {});
  }
}

function brokenOff(cause: unknown): never {
  throw cause instanceof RequestError ? cause : new RequestError('ABORTED', 'the body broke off');
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
