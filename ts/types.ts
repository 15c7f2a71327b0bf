import type { Progress } from './batch-types.js';
import type { StorageAdapter } from './storage/storage.js';

export type * from './batch-types.js';
export type * from './read-types.js';
export type * from './report-types.js';

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
