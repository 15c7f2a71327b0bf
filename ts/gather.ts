import { BatchError, type BatchOperation, type ItemError, throwIfAborted } from './errors.js';
import { LIMITS } from './limits.js';
import { checkOptions } from './options.js';
import type { Batch, BatchOptions, BatchResult, Columns, Row, Vector } from './types.js';
import type { WriteRows } from './write-queue.js';

/** A call that writes one record. */
export interface Single {
  readonly operation: BatchOperation;
  readonly row: Row<object>;
  readonly options: BatchOptions;
  readonly calledAt: number;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (thrown: unknown) => void;
}

/** What calls may differ in and still be written together; `durability` parts them. */
const GATHERED_OPTIONS: ReadonlySet<string> = new Set(['atomic', 'signal', 'durability']);
const ROW_KEYS = ['id', 'vector', 'metadata', 'document'];
const COLUMN_KEYS = ['ids', 'vectors', 'metadatas', 'documents'];

/** The one row of a call that may share a batch with others; undefined for every other call. */
export function singleRow(
  batch: Batch<object>,
  options: BatchOptions,
  dimension: number,
): Row<object> | undefined {
  const only: unknown = Array.isArray(batch) && batch.length === 1 ? batch[0] : batch;
  if (typeof only !== 'object' || only === null || Array.isArray(only)) return undefined;
  const byColumn = COLUMN_KEYS.some((key) => key in only);
  if (byColumn === ROW_KEYS.some((key) => key in only)) return undefined;
  const row = byColumn ? firstOf(only as Columns<object>, dimension) : only;
  if (!row) return undefined;
  checkOptions('a batch', options);
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !GATHERED_OPTIONS.has(name)) return undefined;
  }
  // Read once and here, so that whatever a getter throws is this call's own error.
  const { id, vector, metadata, document } = row as Row<object>;
  return { id, vector, metadata, document } as Row<object>;
}

/** The row of columns of one row each; undefined if they are longer, or anything about them is wrong. */
function firstOf(columns: Columns<object>, dimension: number): Row<object> | undefined {
  const { ids, vectors, metadatas, documents } = columns;
  const flat = vectors instanceof Float32Array ? vectors : undefined;
  if (flat && flat.length !== dimension) return undefined;
  for (const column of [ids, flat ? undefined : vectors, metadatas, documents]) {
    if (column !== undefined && !(Array.isArray(column) && column.length === 1)) return undefined;
  }
  return {
    id: ids?.[0],
    vector: flat ?? (vectors as readonly Vector[] | undefined)?.[0],
    metadata: metadatas?.[0],
    document: documents?.[0],
  } as Row<object>;
}

/**
 * Calls for one record each that are written together: one batch for each verb. No two of them name the same id, so
 * the order in which the verbs are written makes no difference.
 */
export class Gathered {
  readonly #write: WriteRows;
  readonly #ids = new Set<string>();
  /** Calls by what has to be the same within a batch. */
  readonly #batches = new Map<string, Single[]>();
  #calls = 0;

  constructor(write: WriteRows) {
    this.#write = write;
  }

  /** False for a second call about the same id: it has to come after the first. */
  accepts({ row: { id } }: Single): boolean {
    return this.#calls < LIMITS.gatheredCalls && (typeof id !== 'string' || !this.#ids.has(id));
  }

  add(call: Single): void {
    const { operation, row, options } = call;
    const kind = `${operation} ${options.durability ?? 'relaxed'}`;
    const calls = this.#batches.get(kind);
    if (calls) calls.push(call);
    else this.#batches.set(kind, [call]);
    if (typeof row.id === 'string') this.#ids.add(row.id);
    this.#calls += 1;
  }

  async run(): Promise<void> {
    for (const calls of this.#batches.values()) await this.#together(calls.filter(isWanted));
  }

  async #together(calls: readonly Single[]): Promise<void> {
    const [first] = calls;
    if (!first) return;
    const { operation } = first;
    try {
      if (calls.length === 1) {
        first.resolve(await this.#write(operation, [first.row], first.options));
        return;
      }
      const { durability = 'relaxed' } = first.options;
      const rows = calls.map(({ row }) => row);
      settle(calls, await this.#write(operation, rows, { atomic: false, durability }));
    } catch (thrown) {
      for (const { reject } of calls) reject(thrown);
    }
  }
}

/** A call whose signal has fired while it waited gets its error here, and is left out. */
function isWanted({ options, reject }: Single): boolean {
  try {
    throwIfAborted(options.signal);
    return true;
  } catch (thrown) {
    reject(thrown);
    return false;
  }
}

/** Tells each call what became of its own record. */
function settle(calls: readonly Single[], result: BatchResult): void {
  const errors = new Map<number, ItemError>();
  for (const error of result.errors) errors.set(error.index, { ...error, index: 0 });
  const now = performance.now();
  for (const [i, { operation, options, calledAt, resolve, reject }] of calls.entries()) {
    const { atomic = true } = options;
    const error = errors.get(i);
    if (error && atomic) {
      reject(new BatchError(operation, 1, [error]));
      continue;
    }
    resolve({
      ...result,
      success: !error,
      atomic,
      ids: [result.ids[i] as string],
      written: error ? 0 : 1,
      failed: error ? 1 : 0,
      errors: error ? [error] : [],
      elapsedMs: now - calledAt,
    });
  }
}
