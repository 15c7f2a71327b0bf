import type { Duplicate } from '../dedupe.js';
import type { BatchOperation, ItemError, WireError } from '../errors.js';
import type { Durability, StorageAdapter } from '../storage/storage.js';
import type { TextColumn } from '../text-column.js';
import type { Phase, VerifyReport } from '../types.js';

/** A collection that the host has open. */
export type Handle = number;
/** What a batch is to be. */
export interface BatchKind {
  readonly op: Verb;
  readonly atomic: boolean;
  readonly batchId: string | undefined;
  /** How many rows to make room for; 0 where nobody knows. */
  readonly rows: number;
}

/** A batch between `begin` and `commit` or `cancel`. */
export type BatchToken = number;
/** A snapshot that is being written or read. */
export type StreamToken = number;

/** Engine options as they are stored; what is undefined is taken from the stored collection or the defaults. */
export interface EngineSettings {
  readonly dimension: number | undefined;
  readonly metric: string | undefined;
  readonly quantization: string | undefined;
  readonly m: number | undefined;
  readonly efConstruction: number | undefined;
  readonly keepVectors: boolean | undefined;
}

/** `auto`, a built-in kind, or (in place only) an adapter. */
export type StorageChoice = string | StorageAdapter;

/** Rows of a batch, as columns whose buffers may be transferred. */
export interface Slice {
  readonly rows: number;
  readonly ids: TextColumn;
  readonly vectors: Float32Array<ArrayBuffer>;
  /** 1 per row with a vector; empty = all have (or, if `vectors` is empty, none). */
  readonly hasVector: Uint8Array<ArrayBuffer>;
  readonly metadata: TextColumn;
  readonly documents: TextColumn;
}

/** What is known of a collection once it is open. */
export interface CollectionInfo {
  readonly handle: Handle;
  readonly name: string;
  readonly options: string;
  readonly size: number;
  readonly generation: number;
  readonly durable: boolean;
}

/** How a batch is committed. */
export interface CommitOptions {
  /** Rows that the page found bad and did not stage. */
  readonly refused: number;
  readonly durability: Durability;
  /** The most threads that index it; 0 = all. */
  readonly threads: number;
  /** JSON of what to do with duplicates. */
  readonly dedupe: string | undefined;
}

/** What a batch did, in the host's terms: indexes count the staged rows. */
export interface BatchOutcome {
  readonly written: number;
  readonly errors: readonly Pick<ItemError, 'index' | 'id' | 'code' | 'message'>[];
  /** Rows that failed when a batch of this name was written before: their errors are no longer known. */
  readonly failed?: number;
  readonly duplicates: readonly Duplicate[];
  readonly generation: number;
  readonly size: number;
  readonly durable: boolean;
}

/** Hits or records by column; strings with UTF-16 ends. */
export interface ResultColumns {
  readonly counts: Uint32Array;
  readonly ids: string;
  readonly idEnds: Uint32Array;
  readonly distances: Float32Array;
  /** Empty where the distance alone decides. */
  readonly scores: Float32Array;
  /** A JSON array, or ''. */
  readonly metadata: string;
  readonly documents: readonly (string | undefined)[] | undefined;
  readonly vectors: Float32Array;
  readonly explanation: string;
}

/** Which records a call is about. */
export interface Selected {
  readonly where: string | undefined;
  /** A text that the document has in it. */
  readonly containing: string | undefined;
}

/** What a batch does: the verbs of records, and the making and dropping of views. */
export type Verb = BatchOperation | 'view';

export interface Order {
  readonly field: string;
  readonly descending: boolean;
}

export interface SearchCall extends Selected {
  /** JSON of how recency counts. */
  readonly decay: string | undefined;
  readonly queries: Float32Array;
  readonly k: number;
  readonly ef: number;
  readonly exact: boolean;
  readonly include: number;
  readonly explain: boolean;
  /** The view that is searched; undefined: the whole. */
  readonly view: string | undefined;
}

/** Every call: what goes in, and what comes out. */
export interface Calls {
  open: {
    in: { name: string; settings: EngineSettings; storage: StorageChoice };
    out: CollectionInfo;
  };
  list: { in: { storage: StorageChoice }; out: string[] };
  destroy: { in: { name: string; storage: StorageChoice }; out: undefined };
  verify: { in: { name: string; storage: StorageChoice }; out: VerifyReport };
  /** The page was frozen or kept aside: reads what others have committed meanwhile. */
  revalidate: { in: Record<string, never>; out: undefined };
  close: { in: { collection: Handle }; out: undefined };

  begin: { in: { collection: Handle } & BatchKind; out: BatchToken };
  stage: { in: { batch: BatchToken; slice: Slice }; out: undefined };
  stageWhere: { in: { batch: BatchToken } & Selected; out: undefined };
  commit: { in: { batch: BatchToken } & CommitOptions; out: BatchOutcome };
  cancel: { in: { batch: BatchToken }; out: undefined };

  search: { in: { collection: Handle; call: SearchCall }; out: ResultColumns };
  get: { in: { collection: Handle; ids: TextColumn; include: number }; out: ResultColumns };
  find: {
    in: Selected & {
      collection: Handle;
      order: Order | undefined;
      limit: number;
      offset: number;
      include: number;
    };
    out: ResultColumns;
  };
  count: { in: Selected & { collection: Handle }; out: number };
  /** Value, count, value, count, and so on. */
  facets: {
    in: Selected & { collection: Handle; field: string; limit: number };
    out: (string | number | boolean | null)[];
  };
  /** Pairs of ids, the later first, with a distance each; counts: pairs, and the slot to go on from if there is one. */
  duplicatesFrom: {
    in: {
      collection: Handle;
      first: number;
      count: number;
      threshold: number;
      where: string | undefined;
    };
    out: ResultColumns;
  };
  /** JSON of each view: `name`, `definition`, `records`, `bytes`, `graph`. */
  views: { in: { collection: Handle }; out: string };
  /** After a `CONFLICT`: whether the batch may begin again. */
  mayBeginAgain: { in: { collection: Handle }; out: boolean };
  stats: { in: { collection: Handle }; out: string };
  compact: { in: { collection: Handle }; out: undefined };

  /** Writers wait from here until the last part was taken, or `endSnapshot`. */
  beginSnapshot: { in: { collection: Handle }; out: StreamToken };
  nextSnapshotPart: { in: { stream: StreamToken }; out: Uint8Array | undefined };
  endSnapshot: { in: { stream: StreamToken }; out: undefined };

  beginLoad: { in: { name: string; storage: StorageChoice }; out: StreamToken };
  loadPart: { in: { stream: StreamToken; bytes: Uint8Array }; out: undefined };
  finishLoad: { in: { stream: StreamToken }; out: CollectionInfo };
  cancelLoad: { in: { stream: StreamToken }; out: undefined };
}

export type CallName = keyof Calls;

/** One call on its way to the host. */
export type Request = {
  [K in CallName]: { readonly id: number; readonly call: K; readonly arguments: Calls[K]['in'] };
}[CallName];

/** How far a call has come. */
export interface HostProgress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
}

/** A batch that was committed, here or in another tab. */
export interface Change {
  readonly generation: number;
  readonly operation: Verb;
  readonly written: number;
}

/** Something that no call waits for. */
export type HostEvent =
  | {
      readonly event: 'change';
      readonly collection: Handle;
      readonly size: number;
      /** Undefined after a catching up with batches of which this tab has not heard. */
      readonly change: Change | undefined;
    }
  | { readonly event: 'closed'; readonly collection: Handle; readonly reason: string }
  | { readonly event: 'error'; readonly collection: Handle; readonly error: WireError }
  /** The wasm has trapped: the host is finished, with all its collections. */
  | { readonly event: 'crashed'; readonly message: string };

/** What comes back. */
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly id: number; readonly progress: HostProgress }
  | HostEvent;

/** How much memory all collections of an engine may take. */
export interface BudgetSettings {
  readonly bytes: number;
  /** Whether float vectors are given up before a batch is refused. */
  readonly dropVectors: boolean;
}

/** The first message to a worker: how to start. Answered with {@link Started}. */
export interface Start {
  readonly kindex: 'start';
  readonly module: WebAssembly.Module;
  /** Threads of the pool; 0 = the single-threaded build. */
  readonly threads: number;
  readonly memoryBudget: BudgetSettings | undefined;
}

export type Started =
  /** `life`: a Web Lock that the worker holds until it ends. */
  | { readonly kindex: 'started'; readonly life: string | undefined }
  | { readonly kindex: 'failed'; readonly message: string };

/** The first message to a thread of an engine's pool. Answered once it waits for work. */
export interface PoolStart {
  readonly kindex: 'pool';
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly receiver: number;
}

/** What an engine asks of whoever has started it: threads for its pool. Answered with {@link PoolAnswer}. */
export interface PoolRequest {
  readonly kindex: 'threads';
  readonly count: number;
  readonly start: PoolStart;
}

/** `failure`: why there are none. */
export interface PoolAnswer {
  readonly kindex: 'threads';
  readonly failure?: string;
}

/** A buffer up to this size is copied in less time than it takes to hand it over. */
const SMALL_BYTES = 32 * 1024;

/** Those of the buffers that are worth handing over instead of copying. */
export function large(buffers: readonly ArrayBuffer[]): ArrayBuffer[] {
  return buffers.filter(({ byteLength }) => byteLength > SMALL_BYTES);
}

/** Buffers of a slice that go over without a copy. */
export function sliceTransfers(slice: Slice): ArrayBuffer[] {
  const columns = [slice.ids, slice.metadata, slice.documents];
  return [
    slice.vectors.buffer,
    slice.hasVector.buffer,
    ...columns.flatMap((column) => [
      column.bytes.buffer,
      column.ends.buffer,
      column.present.buffer,
    ]),
  ];
}
