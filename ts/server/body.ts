import { RequestError } from './status.js';
import { decodeVectors, VECTORS_TYPE, type VectorsBody } from './vectors-body.js';

const JSON_TYPE = 'application/json';

/** A request's body: JSON, and the vectors beside it if they came in binary. */
export interface Body {
  readonly json: Readonly<Record<string, unknown>>;
  readonly binary: VectorsBody | undefined;
}

/** Bytes of all bodies that are being answered at one time, against a limit. */
export class BodyMemory {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws RequestError `BUSY` */
  take(bytes: number): void {
    if (this.#held + bytes > this.#limit) {
      throw new RequestError(
        'BUSY',
        `the bodies of the requests under way fill the ${this.#limit} bytes that are set aside for them`,
      );
    }
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}

/** What bodies are held to: bytes of one, and of all together. */
export interface BodyLimits {
  readonly most: number;
  readonly memory: BodyMemory;
}

/**
 * Reads a body and hands it on; its bytes count against `memory` until `use` is done.
 *
 * @throws RequestError `UNSUPPORTED_MEDIA_TYPE`, `TOO_LARGE`, `BUSY`, `INVALID_ARGUMENT`
 */
export async function withBody<T>(
  request: Request,
  limits: BodyLimits,
  use: (body: Body) => Promise<T>,
): Promise<T> {
  const type = checkedType(request);
  const { bytes, release } = await readBytes(request, limits);
  try {
    return await use(decode(type, bytes));
  } finally {
    release();
  }
}

/**
 * What the body is said to be, in lower case.
 *
 * @throws RequestError `UNSUPPORTED_MEDIA_TYPE` if it is encoded
 */
export function mediaTypeOf(request: Request): string {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new RequestError(
      'UNSUPPORTED_MEDIA_TYPE',
      `a body is taken as it is, but its content-encoding is '${encoding}'`,
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

function checkedType(request: Request): string {
  const name = mediaTypeOf(request);
  if (name === JSON_TYPE || name === VECTORS_TYPE) return name;
  throw new RequestError(
    'UNSUPPORTED_MEDIA_TYPE',
    `the content-type must be ${JSON_TYPE} or ${VECTORS_TYPE}, but is '${name}'`,
    { headers: { 'accept-post': `${JSON_TYPE}, ${VECTORS_TYPE}` } },
  );
}

/** Counts what arrives: `content-length` may say less than comes, and may be missing. */
async function readBytes(
  request: Request,
  { most, memory }: BodyLimits,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > most) throw tooLarge(most);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const release = () => memory.release(length);
  const reader = request.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length > most) throw tooLarge(most);
      memory.take(value.length);
      length += value.length;
      chunks.push(value);
    }
  } catch (thrown) {
    release();
    await reader?.cancel().catch(() => {});
    if (thrown instanceof RequestError) throw thrown;
    throw new RequestError('ABORTED', 'the body broke off');
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, release };
}

const tooLarge = (most: number) =>
  new RequestError('TOO_LARGE', `a body has at most ${most} bytes, but this has more`);

function decode(type: string, bytes: Uint8Array<ArrayBuffer>): Body {
  if (type === JSON_TYPE) return { json: parseObject(bytes, 'the body'), binary: undefined };
  const binary = decodeVectors(bytes);
  return { json: parseObject(binary.head, 'the head of the body'), binary };
}

/** @throws RequestError `INVALID_ARGUMENT` */
export function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    const reason = thrown instanceof SyntaxError ? thrown.message : 'it is not UTF-8';
    throw new RequestError('INVALID_ARGUMENT', `${what} is no JSON: ${reason}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new RequestError('INVALID_ARGUMENT', `${what} must be a JSON object`);
}
