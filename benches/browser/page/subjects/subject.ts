import type { Settings } from '../task.js';

/** Something that can be measured: a library behind the same few calls. */
export interface Subject {
  /** Loads the library and makes an empty index. */
  open(settings: Settings): Promise<void>;
  /** Brings rows into the shape that the library takes; outside the measured time. */
  prepare(rows: Float32Array, firstRow: number): unknown;
  /** Inserts what `prepare` made, in one call. */
  insert(prepared: unknown): unknown;
  /** The k nearest, in the library's own shape; a promise where the library answers with one. */
  search(query: Float32Array, k: number, ef: number): unknown;
  /** Row numbers of what `search` returned; outside the measured time. */
  rowsOf(found: unknown): number[];
  /** All queries in one call, if the library can; returns what `search` would, by query. */
  searchBatch?(queries: Float32Array, k: number, ef: number): unknown;
  about(): string | Promise<string>;
  bytes?(): Record<string, number> | Promise<Record<string, number>>;
}

/** The row `at` of a row-major array, without a copy. */
export function rowAt(rows: Float32Array, dimension: number, at: number): Float32Array {
  return rows.subarray(at * dimension, (at + 1) * dimension);
}

/** All rows, without copies. */
export function eachRow(rows: Float32Array, dimension: number): Float32Array[] {
  return Array.from({ length: rows.length / dimension }, (_, i) => rowAt(rows, dimension, i));
}
