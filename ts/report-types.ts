import type { BatchOperation, KindexError } from './errors.js';
import type { Metric, Progress, Quantization } from './types.js';

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
