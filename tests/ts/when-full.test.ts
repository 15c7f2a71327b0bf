import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, type KindexError, MemoryStorage } from '../../ts/entrypoints/node.js';
import { clustered, WASM } from './support.js';

const MB = 1_000_000;
const full = ({ code, message }: KindexError) =>
  code === 'OUT_OF_MEMORY' && message.includes("'memoryBudget'");

test('vectors_are_given_up_before_a_batch_is_refused_and_stay_so', async () => {
  const storage = new MemoryStorage({ retain: true });
  const options = { storage, whenFull: 'dropVectors', keepVectors: true, ...WASM } as const;
  const open = () => Collection.open('lean', { dimension: 256, ...options, memoryBudget: 12 * MB });
  const collection = await open();
  let refused = 0;
  let dropped = 0;
  for (let seed = 0; seed < 60; seed++) {
    const before = await collection.stats();
    try {
      await collection.insert({ vectors: clustered(500, 256, seed) });
    } catch (thrown) {
      assert.ok(full(thrown as KindexError), String(thrown));
      assert.equal(before.keepVectors, false);
      assert.equal(await collection.count(), before.live);
      refused += 1;
    }
    const after = await collection.stats();
    if (before.keepVectors && !after.keepVectors) {
      dropped += 1;
      assert.ok(before.memory.vectors > 0 && after.memory.vectors === 0);
      assert.equal(after.live, before.live + 500);
    }
  }
  const { live } = await collection.stats();
  // With its vectors no more than 4,500 fit.
  assert.ok(dropped === 1 && refused > 0 && live > 7000, `${dropped}, ${refused}, ${live}`);
  const query = clustered(1, 256, 1);
  const wanted = await collection.search(query);
  await collection.close();
  const again = await open();
  assert.equal((await again.stats()).keepVectors, false);
  assert.deepEqual(await again.search(query), wanted);
  await again.close();
});

test('views_count_and_one_that_would_pass_the_budget_is_refused', async () => {
  const storage = new MemoryStorage();
  // The engine of the first has 12 MB for all.
  const collection = await Collection.open('viewed', { dimension: 8, storage, ...WASM });
  const metadata = Array.from({ length: 20_000 }, (_, n) => ({ n }));
  await collection.insert({ vectors: clustered(20_000, 8, 1), metadatas: metadata });
  let made = 0;
  const make = async () => {
    for (; made < 64; made++) await collection.createView(`view ${made}`, { where: {} });
  };
  await assert.rejects(make(), full);
  const { memory } = await collection.stats();
  assert.ok(memory.views >= made * 20_000 * 129, `${made} views, ${memory.views} bytes`);
  assert.equal((await collection.listViews()).length, made);
  await collection.close();
});
