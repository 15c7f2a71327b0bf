import type { SetName } from './data/sets.js';
import type { Part } from './options.js';
import type { LongTasks, Way } from './page/task.js';
import type { Case } from './plan.js';

/** What the tables and the JSON file hold. */

/** The case that a figure belongs to. */
export interface Where {
  readonly part: Part;
  readonly data: SetName;
  readonly library: string;
  readonly dimension: number;
  readonly rows: number;
  readonly threads: number;
  readonly m: number;
  readonly efConstruction: number;
  /** What the library says of itself: threads and SIMD that were really used. */
  readonly about: string;
}

export interface Insertion extends Where {
  readonly kind: 'build' | 'single' | 'gathered' | 'growth' | 'million';
  /** Vectors a second, by the median round. */
  readonly rate: number;
  /** Milliseconds of every round; of every batch for growth and a million. */
  readonly ms: readonly number[];
  /** Of loading the library and making the empty index, by the median round. */
  readonly openMs: number;
  readonly peakBytes: number | undefined;
  readonly bytes: Readonly<Record<string, number>> | undefined;
  readonly longTasks: LongTasks | undefined;
  /** Growth: the vectors that were there before. */
  readonly from?: number;
  readonly recall?: number;
  readonly ef?: number;
}

export interface Searching extends Where {
  readonly way: Way;
  readonly ef: number;
  readonly recall: number;
  /** Queries a second, by the median round. */
  readonly rate: number;
}

export interface Filtering extends Searching {
  /** Thousandths of the rows. */
  readonly share: number;
  readonly exact: boolean;
  readonly strategy: string;
}

export interface Results {
  readonly machine: string;
  readonly browser: string;
  readonly date: string;
  readonly rounds: number;
  readonly queries: number;
  readonly sets: Map<string, string>;
  readonly insertions: Insertion[];
  readonly searches: Searching[];
  readonly filters: Filtering[];
  /** How busy the machine was before each case, the benchmark's own last minute included. */
  readonly loads: number[];
  readonly notes: string[];
}

export function whereOf({ part, data, library, task }: Case, about: string): Where {
  const { dimension, threads, m, efConstruction } = task.settings;
  const rows = task.kind === 'growth' ? task.to : task.rows;
  return { part, data, library, dimension, rows, threads, m, efConstruction, about };
}

/** The middle of the values; the upper one of two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The value that one in twenty exceeds. */
export function p95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
}

export const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
