import { type BatchRows, batchRows } from './batch-rows.js';
import { abortError, type BatchOperation, KindexError, toKindexError } from './errors.js';
import type { Batch, Row, RowStream } from './types.js';

/** Bytes that a row is taken for besides its vector and document: its id, and per key of its metadata. */
const ROW_BYTES = 64;
const KEY_BYTES = 32;

/** Reads a stream of rows and batches, and cuts it into parts. */
export class RowSource {
  readonly #operation: BatchOperation;
  readonly #dimension: number;
  readonly #signal: AbortSignal | undefined;
  readonly #items: AsyncIterator<Batch<object>> | Iterator<Batch<object>>;
  /** Rows of the item that was read last. */
  #rows: Iterator<Row<object>> = [].values();
  /** Fails the wait for the next item. */
  #interrupt: (reason: unknown) => void = () => {};
  #interruption: unknown;
  #ended = false;
  /** Rows read so far. */
  read = 0;

  constructor(
    stream: RowStream<object>,
    operation: BatchOperation,
    dimension: number,
    signal: AbortSignal | undefined,
  ) {
    this.#operation = operation;
    this.#dimension = dimension;
    this.#signal = signal;
    this.#items = iteratorOf(stream);
    signal?.addEventListener('abort', this.#onAbort);
  }

  /**
   * The next rows, up to that many and about that many bytes; undefined at the end. The rows are the reader's own:
   * a source may fill its arrays anew.
   *
   * @throws KindexError `INVALID_ARGUMENT` for what is neither row nor batch; `ABORTED` by the signal, or with what
   * the source threw as its cause; whatever {@link stop} was given
   */
  async next(limit: {
    readonly rows: number;
    readonly bytes: number;
  }): Promise<Row<object>[] | undefined> {
    const part: Row<object>[] = [];
    let bytes = 0;
    while (part.length < limit.rows && bytes < limit.bytes) {
      const { done, value } = this.#rows.next();
      if (done) {
        if (!(await this.#item())) break;
        continue;
      }
      part.push(own(value));
      bytes += bytesOf(value, this.#dimension);
      this.read += 1;
    }
    return part.length > 0 ? part : undefined;
  }

  /** Fails the reading that is under way, and all that follows. */
  stop(reason: unknown): void {
    this.#interruption ??= reason;
    this.#interrupt(reason);
  }

  /** Nothing more is wanted: the source may let go of what it holds. */
  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (this.#ended) return;
    this.#ended = true;
    // Not waited for: a source that hangs would hang here too.
    Promise.resolve(this.#items.return?.()).catch(() => {});
  }

  readonly #onAbort = () => this.stop(abortError(this.#signal as AbortSignal));

  /** Reads an item; false at the end. */
  async #item(): Promise<boolean> {
    if (this.#ended) return false;
    if (this.#signal?.aborted) this.#onAbort();
    const { done, value } = await new Promise<IteratorResult<Batch<object>>>((resolve, reject) => {
      if (this.#interruption !== undefined) return reject(this.#interruption);
      this.#interrupt = reject;
      this.#read().then(resolve, reject);
    });
    this.#ended = done === true;
    if (!done) this.#rows = rowsOf(batchRows(this.#operation, value, this.#dimension));
    return !done;
  }

  async #read(): Promise<IteratorResult<Batch<object>>> {
    try {
      return await this.#items.next();
    } catch (cause) {
      this.#ended = true;
      const { message } = toKindexError(cause, 'ABORTED');
      throw new KindexError('ABORTED', `the source of the rows failed: ${message}`, { cause });
    }
  }
}

/** The rows of a batch, made as they are asked for. */
export function* rowsOf(rows: BatchRows): Generator<Row<object>> {
  for (let i = 0; i < rows.length; i++) {
    yield {
      id: rows.id(i),
      vector: rows.vector(i),
      metadata: rows.metadata(i),
      document: rows.document(i),
    } as Row<object>;
  }
}

function own(row: Row<object>): Row<object> {
  return row.vector instanceof Float32Array ? { ...row, vector: row.vector.slice() } : row;
}

function bytesOf({ vector, metadata, document }: Row<object>, dimension: number): number {
  const text = typeof document === 'string' ? document.length : 0;
  // A row without a vector gets one from its document.
  const numbers = vector === undefined && !text ? 0 : dimension * 4;
  const keys = typeof metadata === 'object' && metadata ? Object.keys(metadata).length : 0;
  return ROW_BYTES + numbers + text + keys * KEY_BYTES;
}

function iteratorOf(stream: RowStream<object>) {
  if (Symbol.asyncIterator in stream) return stream[Symbol.asyncIterator]();
  if (Symbol.iterator in stream) return stream[Symbol.iterator]();
  // Not every browser can iterate over its own streams.
  const reader = (stream as ReadableStream<Batch<object>>).getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<Batch<object>>>,
    return: async () => {
      await reader.cancel();
      return { done: true as const, value: undefined };
    },
  };
}
