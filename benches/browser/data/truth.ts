import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSet } from './sets.js';

/** Results of every search. */
export const K = 10;
/** How much farther than the k-th a row may be and still count: rounding, and exact duplicates. */
const TOLERANCE = 1e-6;
/** Rows that are compared with every query while they are in cache. */
const BLOCK = 256;

/** Whether a row takes part. */
export type RowFilter = (row: number) => boolean;

/** The exact answers, by a scan in double precision that shares no code with any library. */
export class Truth {
  readonly #set: DataSet;
  readonly #rows: number;
  /** The distance of the k-th neighbor, by query. */
  readonly #farthest: Float64Array;
  /** Neighbors that there are, up to k. */
  readonly #wanted: number;

  private constructor(set: DataSet, rows: number, farthest: Float64Array, wanted: number) {
    this.#set = set;
    this.#rows = rows;
    this.#farthest = farthest;
    this.#wanted = wanted;
  }

  /**
   * Scans the first `rows` rows for the first `queries` queries. The outcome is kept in `folder` under the
   * content of the data, so that only the first run takes the time. `label` names the filter.
   */
  static scan(
    set: DataSet,
    rows: number,
    queries: number,
    folder: string,
    filter?: { label: string; holds: RowFilter },
  ): Truth {
    const hash = createHash('sha256')
      .update(`${set.name} ${set.metric} ${rows} ${queries} ${K} ${filter?.label ?? ''}`)
      .update(bytes(set.base.subarray(0, rows * set.dimension)))
      .update(bytes(set.queries));
    const file = join(folder, `truth-${hash.digest('hex').slice(0, 24)}.f64`);
    const chosen = Uint32Array.from({ length: rows }, (_, row) => row).filter(
      filter?.holds ?? (() => true),
    );
    let farthest: Float64Array;
    if (existsSync(file)) {
      const stored = readFileSync(file);
      farthest = new Float64Array(new Uint8Array(stored).buffer);
    } else {
      farthest = scan(set, chosen, queries);
      writeFileSync(file, bytes(farthest));
    }
    return new Truth(set, rows, farthest, Math.min(K, chosen.length));
  }

  /** The share of the true neighbors that the answers, one per query, hold. */
  recall(answers: readonly (readonly number[])[], holds: RowFilter = () => true): number {
    let found = 0;
    for (const [query, rows] of answers.entries()) {
      const limit = this.#farthest[query]! * (1 + TOLERANCE) + TOLERANCE;
      const near = [...new Set(rows)].filter(
        (row) => row < this.#rows && holds(row) && distance(this.#set, query, row) <= limit,
      );
      found += Math.min(near.length, this.#wanted);
    }
    return found / (answers.length * this.#wanted);
  }
}

function scan(set: DataSet, rows: Uint32Array, queries: number): Float64Array {
  const best = Array.from({ length: queries }, () => new Float64Array(K).fill(Infinity));
  for (let block = 0; block < rows.length; block += BLOCK) {
    const some = rows.subarray(block, block + BLOCK);
    for (const [query, nearest] of best.entries()) {
      for (const row of some) keep(nearest, distance(set, query, row));
    }
  }
  const last = Math.min(K, rows.length) - 1;
  return Float64Array.from(best, (nearest) => nearest[last]!);
}

/** Puts a distance into `best`, which holds the smallest in order. */
function keep(best: Float64Array, value: number): void {
  let at = best.length - 1;
  if (!(value < best[at]!)) return;
  for (; at > 0 && best[at - 1]! > value; at--) best[at] = best[at - 1]!;
  best[at] = value;
}

/** 1 - dot for rows of unit length, else the squared Euclidean distance. */
function distance(
  { base, queries, dimension, metric }: DataSet,
  query: number,
  row: number,
): number {
  const a = query * dimension;
  const b = row * dimension;
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  if (metric === 'euclidean') {
    for (let i = 0; i < dimension; i += 4) {
      s0 += (queries[a + i]! - base[b + i]!) ** 2;
      s1 += (queries[a + i + 1]! - base[b + i + 1]!) ** 2;
      s2 += (queries[a + i + 2]! - base[b + i + 2]!) ** 2;
      s3 += (queries[a + i + 3]! - base[b + i + 3]!) ** 2;
    }
    return s0 + s1 + s2 + s3;
  }
  // Four sums, because one would wait for every addition.
  for (let i = 0; i < dimension; i += 4) {
    s0 += queries[a + i]! * base[b + i]!;
    s1 += queries[a + i + 1]! * base[b + i + 1]!;
    s2 += queries[a + i + 2]! * base[b + i + 2]!;
    s3 += queries[a + i + 3]! * base[b + i + 3]!;
  }
  return 1 - (s0 + s1 + s2 + s3);
}

function bytes(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
