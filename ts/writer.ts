import { isStream } from './batch-rows.js';
import type { Connection } from './connection.js';
import type { Embedder } from './embed.js';
import { type BatchOperation, KindexError, show } from './errors.js';
import { singleRow } from './gather.js';
import { checkOptions } from './options.js';
import type { Batch, BatchOptions, BatchResult, Progress, RowStream } from './types.js';
import type { Target } from './write.js';
import { WriteQueue } from './write-queue.js';
import { deleteWhere, writeRows, writeStream } from './write-rows.js';
import { type ViewChange, writeView } from './write-view.js';

/** The writing half of a collection. */
export class Writer {
  readonly #connection: Connection;
  readonly #fixed: Omit<Target, 'client' | 'collection'>;
  readonly #queue: WriteQueue;

  constructor(parts: {
    connection: Connection;
    dimension: number;
    embedder: Embedder | undefined;
    onProgress: (progress: Progress) => void;
  }) {
    const { connection, ...fixed } = parts;
    this.#connection = connection;
    this.#fixed = fixed;
    this.#queue = new WriteQueue((operation, rows, options) =>
      this.#use((target) => writeRows(target, operation, rows, options)),
    );
  }

  /** Whether a batch is under way. */
  get busy(): boolean {
    return this.#queue.busy;
  }

  write(
    operation: BatchOperation,
    batch: Batch<object> | RowStream<object>,
    options: BatchOptions,
  ): Promise<BatchResult> {
    if (isStream(batch)) return this.#stream(operation, batch, options);
    return new Promise((resolve, reject) => {
      const row = singleRow(batch, options, this.#fixed.dimension);
      if (row) {
        const calledAt = performance.now();
        this.#queue.single({ operation, row, options, calledAt, resolve, reject });
      } else {
        const work = (target: Target) => writeRows(target, operation, batch, options);
        this.#queue.alone(() => this.#use(work)).then(resolve, reject);
      }
    });
  }

  async delete(
    selection: {
      readonly ids?: readonly string[] | undefined;
      readonly where?: unknown;
      readonly whereDocument?: unknown;
    },
    options: BatchOptions,
  ): Promise<BatchResult> {
    const { ids, where, whereDocument } = selection ?? {};
    const filtered = where !== undefined || whereDocument !== undefined;
    if ((ids !== undefined) === filtered) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `delete takes { ids } or { where, whereDocument }, but this is ${show(selection)}`,
      );
    }
    checkOptions('delete', selection);
    if (filtered) {
      const filters = { where, whereDocument };
      return this.#queue.alone(() => this.#use((target) => deleteWhere(target, filters, options)));
    }
    const [id] = Array.isArray(ids) && ids.length === 1 ? ids : [];
    return this.write(
      'delete',
      id === undefined ? { ids: ids as readonly string[] } : { id },
      options,
    );
  }

  /** Makes a view, or drops the one of that name. */
  view(name: string, definition: string | undefined, options: ViewChange): Promise<void> {
    return this.#queue.alone(() =>
      this.#use((target) => writeView(target, name, definition, options)),
    );
  }

  /** After everything that was called before. */
  last<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.alone(work);
  }

  /** Each part has a turn of its own: a stream that gives its rows slowly holds up nobody. */
  #stream(
    operation: BatchOperation,
    stream: RowStream<object>,
    options: BatchOptions,
  ): Promise<BatchResult> {
    const turn = <T>(work: (target: Target) => Promise<T>) =>
      this.#queue.alone(() => this.#use(work));
    return writeStream({ ...this.#fixed, turn }, operation, stream, options);
  }

  async #use<T>(work: (target: Target) => Promise<T>): Promise<T> {
    return work({ ...(await this.#connection.use()), ...this.#fixed });
  }
}
