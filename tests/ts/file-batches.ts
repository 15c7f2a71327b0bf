import type { Collection } from '../../ts/entrypoints/node.js';
import { clustered } from './support.js';

/** Batches that follow from their number alone, for two processes to agree on. */
export const NAME = 'Killed while writing';

const IDS = 3000;

/** Rows of that batch: a few, or many. They overlap with those of earlier ones. */
export function batchOf(generation: number) {
  const rows = generation % 5 === 4 ? 1500 : 1 + (generation % 7) * 9;
  const vectors = clustered(rows, 32, generation + 1);
  return {
    ids: Array.from({ length: rows }, (_, i) => `r${(generation * 131 + i) % IDS}`),
    vectors,
    metadatas: Array.from({ length: rows }, (_, i) => ({ generation, i })),
    documents: Array.from({ length: rows }, (_, i) => `text ${i} of batch ${generation}`),
  };
}

/** What a collection of so many batches holds. */
export function expectedAfter(generations: number): Map<string, string> {
  const records = new Map<string, string>();
  for (let generation = 0; generation < generations; generation++) {
    const { ids } = batchOf(generation);
    for (const [i, id] of ids.entries()) records.set(id, `text ${i} of batch ${generation}`);
  }
  return records;
}

export async function generationsIn(collection: Collection): Promise<number> {
  return (await collection.stats()).generation;
}
