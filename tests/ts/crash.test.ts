import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, KindexError, MemoryStorage } from '../../ts/entrypoints/node.js';
import { Engine } from '../../ts/generated/single.js';
import { rows, vector, WASM } from './support.js';

/** The next call of an engine's method traps, as a panic in the wasm does. */
function trapOnce(method: 'search' | 'apply' | 'takeLogPart'): void {
  const prototype = Engine.prototype as unknown as Record<string, unknown>;
  const original = prototype[method];
  prototype[method] = () => {
    prototype[method] = original;
    throw new WebAssembly.RuntimeError('unreachable');
  };
}

const crashed = (thrown: unknown) => thrown instanceof KindexError && thrown.code === 'CRASHED';

test('a_trap_rejects_what_is_pending_and_the_next_call_reopens_from_storage', async () => {
  const storage = new MemoryStorage({ retain: true });
  const collection = await Collection.open('kept', { dimension: 4, storage, ...WASM });
  await collection.insert(rows(50));
  const before = await collection.search(vector(3), { include: ['metadata', 'document'] });
  trapOnce('search');
  await assert.rejects(collection.search(vector(3)), crashed);
  assert.deepEqual(
    await collection.search(vector(3), { include: ['metadata', 'document'] }),
    before,
  );
  await collection.insert(rows(1, 50));
  assert.equal(await collection.count(), 51);
});

test('a_trap_after_the_commit_loses_nothing_and_one_before_it_leaves_nothing', async () => {
  const storage = new MemoryStorage({ retain: true });
  const collection = await Collection.open('commit', { dimension: 4, storage, ...WASM });
  await collection.insert(rows(5));
  trapOnce('takeLogPart');
  await assert.rejects(collection.insert(rows(5, 5)), crashed);
  assert.equal(await collection.count(), 5);
  trapOnce('apply');
  await assert.rejects(collection.insert(rows(5, 10)), crashed);
  assert.equal(await collection.count(), 10);
  assert.deepEqual((await collection.get()).map(({ id }) => id).slice(5), [
    'r10',
    'r11',
    'r12',
    'r13',
    'r14',
  ]);
});

test('a_collection_in_memory_says_that_it_is_gone', async () => {
  const collection = await Collection.open('lost', { dimension: 4, storage: 'memory', ...WASM });
  await collection.insert(rows(5));
  trapOnce('search');
  await assert.rejects(collection.search(vector(1)), crashed);
  await assert.rejects(
    collection.count(),
    (thrown) => crashed(thrown) && /gone/.test((thrown as Error).message),
  );
});
