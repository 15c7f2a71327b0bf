/** What the runner asks of a page, and what it gets back. Everything here crosses as JSON. */

export type SubjectName =
  | 'kindex-core'
  | 'kindex-threads'
  | 'kindex-collection'
  | 'hnswlib-wasm'
  | 'edgevec'
  | 'voy';

/** How a library builds its index. */
export interface Settings {
  readonly dimension: number;
  readonly metric: 'cosine' | 'euclidean';
  /** Rows that will come: some libraries want to know. */
  readonly capacity: number;
  readonly threads: number;
  readonly m: number;
  readonly efConstruction: number;
  /** The beam, for a library that takes it before the build. */
  readonly ef: number;
}

interface Common {
  readonly subject: SubjectName;
  /** Whether the subject runs in a worker of the benchmark; else in the page. */
  readonly inWorker: boolean;
  /** Name of the data set. */
  readonly data: string;
  readonly settings: Settings;
}

/** One batch into an empty index; then, if beams are given, searches. */
export interface BuildTask extends Common {
  readonly kind: 'build';
  readonly rows: number;
  readonly efs: readonly number[];
  readonly searchRounds: number;
}

/** A call per row. `gathered` starts all calls before it waits. */
export interface SingleTask extends Common {
  readonly kind: 'single';
  readonly rows: number;
  readonly gathered: boolean;
}

/** One batch of `from` rows, then batches of `batch` up to `to`. */
export interface GrowthTask extends Common {
  readonly kind: 'growth';
  readonly from: number;
  readonly to: number;
  readonly batch: number;
  readonly ef: number;
}

/** Filters of some selectivities, through the graph and by the exact scan. */
export interface FilterTask extends Common {
  readonly kind: 'filter';
  readonly rows: number;
  readonly queries: number;
  /** Shares of the rows in thousandths. */
  readonly shares: readonly number[];
  readonly ef: number;
  readonly searchRounds: number;
}

/** Rows made on the fly, codes only. */
export interface MillionTask extends Common {
  readonly kind: 'million';
  readonly rows: number;
  readonly batch: number;
  readonly queries: number;
  readonly efs: readonly number[];
}

export type Task = BuildTask | SingleTask | GrowthTask | FilterTask | MillionTask;

/** How the queries were put: one call each, or all in one. */
export type Way = 'one by one' | 'searchBatch';

export interface SearchOutcome {
  readonly way: Way;
  readonly ef: number;
  /** Milliseconds of every round. */
  readonly rounds: readonly number[];
  /** Row numbers, by query. */
  readonly answers: readonly (readonly number[])[];
}

export interface FilterOutcome extends SearchOutcome {
  /** Thousandths of the rows. */
  readonly share: number;
  readonly exact: boolean;
  readonly strategy: string;
}

/** Blocks of the page's main thread of 50 ms and more. */
export interface LongTasks {
  readonly inserting: readonly number[];
  readonly searching: readonly number[];
}

export interface Outcome {
  /** What the subject says of itself. */
  readonly about: string;
  /** Loading the library and making the empty index. */
  readonly openMs: number;
  /** Every timed insertion, in order. */
  readonly insertMs: readonly number[];
  readonly searches: readonly SearchOutcome[];
  readonly filters?: readonly FilterOutcome[];
  readonly longTasks?: LongTasks;
  /** Bytes in memory by part, as the subject counts them. */
  readonly bytes?: Readonly<Record<string, number>>;
  /** A million: recall by beam, found where the rows were made. */
  readonly recalls?: readonly number[];
}

/** The bucket of a row, 0 to 999, for filters: `bucket < n` holds for n thousandths of the rows. */
export function bucketOf(row: number): number {
  let z = Math.imul(row + 1, 0x9e3779b1);
  z = Math.imul(z ^ (z >>> 15), 0x85ebca6b);
  return ((z ^ (z >>> 13)) >>> 0) % 1000;
}
