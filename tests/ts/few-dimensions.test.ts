import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection } from '../../ts/entrypoints/node.js';
import { WASM } from './support.js';

const ROWS = 12_000;

/** Directions spread evenly: the golden angle from one to the next. */
function spread(rows: number, dimension: 2 | 3): Float32Array {
  const vectors = new Float32Array(rows * dimension);
  for (let i = 0; i < rows; i++) {
    const angle = i * 2.399963229728653;
    const height = dimension === 3 ? 1 - (2 * i + 1) / rows : 0;
    const radius = Math.sqrt(1 - height * height);
    const point = [radius * Math.cos(angle), radius * Math.sin(angle), height];
    vectors.set(point.slice(0, dimension), i * dimension);
  }
  return vectors;
}

for (const dimension of [2, 3] as const) {
  test(`of_${dimension}_components_the_nearest_are_found_without_a_word_about_codes`, async () => {
    const collection = await Collection.open(`few-${dimension}`, {
      dimension,
      storage: 'memory',
      ...WASM,
    });
    assert.equal((await collection.stats()).quantization, 'none');
    const vectors = spread(ROWS, dimension);
    await collection.insert({ ids: Array.from({ length: ROWS }, (_, i) => `${i}`), vectors });
    const queries = Array.from({ length: 60 }, (_, i) =>
      vectors.slice(i * 199 * dimension, (i * 199 + 1) * dimension).map((x) => x + 0.001),
    );
    const found = await collection.searchBatch(queries, { include: [] });
    const truth = await collection.searchBatch(queries, { exact: true, include: [] });
    let right = 0;
    for (const [i, hits] of found.entries()) {
      const farthest = (truth[i]?.at(-1)?.distance ?? 0) + 1e-7;
      right += hits.filter(({ distance }) => distance <= farthest).length;
    }
    assert.ok(right >= 0.95 * 600, `${right} of 600`);
    await collection.close();
  });
}

test('codes_are_kept_of_few_components_where_they_are_asked_for_or_are_all_there_is', async () => {
  const asked = { quantization: 'int8' } as const;
  for (const options of [asked, { keepVectors: false }, { dimension: 16 }]) {
    const collection = await Collection.open('codes', {
      dimension: 8,
      ...options,
      storage: 'memory',
      ...WASM,
    });
    assert.equal((await collection.stats()).quantization, 'int8');
    await collection.close();
  }
});
