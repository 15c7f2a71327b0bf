import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, LIMITS, MemoryStorage } from '../../ts/entrypoints/node.js';
import { clustered, code, empty, rows, vector, WASM } from './support.js';

interface Row {
  n: number;
  even: boolean;
  tags: string[];
}

const ids = (hits: readonly { id: string }[]) => hits.map(({ id }) => id);

test('a_view_finds_what_its_filter_finds_while_records_come_change_and_go', async () => {
  const collection = await empty<Row>();
  await collection.insert(rows(60));
  const changes: string[] = [];
  collection.on('change', ({ operation }) => changes.push(operation));
  const where = { even: true, n: { $gte: 10 } };
  const view = await collection.createView('late evens', { where });
  const same = async (k: number) => {
    const query = vector(17);
    const [found, wanted] = [
      await view.search(query, { k }),
      await collection.search(query, { k, where }),
    ];
    assert.deepEqual(found, wanted);
    return ids(found);
  };
  assert.equal((await same(100)).length, 25);
  await collection.insert(rows(20, 60));
  assert.equal((await same(100)).length, 35);
  await collection.update([{ id: 'r10', metadata: { n: 10, even: false, tags: [] } }]);
  await collection.update([{ id: 'r11', metadata: { n: 11, even: true, tags: [] } }]);
  await collection.update([{ id: 'r12', vector: vector(500) }]);
  const after = await same(100);
  assert.ok(!after.includes('r10') && after.includes('r11') && after.includes('r12'));
  await collection.delete({ where: { n: { $lt: 30 } } });
  assert.equal((await same(100)).length, 25);

  // Narrower still: by filter, by document, by recency; many at once; and how it was found.
  const few = await view.search(vector(1), { where: { tags: { $contains: 't0' } }, k: 100 });
  const both = { $and: [where, { tags: { $contains: 't0' } }] };
  assert.deepEqual(few, await collection.search(vector(1), { where: both, k: 100 }));
  const texts = await view.search(vector(1), { whereDocument: { $contains: 'document 4' } });
  assert.deepEqual(ids(texts).sort(), ['r40', 'r42', 'r44', 'r46', 'r48']);
  const decay = { field: 'n', halfLife: 5, now: 80 } as const;
  assert.deepEqual(
    await view.search(vector(1), { decay, k: 3 }),
    await collection.search(vector(1), { decay, k: 3, where }),
  );
  const queries = [vector(31), vector(32)];
  assert.deepEqual(
    await view.searchBatch(queries, { k: 2 }),
    await collection.searchBatch(queries, { k: 2, where }),
  );
  const explained = await collection.search(vector(1), { view: 'late evens', explain: true });
  assert.equal(explained.explanation?.strategy, 'exact');
  assert.deepEqual(changes, ['insert', 'update', 'update', 'update', 'delete']);
  const [info, ...others] = await collection.listViews();
  assert.deepEqual(
    [info?.name, info?.where, info?.size, info?.graph],
    ['late evens', where, 25, false],
  );
  assert.ok(others.length === 0 && (info?.bytes ?? 0) > 0);
  assert.ok((await collection.stats()).memory.views > 0);

  await view.drop();
  assert.deepEqual(await collection.listViews(), []);
  await assert.rejects(view.search(vector(1)), code('NOT_FOUND'));
  await assert.rejects(collection.dropView('late evens'), code('NOT_FOUND'));
});

test('a_view_comes_back_from_the_log_from_a_checkpoint_and_from_a_snapshot', async () => {
  const storage = new MemoryStorage({ retain: true });
  const open = () => Collection.open<Row>('kept', { dimension: 16, storage, ...WASM });
  const vectors = clustered(7000, 16, 3);
  const metadatas = Array.from({ length: 7000 }, (_, n) => ({ n, even: n % 2 === 0, tags: [] }));
  let collection = await open();
  await collection.insert({ vectors, metadatas });
  const heard: number[] = [];
  const view = await collection.createView('evens', {
    where: { even: true },
    batchSize: 2500,
    onProgress: ({ phase, done }) => phase === 'index' && heard.push(done),
  });
  assert.equal(heard.at(-1), 3500);
  const query = vectors.subarray(0, 16);
  const wanted = ids(await view.search(query, { ef: 200 }));
  const exact = ids(await collection.search(query, { where: { even: true }, exact: true }));
  assert.deepEqual(wanted, exact);
  const same = async (opened: Collection<Row>) => {
    const [{ name, size, graph } = { name: '', size: 0, graph: false }] = await opened.listViews();
    assert.deepEqual([name, size, graph], ['evens', 3500, true]);
    assert.deepEqual(ids(await opened.view('evens').search(query, { ef: 200 })), wanted);
  };
  await collection.close();
  collection = await open();
  await same(collection);
  await collection.compact();
  const snapshot = await collection.snapshot();
  await collection.close();
  collection = await open();
  await same(collection);
  await collection.close();
  const loaded = await Collection.load<Row>(snapshot, WASM);
  await same(loaded);
  await loaded.close();
});

test('bad_views_are_refused_and_change_nothing', async () => {
  const collection = await empty<Row>();
  const good = { where: { even: true } };
  await collection.createView('x'.repeat(LIMITS.nameBytes), good);
  const { generation } = await collection.stats();
  for (const name of ['', 'x'.repeat(LIMITS.nameBytes + 1), 7, '\ud800']) {
    await assert.rejects(collection.createView(name as string, good), code('INVALID_ARGUMENT'));
  }
  const bad = [
    undefined,
    {},
    { where: 1 },
    { where: { n: { $near: 1 } } },
    { ...good, batchSize: 0 },
  ];
  for (const options of bad) {
    await assert.rejects(
      collection.createView('a', options as typeof good),
      code('INVALID_ARGUMENT'),
    );
  }
  await assert.rejects(collection.createView('x'.repeat(200), good), code('DUPLICATE_ID'));
  assert.throws(() => collection.view(''), code('INVALID_ARGUMENT'));
  const signal = AbortSignal.abort();
  await assert.rejects(collection.createView('a', { ...good, signal }), code('ABORTED'));
  assert.equal((await collection.stats()).generation, generation);
  const others = Array.from({ length: LIMITS.views - 1 }, (_, i) =>
    collection.createView(`view ${i}`, good),
  );
  await Promise.all(others);
  await assert.rejects(collection.createView('one more', good), code('INVALID_ARGUMENT'));
  // @ts-expect-error not a field
  const other: typeof good = { where: { colour: 1 } };
  await assert.rejects(collection.createView('a', other), code('INVALID_ARGUMENT'));
});

test('what_a_document_says_can_be_what_is_deleted', async () => {
  const collection = await empty<Row>();
  await collection.insert(rows(50));
  const whereDocument = { $contains: 'document 1' };
  const result = await collection.delete({ where: { even: true }, whereDocument });
  assert.equal(result.written, 5);
  assert.equal((await collection.delete({ whereDocument })).written, 6);
  assert.equal(await collection.count({ whereDocument }), 0);
  assert.equal(await collection.count(), 39);
  const both = { ids: ['r2'], whereDocument } as unknown as { ids: string[] };
  await assert.rejects(collection.delete(both), code('INVALID_ARGUMENT'));
  await assert.rejects(collection.delete({} as { ids: string[] }), code('INVALID_ARGUMENT'));
});
