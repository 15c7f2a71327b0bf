import type { Dedupe, Duplicate, OnDuplicate } from './dedupe.js';
import type { BatchOperation, ErrorCode, ItemError } from './errors.js';
import type { Filter } from './filter.js';
import type { DocumentFilter, Where } from './selection.js';
import type { Metadata, Vector } from './types.js';

/** A record to write. */
export interface Row<M extends object = Metadata> {
  /** 1 to 512 bytes of UTF-8; made (and sorting by time) where left out of an insert. */
  readonly id?: string;
  /** Needed for a new record, unless `embed` makes it of the document. */
  readonly vector?: Vector;
  /** What filters go by: a plain object. `null` in an update removes it. */
  readonly metadata?: M | null;
  /** A text that is stored beside the vector, at most 4 MiB. `null` in an update removes it. */
  readonly document?: string | null;
}

/** Records to write, by column; all columns have the same number of rows. */
export interface Columns<M extends object = Metadata> {
  /** As `id` of a row; all made where the column is left out of an insert. */
  readonly ids?: readonly string[];
  /** Flat (n x d, row-major) or a row each. The caller's array is read, never taken. */
  readonly vectors?: Float32Array | readonly Vector[];
  /** As `metadata` of a row; `undefined` where one has none. */
  readonly metadatas?: readonly (M | null | undefined)[];
  /** As `document` of a row; `undefined` where one has none. */
  readonly documents?: readonly (string | null | undefined)[];
}

/** What a batch verb takes. */
export type Batch<M extends object = Metadata> = readonly Row<M>[] | Row<M> | Columns<M>;

/** Records to write that come one after the other, as rows or as batches. */
export type RowStream<M extends object = Metadata> =
  | AsyncIterable<Batch<M>>
  | Iterable<Batch<M>>
  | ReadableStream<Batch<M>>;

/** What `delete` takes. */
export type Selection<M extends object = Metadata> =
  | {
      /** These records; an id that is not there is an error of its item. */
      readonly ids: readonly string[];
      /** Not beside `ids`. */
      readonly where?: never;
      /** Not beside `ids`. */
      readonly whereDocument?: never;
    }
  | (Where<M> & {
      /** All records that it holds for; `{}` for every one. */
      readonly where: Filter<M>;
      /** Not beside a filter. */
      readonly ids?: never;
    })
  | (Where<M> & {
      /** All records whose document satisfies it. */
      readonly whereDocument: DocumentFilter;
      /** Not beside a filter. */
      readonly ids?: never;
    });

/** What a long call is doing. */
export type Phase = 'validate' | 'embed' | 'encode' | 'index' | 'commit' | 'load' | 'compact';

/** How far a long call has come. */
export interface Progress {
  /** What is being done; a call may go through several, and more than once. */
  readonly phase: Phase;
  /** Items done in this phase (bytes while loading, records of storage while committing). */
  readonly done: number;
  /** For a stream: what was read so far. */
  readonly total: number;
  /** Items per second in this phase; 0 until there is something to go by. */
  readonly rate: number;
  /** Milliseconds until this phase ends, at that rate; undefined where it can't be told. */
  readonly etaMs: number | undefined;
  /** Parts handed to the engine so far. */
  readonly batches: number;
}

/** Options of the batch verbs. */
export interface BatchOptions {
  /** All or nothing (default), or each item for itself. */
  readonly atomic?: boolean;
  /**
   * Rows per part. A batch is handed over in parts and committed as one; a stream commits part by part. `auto`
   * (default) goes by the size of the rows and by what the engine and the storage have taken so far: 1 to 4 MB, see
   * `LIMITS`.
   */
  readonly batchSize?: number | 'auto';
  /** `false`: one thread. `auto` (default): one thread for a small batch, all of them otherwise. */
  readonly parallel?: boolean | 'auto';
  /** The most threads that index this batch; default all of the pool. The outcome is the same for any number. */
  readonly workers?: number;
  /** `strict` waits until the bytes are on the disk; default `relaxed`: until the system has them. */
  readonly durability?: 'relaxed' | 'strict';
  /**
   * Called at most every 50 ms, and once at the end. What it throws while rows are encoded ends the call; later it is
   * reported like any uncaught error.
   */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the call before its commit. A single call that was gathered with others hears it until their batch begins. */
  readonly signal?: AbortSignal;
  /** Which items of an insert or upsert count as duplicates of stored records or of earlier items. */
  readonly dedupe?: Dedupe;
  /** What becomes of duplicates; default `skip`. */
  readonly onDuplicate?: OnDuplicate;
  /**
   * A retry under the same id is not applied twice, as long as the first is among the last 1,024 that had one. A
   * stream takes it together with a `batchSize` in rows, so that its parts are the same again.
   */
  readonly batchId?: string;
}

/** What a batch did. */
export interface BatchResult {
  /** Whether every item was written. */
  readonly success: boolean;
  /** As the call asked for. */
  readonly atomic: boolean;
  /** The verb that was called. */
  readonly operation: BatchOperation;
  /** The ids of the batch in its order, also those that were made. Empty for a delete by filter, and for a stream. */
  readonly ids: readonly string[];
  /** Records that were written or deleted. */
  readonly written: number;
  /** The items that `dedupe` found to be like others: no failures. In their order; of a stream the first 10,000. */
  readonly duplicates: readonly Duplicate[];
  /** Items that were not, duplicates left aside. */
  readonly failed: number;
  /** In the order of the batch; of a stream the first 10,000. */
  readonly errors: readonly ItemError[];
  /** Parts that were handed to the engine. */
  readonly batchesProcessed: number;
  /** Set where a batch with `atomic: false` was refused as a whole and then written in smaller ones. */
  readonly fallback?: Fallback;
  /** Whether the batch outlives the page; false for storage `memory`. */
  readonly durable: boolean;
  /** Batches that the collection has committed so far, this one included. */
  readonly generation: number;
  /** Milliseconds that it took. */
  readonly elapsedMs: number;
}

/** How a batch was written that was refused as a whole. */
export interface Fallback {
  /** Why it was refused. */
  readonly code: ErrorCode;
  /** The same as a sentence. */
  readonly message: string;
  /** Smaller batches that were committed in its place. */
  readonly batches: number;
}
