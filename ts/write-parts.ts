import { type BatchRows, batchRows } from './batch-rows.js';
import type { Embedder } from './embed.js';
import { BatchError, KindexError, PartialWriteError, toKindexError } from './errors.js';
import { mayFallBack, writeInSmaller } from './fallback.js';
import { LIMITS } from './limits.js';
import { PartSizer } from './part-size.js';
import { idsOf, prepare, type Ready, repeatedIds, withoutRepeats } from './prepare.js';
import { RowSource, rowsOf } from './row-source.js';
import { Tally } from './tally.js';
import type { BatchResult, Fallback, RowStream } from './types.js';
import type { Target, WriteCall, Written } from './write.js';

/** What parts are written to. */
export interface PartsTarget {
  readonly dimension: number;
  readonly embedder: Embedder | undefined;
  /** Runs in the turn of a part. */
  turn<T>(work: (target: Target) => Promise<T>): Promise<T>;
}

/** What is known of the rows beforehand, if they are not a stream. */
interface Known {
  readonly rows: number;
  readonly repeated: ReadonlySet<unknown>;
}

/**
 * Writes rows part by part, each a batch of its own. While a part is written, the next is read and embedded; no more
 * than these two are in memory.
 *
 * @throws PartialWriteError if some of it was written; otherwise why nothing was
 */
export async function writeParts(
  call: WriteCall,
  stream: RowStream<object>,
  target: PartsTarget,
  known?: Known,
): Promise<BatchResult> {
  const { signal, batchSize = 'auto', batchId } = call.options;
  if (batchId !== undefined && batchSize === 'auto') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      'a stream with a batchId needs a batchSize in rows: its parts must be the same when it is tried again',
    );
  }
  const parts = new Parts(call, target, known);
  const source = new RowSource(stream, call.operation, target.dimension, signal);
  const sizer = new PartSizer(batchSize);
  let writing = Promise.resolve();
  try {
    for (let rows = await source.next(sizer); rows; rows = await source.next(sizer)) {
      const ready = await parts.prepare(rows, source.read);
      await writing;
      writing = parts.write(ready, sizer);
      // The reading ends at once, even if the source never gives anything again.
      writing.catch((reason) => source.stop(reason));
    }
    await writing;
    return parts.result();
  } catch (thrown) {
    await writing.catch(() => {});
    throw parts.failure(toKindexError(thrown));
  } finally {
    source.close();
  }
}

/** Writes a batch part by part. */
export async function writeDivided(
  call: WriteCall,
  rows: BatchRows,
  target: PartsTarget,
): Promise<BatchResult> {
  const known = { rows: rows.length, repeated: repeatedIds(rows) };
  return writeParts(call, { [Symbol.iterator]: () => rowsOf(rows) }, target, known);
}

class Parts {
  readonly #call: WriteCall;
  readonly #target: PartsTarget;
  readonly #known: Known | undefined;
  readonly #tally: Tally;
  readonly #ids: string[] = [];
  #fallback: Fallback | undefined;
  #parts = 0;
  #total: number;

  constructor(call: WriteCall, target: PartsTarget, known: Known | undefined) {
    this.#call = call;
    this.#target = target;
    this.#known = known;
    this.#tally = new Tally(known ? Number.POSITIVE_INFINITY : LIMITS.streamErrors);
    this.#total = known?.rows ?? 0;
  }

  /** `read`: rows so far, these included. */
  async prepare(rows: readonly object[], read: number): Promise<Ready> {
    this.#total = Math.max(this.#total, read);
    const { operation, options, progress } = this.#call;
    const { dimension, embedder } = this.#target;
    const part = batchRows(operation, rows, dimension);
    const steps = progress.part(read - rows.length, () => this.#total);
    const ready = await prepare(operation, part, embedder, options.signal, steps);
    return this.#known ? withoutRepeats(ready, this.#known.repeated) : ready;
  }

  async write(ready: Ready, sizer: PartSizer): Promise<void> {
    await this.#target.turn(async (target) => {
      const started = performance.now();
      const { batchId } = this.#call.options;
      const partId = batchId === undefined ? undefined : `${batchId}/${this.#parts}`;
      try {
        const written = await this.#call.write(target, ready, undefined, partId);
        this.#assertWhole(written, ready);
        this.#tally.add(written);
      } catch (thrown) {
        if (!mayFallBack(this.#call, thrown, ready.rows.length)) throw thrown;
        await this.#inSmaller(target, ready, toKindexError(thrown));
      }
      sizer.written(performance.now() - started);
    });
    this.#parts += 1;
    this.#tally.offset += ready.rows.length;
    if (this.#known) this.#ids.push(...idsOf(ready));
  }

  result(): BatchResult {
    const result = this.#call.result(this.#tally.sum(), this.#total, this.#ids);
    return this.#fallback ? { ...result, fallback: this.#fallback } : result;
  }

  failure(cause: KindexError): KindexError {
    if (this.#tally.written === 0) return cause;
    return new PartialWriteError(cause, { ...this.result(), success: false });
  }

  /** A part for all or nothing that was nothing ends the call. */
  #assertWhole({ errors }: Written, { rows }: Ready): void {
    if (!this.#call.atomic || errors.length === 0) return;
    const { offset } = this.#tally;
    const placed = errors.map((error) => ({ ...error, index: offset + error.index }));
    throw new BatchError(this.#call.operation, rows.length, placed);
  }

  /** A storage that refuses even the smallest batches ends the call: it would refuse the next part as well. */
  async #inSmaller(target: Target, ready: Ready, refusal: KindexError): Promise<void> {
    const { batches, refused } = await writeInSmaller(
      this.#call,
      target,
      ready,
      refusal,
      this.#tally,
    );
    const { code, message } = refusal;
    this.#fallback = { code, message, batches: (this.#fallback?.batches ?? 0) + batches };
    if (refused > 0) throw refusal;
  }
}
