import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, MemoryStorage } from '../../ts/entrypoints/node.js';
import { clustered, code, empty, rows, vector, WASM } from './support.js';

test('a_retained_collection_reopens_with_the_same_answers', async () => {
  const storage = new MemoryStorage({ retain: true });
  const options = { dimension: 16, storage, ...WASM };
  const first = await Collection.open('kept', options);
  await first.insert({
    vectors: clustered(2000, 16, 4),
    documents: Array.from({ length: 2000 }, (_, i) => `doc ${i}`),
  });
  await first.delete({ ids: (await first.get({ limit: 50 })).map(({ id }) => id) });
  const query = clustered(1, 16, 5);
  const searched = { k: 20, include: ['document'] as const };
  const before = await first.search(query, searched);
  const exact = await first.search(query, { ...searched, exact: true });
  await first.close();
  await assert.rejects(first.search(query), code('CLOSED'));
  assert.deepEqual(await Collection.list({ storage, ...WASM }), ['kept']);
  for (const wrong of [
    { dimension: 8 },
    { metric: 'dot' as const },
    { quantization: 'none' as const },
  ]) {
    const expected = 'dimension' in wrong ? 'DIMENSION_MISMATCH' : 'INVALID_ARGUMENT';
    await assert.rejects(Collection.open('kept', { ...options, ...wrong }), code(expected));
  }
  const again = await Collection.open('kept', { storage, ...WASM });
  assert.equal(again.size, 1950);
  assert.deepEqual(await again.search(query, searched), before);
  await again.compact();
  assert.equal((await again.stats()).checkpoint, 2);
  await again.close();
  const third = await Collection.open('kept', { storage, ...WASM });
  assert.deepEqual(
    (await third.search(query, { ...searched, exact: true })).map(({ id }) => id),
    exact.map(({ id }) => id),
  );
  await third.close();
  await Collection.destroy('kept', { storage, ...WASM });
  assert.deepEqual(await Collection.list({ storage, ...WASM }), []);
});

test('a_collection_that_is_open_already_is_not_opened_with_other_options', async () => {
  const first = await empty();
  const { name } = first;
  const again = (options: object) =>
    Collection.open(name, { storage: 'memory', ...WASM, ...options });
  await assert.rejects(() => again({ dimension: 5 }), { code: 'DIMENSION_MISMATCH' });
  await assert.rejects(() => again({ metric: 'dot' }), { code: 'INVALID_ARGUMENT' });
  const second = await again({ dimension: 4, metric: 'cosine', graph: { m: 16 } });
  await first.close();
  assert.equal(await second.count(), 0);
  await second.close();
});

test('two_handles_of_one_collection_see_each_other', async () => {
  const storage = new MemoryStorage({ retain: true });
  const [a, b] = [
    await Collection.open('shared', { dimension: 4, storage, ...WASM }),
    await Collection.open('shared', { storage, ...WASM }),
  ];
  const heard: number[] = [];
  b.on('change', ({ written }) => heard.push(written));
  await a.insert(rows(3));
  assert.equal(await b.count(), 3);
  assert.deepEqual(heard, [3]);
  assert.equal(b.size, 3);
  await a.close();
  assert.equal(await b.count(), 3);
  await Collection.destroy('shared', { storage, ...WASM });
  await assert.rejects(b.count(), code('CLOSED'));
});

test('a_snapshot_opens_as_the_same_collection_documents_included', async () => {
  const collection = await empty();
  await collection.insert(rows(100));
  await collection.delete({ ids: ['r5'] });
  const bytes = await collection.snapshot();
  const progress: number[] = [];
  const copy = await Collection.load(bytes, {
    ...WASM,
    onProgress: ({ done }) => progress.push(done),
  });
  assert.equal(progress.at(-1), bytes.length);
  assert.equal(copy.size, 99);
  const options = { k: 10, include: ['metadata', 'document'] as const };
  assert.deepEqual(
    await copy.search(vector(9), options),
    await collection.search(vector(9), options),
  );
  await copy.insert({ id: 'r5', vector: vector(5), document: 'back' });
  assert.equal((await copy.get({ ids: ['r5'] }))[0]?.document, 'back');
  assert.equal(collection.size, 99);
  const fromBlob = await Collection.load(new Blob([bytes]), WASM);
  assert.equal(fromBlob.size, 99);
  await assert.rejects(Collection.load(bytes.slice(0, -20), WASM), code('CORRUPT'));
});
