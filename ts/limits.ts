/** Every limit that a caller can meet. Past one of them a call fails with a typed error. */
export const LIMITS = {
  /** Components of a vector. */
  dimension: 4096,
  /** UTF-8 bytes of an id. */
  idBytes: 512,
  /** UTF-8 bytes of the name of a collection or a view. */
  nameBytes: 200,
  /** Views of a collection. */
  views: 64,
  /** UTF-8 bytes of one record's metadata as JSON. */
  metadataBytes: 65_536,
  /** Objects inside objects in metadata. */
  metadataDepth: 8,
  /** Keys in one record's metadata, those of nested objects included. */
  metadataKeys: 256,
  /** Distinct fields over all records of a collection, by dotted path. */
  fields: 4096,
  /** UTF-8 bytes of one document. */
  documentBytes: 4 * 1024 * 1024,
  /** UTF-8 bytes of a `batchId`. */
  batchIdBytes: 512,
  /** Items of one batch. */
  batchRows: 2_097_152,
  /** Least bytes that a part of a stream aims at under `batchSize: 'auto'`. */
  partBytesLeast: 1024 * 1024,
  /** Most bytes that a part of a stream aims at under `batchSize: 'auto'`. */
  partBytesMost: 4 * 1024 * 1024,
  /** Rows of a part of a stream under `batchSize: 'auto'`. */
  partRows: 65_536,
  /** Errors of single items that the result of a stream lists; it counts all. */
  streamErrors: 10_000,
  /** Milliseconds that an embedder may be given. */
  embedTimeoutMs: 3_600_000,
  /** Threads that `workers` may name. */
  workers: 64,
  /** Calls for one record each, or for one query each, that are gathered into one batch. */
  gatheredCalls: 16_384,
  /** UTF-8 bytes of a filter as JSON. */
  filterBytes: 65_536,
  /** Conditions in a filter. */
  filterNodes: 1024,
  /** Conditions and groups inside each other in a filter. */
  filterDepth: 16,
  /** Values that `facets` returns. */
  facets: 10_000,
  /** Results wanted of a query. */
  k: 10_000,
  /** The beam of a search. */
  ef: 4096,
} as const;

/** Keys that reach an object's prototype: refused in metadata and filters. @internal */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);
