import type { Dedupe, Duplicate, OnDuplicate } from './dedupe.js';
import type { BatchOperation, ErrorCode, ItemError, KindexError } from './errors.js';
import type { FieldPath, Filter, TimePath } from './filter.js';
import type { DocumentFilter, Where } from './selection.js';
import type { StorageAdapter } from './storage/storage.js';

/** How vectors are compared. */
export type Metric = 'cosine' | 'dot' | 'euclidean';

/**
 * How vectors are kept for the walk through the graph; results are rescored on the float vectors where these are kept.
 *
 * - `int8` (seven bits a component): the choice for nearly everything. About 490 bytes a vector of 384 numbers, and
 *   recall as with `none`.
 * - `binary` (one bit a component): 52 bytes a vector of 384 numbers, for vectors of some hundred components, as
 *   embeddings have. Its order is coarse: it needs a wider beam (`ef`, 160 if you name none) for the same recall, which
 *   is slower than `int8`, and with `keepVectors: false` results are estimates, of which about 4 in 10 are not among
 *   the true nearest (recall@10 of 0.6). Float vectors take 4 bytes a number beside either.
 * - `none`: the float vectors themselves.
 */
export type Quantization = 'none' | 'int8' | 'binary';

/** A value of metadata. A `Date` is stored, filtered and returned as milliseconds since 1970. */
export type MetadataValue =
  | string
  | number
  | boolean
  | null
  | Date
  | readonly string[]
  | readonly number[]
  | { readonly [key: string]: MetadataValue | undefined };

/** Metadata of a record of a collection without a declared type. */
export type Metadata = { [key: string]: MetadataValue | undefined };

/** Metadata as it comes back: dates are milliseconds. */
export type Stored<V> = V extends Date
  ? number
  : V extends string | number | boolean | null | undefined
    ? V
    : V extends readonly (infer E)[]
      ? Stored<E>[]
      : V extends object
        ? { [K in keyof V]: Stored<V[K]> }
        : V;

/** One vector: `dimension` finite numbers. */
export type Vector = Float32Array | readonly number[];

/** Makes vectors of texts: one row per text, in order; flat (n x d) or a row each. */
export type Embed = (
  texts: readonly string[],
  context: { readonly signal: AbortSignal },
) => Promise<Float32Array | readonly Vector[]>;

/** An embedder that takes one text at a time. */
export interface EmbedEach {
  /** Makes the vector of one text. */
  readonly each: (text: string, context: { readonly signal: AbortSignal }) => Promise<Vector>;
}

/** Either kind of embedder. */
export type Embedding = Embed | EmbedEach;

/** How a collection embeds the texts that come without a vector. */
export interface EmbedOptions {
  /** Makes a vector of each document that comes without one, and of texts that are searched for. */
  readonly embed?: Embedding;
  /** Texts per call of `embed`; default 32. A batch that fails is tried again text by text. */
  readonly embedBatchSize?: number;
  /** Milliseconds after which a call of `embed` counts as failed, and its signal fires; default 120,000. */
  readonly embedTimeoutMs?: number;
}

/**
 * Where a collection is kept. `auto` is what the runtime has: IndexedDB in a browser, files in Node, Deno and Bun,
 * memory elsewhere (`stats().storageReason` says why).
 */
export type StorageOption = 'auto' | 'indexeddb' | 'file' | 'memory' | StorageAdapter;

/** Where collections are. */
export interface PlaceOptions extends EngineOptions {
  /** Default `auto`; of `Collection.load`, `memory`. */
  readonly storage?: StorageOption;
  /** Node, Deno, Bun: the folder that holds a folder per collection. Default: `kindex-data` in the working directory. */
  readonly folder?: string | URL;
}

/** Links of the graph, in HNSW's terms. */
export interface GraphOptions {
  /** A node keeps up to `2 m` links; 4 to 64, default 16. */
  readonly m?: number;
  /** How widely a new node looks for neighbors; 8 to 4096, default 64. */
  readonly efConstruction?: number;
}

/** Where the wasm and the worker are, for bundlers that do not copy assets. One engine serves all
 *  collections of a page: the first `open` decides. */
export interface EngineOptions {
  /** Threads of the pool; 1 = no pool. `auto`: all cores on a page that is cross-origin isolated, and in Node 22, Deno, Bun. */
  readonly threads?: 'auto' | number;
  /** Folder or file of the wasm. A file is taken as it is; a folder (ending in `/`) holds all of them. */
  readonly wasmUrl?: string | URL;
  /** The worker script. */
  readonly workerUrl?: string | URL;
  /**
   * Most bytes that all collections together may take; what would take more is refused with `OUT_OF_MEMORY`. Default:
   * 96 MiB where an isolate is ended at 128 MB (Cloudflare Workers), elsewhere what the system grants.
   */
  readonly memoryBudget?: number;
  /**
   * What a batch does that would pass the budget, or a snapshot that is loaded. `refuse` (default): it fails.
   * `dropVectors`: the collection gives up its float vectors first, for good, if that makes enough room; its results are
   * scored on codes from then on.
   */
  readonly whenFull?: 'refuse' | 'dropVectors';
}

/** Options of `Collection.open`. What is left out is taken from the stored collection. */
export interface OpenOptions extends PlaceOptions, EmbedOptions {
  /** Components of every vector, 1 to 4096. Needed when the collection is new. */
  readonly dimension?: number;
  /** Default `cosine`. */
  readonly metric?: Metric;
  /** Default `int8`; below 16 components, where codes neither save room nor tell vectors apart, `none`. */
  readonly quantization?: Quantization;
  /** How densely vectors are linked; fixed once the collection is made. */
  readonly graph?: GraphOptions;
  /** Whether the float vectors stay in memory for rescoring; default true. */
  readonly keepVectors?: boolean;
  /** How far reading the stored collection has come. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the waiting with `ABORTED`; what was opened meanwhile is closed. */
  readonly signal?: AbortSignal;
}

/** Options of `Collection.load`. */
export interface LoadOptions extends PlaceOptions, EmbedOptions {
  /** The name of the loaded collection; default: a made one. */
  readonly name?: string;
  /** `memory` (default) reads the snapshot only; any other storage keeps it under `name`. */
  readonly storage?: StorageOption;
  /** How much of the snapshot was read: `done` and `total` are bytes. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the call with `ABORTED`; nothing of the snapshot stays. */
  readonly signal?: AbortSignal;
}

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
  /** Called at most every 50 ms, and once at the end. */
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

/** Parts of a record that a call returns. */
export type Include = 'metadata' | 'document' | 'vector';

/** Options of `search` and `searchBatch`. */
export interface SearchOptions<M extends object = Metadata> extends Where<M> {
  /** Results wanted; default 10. */
  readonly k?: number;
  /** The beam of the walk, at least `k`; default 64. Wider finds more and takes longer. */
  readonly ef?: number;
  /** Default `['metadata']`. */
  readonly include?: readonly Include[];
  /** Compare with every vector. */
  readonly exact?: boolean;
  /** Search the records of this view only; with `where`, those of them that it holds for. */
  readonly view?: string;
  /** Let recency count inside the search: a recent record is found even where many others are more similar. */
  readonly decay?: Decay<M>;
  /** Put beside the hits how they were found, as `explanation`. For one query at a time. */
  readonly explain?: boolean;
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/**
 * How recency counts beside similarity. The score of a hit becomes `(1 - weight) * score + weight * recency`: recency
 * is 1 for a record of `now` or later and halves with every `halfLife` before; it is 0 for a record without a number
 * or date in the field. `distance` stays what it is. Under `dot`, scores have no bounds: choose `weight` for yours.
 */
export interface Decay<M extends object = Metadata> {
  /** A field with dates or numbers. */
  readonly field: TimePath<M>;
  /** What halves the recency: milliseconds for dates, else in the unit of the field. Above 0. */
  readonly halfLife: number;
  /** 0 (only similarity counts) to 1 (only recency counts); default 0.5. */
  readonly weight?: number;
  /** Default: now, in milliseconds. */
  readonly now?: number | Date;
}

/**
 * The way that a search took.
 *
 * - `exact`: all that may be in the answer was compared: the collection or the matches are few, or `exact` was asked for.
 * - `walk`: through the graph. `exact-walk`: then on by exact distances, where codes could not tell vectors apart.
 * - `filtered-walk`: through the graph, keeping what matches; where most records do.
 * - `bridged-walk`: from match to match, across others. `exact-fallback`: that would have cost more than to compare all
 *   matches.
 */
export type Strategy =
  | 'exact'
  | 'walk'
  | 'exact-walk'
  | 'filtered-walk'
  | 'bridged-walk'
  | 'exact-fallback';

/** How a search found its answer. */
export interface Explanation {
  /** The way that was taken. */
  readonly strategy: Strategy;
  /** Distances computed. */
  readonly distances: number;
  /** Nodes whose links were followed. */
  readonly visited: number;
}

/** A record that was found. */
export interface Hit<M extends object = Metadata> {
  /** The record's id. */
  readonly id: string;
  /** 1 - cos, -dot, or the L2 distance. Smaller is closer. */
  readonly distance: number;
  /** cos, dot, or 1 / (1 + distance); with `decay`, recency counts too. Larger is better. */
  readonly score: number;
  /** Unless `include` leaves it out. */
  readonly metadata?: Stored<M>;
  /** Only if `include` names it. */
  readonly document?: string;
  /** Only if `include` names it; under `cosine` at length 1, without `keepVectors` as the codes have it. */
  readonly vector?: Float32Array;
}

/** The hits of a query, closest first. */
export interface Found<M extends object = Metadata> extends Array<Hit<M>> {
  /** With `explain: true`. */
  readonly explanation?: Explanation;
}

/** A stored record. */
export interface StoredRecord<M extends object = Metadata> {
  /** The record's id. */
  readonly id: string;
  /** Unless `include` leaves it out; dates are milliseconds. */
  readonly metadata?: Stored<M>;
  /** Unless `include` leaves it out. */
  readonly document?: string;
  /** Only if `include` names it; under `cosine` at length 1, without `keepVectors` as the codes have it. */
  readonly vector?: Float32Array;
}

/** Which records `get` returns. */
export interface GetQuery<M extends object = Metadata> extends Where<M> {
  /** These records, in this order. Not together with `where` or `orderBy`. */
  readonly ids?: readonly string[];
  /** Default: all that match. For many, see `iterate`. */
  readonly limit?: number;
  /** Matches to pass over; default 0. */
  readonly offset?: number;
  /** Default: the order of insertion, but that slots of deleted records are used again. */
  readonly orderBy?: OrderBy<M>;
}

/**
 * A field, ascending unless said otherwise. Numbers come before strings (by code points), these before booleans;
 * descending turns that around. Records without such a value come last either way.
 */
export type OrderBy<M extends object = Metadata> =
  | FieldPath<M>
  | {
      /** A field by its dotted path. */
      readonly field: FieldPath<M>;
      /** Default `asc`. */
      readonly direction?: 'asc' | 'desc';
    };

/** Options of `get` and `iterate`. */
export interface GetOptions {
  /** Default `['metadata', 'document']`. */
  readonly include?: readonly Include[];
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** One part of what is stored. */
export interface PartReport {
  /** For example `manifest`, `snapshot part 2`, `log record 17`, `document chunk 3`. */
  readonly part: string;
  /** Whether it is whole. */
  readonly ok: boolean;
  /** What is wrong with it. */
  readonly message?: string;
}

/** What `Collection.verify` found. */
export interface VerifyReport {
  /** Whether every part is whole. */
  readonly ok: boolean;
  /** Records, as far as they could be read; 0 if not. */
  readonly records: number;
  /** Batches committed so far, as far as they could be read; 0 if not. */
  readonly generation: number;
  /** One by one, in the order in which they are read. */
  readonly parts: readonly PartReport[];
}

/** What a repair found. A part that is `damaged` was made anew without loss; of one that is `lost` something is gone. */
export interface RepairReport {
  /** The worst of any part. */
  readonly state: 'ok' | 'damaged' | 'lost';
  /** `file`, `vectors`, `codes`, `graph`, `records`, `metadata`, `batches`, `views`, `documents`, `log`. */
  readonly parts: readonly {
    /** Its name. */
    readonly part: string;
    /** What became of it. */
    readonly state: 'ok' | 'damaged' | 'lost';
    /** Items of the part that are whole. */
    readonly whole: number;
    /** Items of the part that are gone. */
    readonly lost: number;
    /** What is wrong with it, a sentence each. */
    readonly findings: readonly string[];
  }[];
}

/** Bytes of memory that a collection takes. */
export interface MemoryStats {
  /** What distances are estimated from. */
  readonly codes: number;
  /** Float vectors. */
  readonly vectors: number;
  /** Links. */
  readonly graph: number;
  /** Ids, and where each is. */
  readonly ids: number;
  /** The text of metadata. */
  readonly metadata: number;
  /** What filters use of it. */
  readonly columns: number;
  /** Graphs and members of views. */
  readonly views: number;
  /** Documents that were read last. All others are in storage. */
  readonly documents: number;
}

/** Facts about a collection. */
export interface Stats {
  /** The name that it was opened by. */
  readonly name: string;
  /** Components of every vector. */
  readonly dimension: number;
  /** How vectors are compared. */
  readonly metric: Metric;
  /** How vectors are kept for the walk. */
  readonly quantization: Quantization;
  /** Records. */
  readonly live: number;
  /** Deleted slots that are not reclaimed yet. */
  readonly tombstones: number;
  /** Whether there is a graph; small collections are scanned. */
  readonly graph: boolean;
  /** Batches committed so far. */
  readonly generation: number;
  /** Bytes in memory, by part. */
  readonly memory: MemoryStats;
  /** Whether float vectors are in memory: not with `keepVectors: false`, nor once `whenFull: 'dropVectors'` has dropped them. */
  readonly keepVectors: boolean;
  /** Threads of the pool; 1 = no pool. */
  readonly threads: number;
  /** `simd128`, `relaxed-simd` or `scalar`. */
  readonly simd: string;
  /** `indexeddb`, `file`, `memory`, or an adapter's kind. */
  readonly storage: string;
  /** Why it is not the storage that `auto` prefers. */
  readonly storageReason: string | undefined;
  /** Whether this tab writes to storage; if not, another one does, for this one too. */
  readonly writing: boolean;
  /** Bytes of the log since the last checkpoint. */
  readonly logBytes: number;
  /** Generation of the last checkpoint. */
  readonly checkpoint: number | undefined;
  /** Of the engine. */
  readonly version: string;
}

/** Events of a collection. */
export interface Events {
  /** A batch was committed, through this object or another, in this tab or another. */
  change: {
    /** Batches that the collection has committed so far, this one included. */
    readonly generation: number;
    /** What the batch was. */
    readonly operation: BatchOperation;
    /** Records that it wrote or deleted. */
    readonly written: number;
  };
  /** How far a batch has come that this object writes. */
  progress: Progress;
  /** Something failed that no call waits for, for example a checkpoint. */
  error: KindexError;
}
