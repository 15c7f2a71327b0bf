/**
 * The wasm as the host sees it: what wasm-bindgen generates for `crates/wasm`, without the parts that only
 * loading needs. Only `ts/entrypoints` import the generated files themselves.
 */
export interface Glue {
  readonly Engine: { new (optionsJson: string): Engine; load(): Loader };
  /** JSON: version, simd level, threads. */
  capabilities(): string;
  /** The document of a row of a chunk. Throws `CORRUPT`. */
  readDocument(chunk: Uint8Array, row: number): string | undefined;
  /** Those of the rows whose documents have the text in them. Throws `CORRUPT`. */
  matchDocuments(chunk: Uint8Array, rows: Uint32Array, text: string): Uint32Array;
  crc32(bytes: Uint8Array): number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Bits of `include`. */
export const INCLUDE = { metadata: 1, documents: 2, vectors: 4 } as const;

/** A collection in wasm memory. Synchronous; throws `Error`s with a `code`. */
export interface Engine {
  free(): void;
  options(): string;
  stats(): string;
  readonly size: number;
  readonly generation: number;

  /** JSON of what became of a named batch, if it is among the last ones. */
  outcome(batchId: string): string | undefined;
  begin(op: string, atomic: boolean, batchId: string | undefined, rows: number): void;
  stage(
    ids: Uint8Array,
    idEnds: Uint32Array,
    vectors: Float32Array,
    hasVector: Uint8Array,
    metadata: Uint8Array,
    metadataEnds: Uint32Array,
    metadataPresent: Uint8Array,
    documents: Uint8Array,
    documentEnds: Uint32Array,
    documentPresent: Uint8Array,
  ): void;
  /** Those that are selected now; `documents` as in `search`. */
  stageWhere(filterJson: string | undefined, documents: Uint32Array | undefined): void;
  validate(dedupeJson: string | undefined): string;
  /** JSON of `{ index, id, duplicateOf }` each. */
  duplicates(): string;
  duplicateDistances(): Float32Array;
  /** Slot, chunk and row of the documents that are to be read before exact duplicates can be told. */
  fingerprint(): Uint32Array;
  fingerprintDocuments(chunk: Uint8Array, rows: Uint32Array, slots: Uint32Array): void;
  forgetFingerprints(): void;
  encode(targetPartBytes: number): EncodedBatch;
  takeDocumentChunk(i: number): Uint8Array;
  takeLogPart(i: number): Uint8Array;
  /** On at most that many threads; 0 = all. */
  apply(progress: ((done: number, total: number) => void) | undefined, threads: number): number;
  discard(): void;

  replay(logPart: Uint8Array): boolean;
  endReplay(): number;

  /** Document chunks may follow the first part, framed. */
  beginSnapshot(): void;
  frameDocumentChunk(number: number, bytes: Uint8Array): Uint8Array;
  nextSnapshotPart(targetBytes: number): Uint8Array | undefined;

  search(
    queries: Float32Array,
    k: number,
    ef: number,
    exact: boolean,
    filterJson: string | undefined,
    documents: Uint32Array | undefined,
    decayJson: string | undefined,
    include: number,
    explain: boolean,
    view: string | undefined,
  ): Results;
  get(ids: Uint8Array, idEnds: Uint32Array, include: number): Results;
  find(
    filterJson: string | undefined,
    documents: Uint32Array | undefined,
    orderBy: string | undefined,
    descending: boolean,
    limit: number,
    offset: number,
    include: number,
  ): Results;
  count(filterJson: string | undefined, documents: Uint32Array | undefined): number;
  facets(
    field: string,
    filterJson: string | undefined,
    documents: Uint32Array | undefined,
    limit: number,
  ): (string | number | boolean | null)[];
  /** Slot, chunk and row of each document of the records that the filter holds for, of those of a view; by chunk and row. */
  documentsOf(
    filterJson: string | undefined,
    firstChunk: number,
    view: string | undefined,
  ): Uint32Array;
  /** JSON of each view: `name`, `definition`, `records`, `bytes`, `graph`. */
  views(): string;
  /** Gives up the float vectors where there are codes. Returns whether it did. */
  dropVectors(): boolean;
  duplicatesFrom(
    first: number,
    count: number,
    threshold: number,
    filterJson: string | undefined,
  ): Results;
  /** Reclaims what deleted records still hold. */
  compact(): void;
  check(): string;
}

/** What `encode` made: take every chunk and part once. */
export interface EncodedBatch {
  readonly documentChunks: number;
  readonly firstDocumentChunk: number;
  readonly logParts: number;
  free(): void;
}

/** Reads a snapshot piece by piece. */
export interface Loader {
  push(bytes: Uint8Array): void;
  /** Gives up the float vectors that came and those that come, where there are codes. Returns their bytes so far. */
  dropVectors(): number;
  takeDocumentChunk(): { readonly number: number; readonly bytes: Uint8Array } | undefined;
  finish(): Engine;
  free(): void;
}

/** What `kindex-repair.wasm` has beside the others. */
export interface RepairGlue extends Glue {
  readonly Salvage: { new (): Salvage; of(engine: Engine): Salvage };
}

/**
 * Checks everything that is stored, and keeps what is whole: first the snapshot (unless it opened, and
 * `Salvage.of` took its engine), then the log's parts, then the document chunks. Damage is reported, not
 * thrown; what throws is `NEWER_VERSION`, and `CORRUPT` if not even the options are whole.
 */
export interface Salvage {
  /** Takes the next bytes of the snapshot. */
  push(bytes: Uint8Array): void;
  /** Bytes of the snapshot are missing here. */
  gap(): void;
  takeDocumentChunk(): { readonly number: number; readonly bytes: Uint8Array } | undefined;
  endSnapshot(): void;
  /** Takes a part of the log, damaged or not. */
  replay(logPart: Uint8Array): void;
  /** The chunks that records need: each goes to `checkDocumentChunk`. */
  endLog(): Uint32Array;
  /** Reads every document of a chunk; without bytes the chunk is gone. */
  checkDocumentChunk(number: number, bytes?: Uint8Array): void;
  /** JSON: `{state, parts: [{part, state, whole, lost, findings}]}`; states `ok`, `damaged`, `lost`. */
  report(): string;
  /** What is whole, rebuilt. A snapshot of it takes the place of the old one and of its log. */
  finish(): Engine;
  free(): void;
}

/** Hits or records, by column. Each getter is read once. */
export interface Results {
  readonly total: number;
  counts(): Uint32Array;
  ids(): string;
  idEnds(): Uint32Array;
  distances(): Float32Array;
  scores(): Float32Array;
  metadata(): string;
  documents(): Uint32Array;
  vectors(): Float32Array;
  explanation(): string;
  free(): void;
}

/** What wasm hands out is a copy in a buffer of its own; the declarations of wasm-bindgen do not say so. */
export function owned(bytes: Uint8Array): Bytes {
  return bytes as Bytes;
}

/** A stack that overflows inside wasm is a `RangeError` and leaves the memory as undone as a trap does. */
export function isTrap(thrown: unknown): thrown is Error {
  return (
    thrown instanceof WebAssembly.RuntimeError ||
    (thrown instanceof RangeError && !('code' in thrown))
  );
}
