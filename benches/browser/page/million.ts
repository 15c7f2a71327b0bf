import { codedRows, Mixtures } from '../data/mixtures.js';
import { timed } from './measure.js';
import { fetchCodes, fetchFloats } from './rows.js';
import { rowAt, type Subject } from './subjects/subject.js';
import type { MillionTask, Outcome, SearchOutcome } from './task.js';

/**
 * As many rows as never stand in memory at once: each batch is made, inserted (timed), and compared with a sample
 * of queries (not timed), whose exact neighbors are known at the end.
 */

const K = 10;
const SEARCH_ROUNDS = 3;

interface Near {
  row: number;
  similarity: number;
}

export async function million(subject: Subject, task: MillionTask): Promise<Outcome> {
  const { settings, data, rows: count, batch } = task;
  const { dimension } = settings;
  const mixtures = new Mixtures(codedRows(await fetchCodes(`${data}.codes`), dimension));
  const flat = await fetchFloats(`${data}.queries`, task.queries * dimension);
  const queries = Array.from({ length: task.queries }, (_, i) => rowAt(flat, dimension, i).slice());
  const exact = queries.map((): Near[] => []);

  const openMs = await timed(() => subject.open(settings));
  const insertMs: number[] = [];
  const buffer = new Float32Array(batch * dimension);
  for (let first = 0; first < count; first += batch) {
    const rows = buffer.subarray(0, Math.min(batch, count - first) * dimension);
    mixtures.fill(rows, first);
    insertMs.push(await timed(() => subject.insert(rows)));
    for (const [i, query] of queries.entries()) scan(exact[i]!, query, rows, first);
  }

  const searches: SearchOutcome[] = [];
  const recalls: number[] = [];
  for (const ef of task.efs) {
    const rounds: number[] = [];
    let found: unknown[] = [];
    for (let round = 0; round < SEARCH_ROUNDS; round++) {
      rounds.push(
        await timed(() => {
          found = queries.map((query) => subject.search(query, K, ef));
        }),
      );
    }
    const answers = found.map((hits) => subject.rowsOf(hits));
    recalls.push(recall(answers, exact));
    searches.push({ way: 'one by one', ef, rounds, answers: [] });
  }
  const [about, bytes] = [await subject.about(), await subject.bytes?.()];
  return { about, openMs, insertMs, searches, recalls, ...(bytes && { bytes }) };
}

/** Puts the rows that are among the k most similar so far into `near`, most similar first. */
function scan(near: Near[], query: Float32Array, rows: Float32Array, first: number): void {
  const dimension = query.length;
  for (let at = 0, row = first; at < rows.length; at += dimension, row++) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < dimension; i += 4) {
      s0 += query[i]! * rows[at + i]!;
      s1 += query[i + 1]! * rows[at + i + 1]!;
      s2 += query[i + 2]! * rows[at + i + 2]!;
      s3 += query[i + 3]! * rows[at + i + 3]!;
    }
    const similarity = s0 + s1 + s2 + s3;
    if (near.length === K && similarity <= near[K - 1]!.similarity) continue;
    const place = near.findIndex((other) => other.similarity < similarity);
    near.splice(place < 0 ? near.length : place, 0, { row, similarity });
    if (near.length > K) near.pop();
  }
}

function recall(answers: readonly number[][], exact: readonly Near[][]): number {
  let [found, wanted] = [0, 0];
  for (const [i, near] of exact.entries()) {
    const rows = new Set(answers[i]);
    found += near.filter(({ row }) => rows.has(row)).length;
    wanted += near.length;
  }
  return found / wanted;
}
