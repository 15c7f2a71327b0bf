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

test('a_snapshot_that_does_not_fit_is_loaded_without_its_vectors', async () => {
  const storage = new MemoryStorage({ retain: true });
  const options = { storage, whenFull: 'dropVectors', keepVectors: true, ...WASM } as const;
  // The engine has 12 MB for all, and this takes half of them.
  const first = await Collection.open('with all', {
    dimension: 256,
    ...options,
    memoryBudget: 12 * MB,
  });
  const vectors = clustered(4400, 256, 7);
  const step = 400 * 256;
  for (let at = 0; at < vectors.length; at += step)
    await first.insert({ vectors: vectors.slice(at, at + step) });
  assert.equal((await first.stats()).keepVectors, true);
  const snapshot = await first.snapshot();
  const copy = await Collection.load(snapshot, { name: 'lean copy', storage, ...WASM });
  const stats = await copy.stats();
  assert.deepEqual([stats.live, stats.keepVectors, stats.memory.vectors], [4400, false, 0]);
  const query = vectors.slice(0, 256);
  const [nearest] = await copy.search(query, { k: 1 });
  assert.equal(nearest?.id, (await first.search(query, { k: 1 }))[0]?.id);
  const wanted = await copy.search(query);
  await copy.close();
  // It is stored without them: so it fits again.
  const again = await Collection.open('lean copy', options);
  assert.equal((await again.stats()).keepVectors, false);
  assert.deepEqual(await again.search(query), wanted);
  // Without them too they are too many at some time.
  const others: Collection[] = [];
  const load = (name: string) => Collection.load(snapshot, { name, storage, ...WASM });
  const fill = async () => {
    while (others.length < 10) others.push(await load(`another ${others.length}`));
  };
  await assert.rejects(fill(), full);
  assert.ok(others.length > 0);
  for (const other of others) await other.close();
  await again.close();
  await first.close();
  const whole = await load('whole');
  assert.equal((await whole.stats()).keepVectors, true);
  await whole.close();
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
