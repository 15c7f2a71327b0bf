import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, type KindexError, MemoryStorage } from '../../ts/entrypoints/node.js';
import { clustered, WASM } from './support.js';

const MB = 1_000_000;
const full = ({ code, message }: KindexError) =>
  code === 'OUT_OF_MEMORY' && message.includes("'memoryBudget'");

test('what_would_pass_the_budget_is_refused_and_what_was_there_stays', async () => {
  const storage = new MemoryStorage({ retain: true });
  const open = (name: string) =>
    Collection.open(name, { dimension: 256, storage, memoryBudget: 12 * MB, ...WASM });
  const collection = await open('first');
  let refused = 0;
  for (let seed = 0; seed < 20; seed++) {
    const before = collection.size;
    try {
      await collection.insert({ vectors: clustered(500, 256, seed) });
    } catch (thrown) {
      assert.ok(full(thrown as KindexError), String(thrown));
      assert.equal(await collection.count(), before);
      refused += 1;
    }
  }
  assert.ok(refused > 5 && collection.size >= 3000, `${collection.size} rows, ${refused} refused`);
  const { memory } = await collection.stats();
  const taken = Object.values(memory).reduce((sum, part) => sum + part, 0);
  assert.ok(taken < 12 * MB, `${taken} bytes`);
  // All collections share it.
  const second = await open('second');
  await assert.rejects(second.insert({ vectors: clustered(3000, 256, 1) }), full);
  await collection.search(clustered(1, 256, 1));

  const snapshot = await collection.snapshot();
  await assert.rejects(Collection.load(snapshot, { name: 'copy', storage }), full);
  await collection.close();
  const copy = await Collection.load(snapshot, { name: 'copy', storage });
  assert.ok(copy.size >= 3000);
  await assert.rejects(open('first'), full);
  await copy.close();
  const again = await open('first');
  assert.equal(again.size, copy.size);
});
