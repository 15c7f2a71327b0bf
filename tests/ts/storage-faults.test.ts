import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Append,
  Collection,
  KindexError,
  MemoryStorage,
  type StorageAdapter,
  type Store,
} from '../../ts/entrypoints/node.js';
import { clustered, rows, vector, WASM } from './support.js';

/** Memory that fails at the steps that a test chooses, leaving behind what Firefox can leave of an aborted batch. */
class FaultyStorage implements StorageAdapter {
  readonly kind = 'faulty';
  readonly #inner = new MemoryStorage({ retain: true });
  fail: 'append' | 'segment' | 'manifest' | 'answer of the manifest' | undefined;

  async open(name: string): Promise<Store> {
    const inner = await this.#inner.open(name);
    const refuse = (step: typeof this.fail) => {
      if (this.fail === step) throw new KindexError('QUOTA_EXCEEDED', `the test lets ${step} fail`);
    };
    const append = async (batch: Append, durability: 'relaxed' | 'strict') => {
      if (this.fail === 'append') {
        const log = [...batch.log].slice(0, -1);
        await inner.append({ documents: [...batch.documents], log }, durability);
      }
      refuse('append');
      await inner.append(batch, durability);
    };
    return new Proxy(inner, {
      get: (store, key) => {
        if (key === 'append') return append;
        const value = Reflect.get(store, key, store);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (key === 'writeManifest' && this.fail === 'answer of the manifest')
            return inner
              .writeManifest(...(args as Parameters<Store['writeManifest']>))
              .then(() => refuse('answer of the manifest'));
          if (key === 'writeSegment') refuse('segment');
          if (key === 'writeManifest') refuse('manifest');
          return value.apply(store, args);
        };
      },
    });
  }

  list(): Promise<string[]> {
    return this.#inner.list();
  }

  destroy(name: string): Promise<void> {
    return this.#inner.destroy(name);
  }
}

const full = (thrown: unknown) => thrown instanceof KindexError && thrown.code === 'QUOTA_EXCEEDED';

test('a_batch_that_storage_refuses_changes_neither_memory_nor_storage', async () => {
  const storage = new FaultyStorage();
  const options = { dimension: 256, storage, ...WASM };
  const collection = await Collection.open('full', options);
  const vectors = (seed: number) => clustered(5000, 256, seed);
  await collection.insert({ vectors: vectors(1) });
  const query = clustered(1, 256, 9);
  const before = await collection.search(query);
  storage.fail = 'append';
  // Several log parts, of which the fault leaves all but the last.
  await assert.rejects(collection.insert({ vectors: vectors(2) }), full);
  assert.deepEqual(await collection.search(query), before);
  storage.fail = undefined;
  await collection.insert({ id: 'after', vector: clustered(1, 256, 3) });
  await collection.close();
  const again = await Collection.open('full', options);
  assert.equal(await again.count(), 5001);
  assert.equal((await again.get({ ids: ['after'] })).length, 1);
  await again.close();
});

test('documents_of_a_refused_batch_are_not_taken_for_those_of_the_next', async () => {
  const storage = new FaultyStorage();
  const collection = await Collection.open('texts', { dimension: 4, storage, ...WASM });
  await collection.insert({ id: 'a', vector: vector(1), document: 'first' });
  storage.fail = 'append';
  await assert.rejects(
    collection.insert({ id: 'b', vector: vector(2), document: 'refused' }),
    full,
  );
  storage.fail = undefined;
  await collection.insert({ id: 'b', vector: vector(2), document: 'accepted' });
  const documents = async (from: Collection) =>
    (await from.get({ ids: ['a', 'b'] })).map(({ document }) => document);
  assert.deepEqual(await documents(collection), ['first', 'accepted']);
  await collection.close();
  const again = await Collection.open('texts', { storage, ...WASM });
  assert.deepEqual(await documents(again), ['first', 'accepted']);
});

for (const step of ['segment', 'manifest', 'answer of the manifest'] as const) {
  test(`a_checkpoint_that_fails_at_its_${step.replaceAll(' ', '_')}_leaves_the_one_before`, async () => {
    const storage = new FaultyStorage();
    const options = { dimension: 4, storage, ...WASM };
    const collection = await Collection.open('checkpoint', options);
    await collection.insert(rows(20));
    await collection.compact();
    await collection.insert(rows(20, 20));
    storage.fail = step;
    await assert.rejects(collection.compact(), full);
    storage.fail = undefined;
    await collection.insert(rows(1, 40));
    await collection.close();
    const again = await Collection.open('checkpoint', options);
    assert.equal(await again.count(), 41);
    // Or the new one, if it was there before the failure.
    const stored = step.startsWith('answer');
    assert.equal((await again.stats()).checkpoint, stored ? 2 : 1);
    await again.compact();
    assert.equal((await again.stats()).checkpoint, 3);
  });
}

test('segments_of_a_load_that_failed_are_not_taken_for_those_of_the_next', async () => {
  const storage = new FaultyStorage();
  const snapshotOf = async (records: number) => {
    const source = await Collection.open('source', { dimension: 256, storage: 'memory', ...WASM });
    await source.insert({ vectors: clustered(records, 256, 1) });
    const bytes = await source.snapshot();
    await source.close();
    return bytes;
  };
  const options = { name: 'loaded', storage, ...WASM };
  storage.fail = 'manifest';
  await assert.rejects(Collection.load(await snapshotOf(9000), options), full);
  storage.fail = undefined;
  const loaded = await Collection.load(await snapshotOf(10), options);
  await loaded.close();
  const again = await Collection.open('loaded', { storage, ...WASM });
  assert.equal(await again.count(), 10);
  await again.close();
});
