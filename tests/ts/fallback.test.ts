import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Collection,
  type ErrorCode,
  KindexError,
  PartialWriteError,
} from '../../ts/entrypoints/node.js';
import { FailingStorage } from './failing-storage.js';
import { rows, WASM } from './support.js';

async function opened(name: string) {
  const storage = new FailingStorage();
  const collection = await Collection.open(name, { dimension: 4, storage, ...WASM });
  return { storage, collection };
}

test('a_batch_item_by_item_that_storage_refuses_is_written_in_smaller_ones', async () => {
  const { collection, storage } = await opened('halves');
  let refusals = 3;
  storage.onAppend = (store) =>
    refusals-- > 0 ? Promise.reject(new KindexError('QUOTA_EXCEEDED', 'too large')) : store();
  const list = rows(100).map((row) => (row.id === 'r70' ? { ...row, vector: [1] } : row));
  list.push({ ...list[5], metadata: { n: 0, even: true, tags: [] } } as never);
  const result = await collection.insert(list, { atomic: false });
  assert.deepEqual(result.fallback, { code: 'QUOTA_EXCEEDED', message: 'too large', batches: 4 });
  assert.deepEqual([result.written, result.failed, result.success], [98, 3, false]);
  assert.deepEqual(
    result.errors.map(({ index, code }) => `${index} ${code}`),
    ['5 DUPLICATE_ID', '70 DIMENSION_MISMATCH', '100 DUPLICATE_ID'],
  );
  assert.equal(await collection.count(), 98);
});

test('what_is_refused_in_the_smallest_batch_too_is_reported_at_its_place', async () => {
  const { collection, storage } = await opened('full');
  let accepted = 0;
  storage.onAppend = async (store) => {
    // Room for two quarters.
    if (storage.appends <= 2 || accepted >= 2)
      throw new KindexError('QUOTA_EXCEEDED', 'the disk is full');
    await store();
    accepted += 1;
  };
  const result = await collection.insert(rows(400), { atomic: false });
  assert.deepEqual([result.written, result.failed], [200, 200]);
  assert.deepEqual(
    [result.errors[0]?.index, result.errors.at(-1)?.index, result.errors[0]?.code],
    [200, 399, 'QUOTA_EXCEEDED'],
  );
  // A full disk is not asked four hundred times.
  assert.ok(storage.appends < 20, `${storage.appends} attempts`);
  assert.equal(await collection.count(), 200);
});

test('where_nothing_is_accepted_the_call_fails_and_an_atomic_batch_is_never_divided', async () => {
  const { collection, storage } = await opened('nothing');
  const refuse = (code: ErrorCode) => {
    storage.appends = 0;
    storage.onAppend = () => Promise.reject(new KindexError(code, 'no'));
  };
  const fails = (code: ErrorCode) => (thrown: unknown) =>
    thrown instanceof KindexError && thrown.code === code;
  refuse('QUOTA_EXCEEDED');
  await assert.rejects(collection.insert(rows(10), { atomic: false }), fails('QUOTA_EXCEEDED'));
  refuse('QUOTA_EXCEEDED');
  await assert.rejects(collection.insert(rows(10)), fails('QUOTA_EXCEEDED'));
  assert.equal(storage.appends, 1);
  const named = { atomic: false, batchId: 'one commit' };
  refuse('QUOTA_EXCEEDED');
  await assert.rejects(collection.insert(rows(10), named), fails('QUOTA_EXCEEDED'));
  assert.equal(storage.appends, 1);
  refuse('CONFLICT');
  await assert.rejects(collection.insert(rows(10), { atomic: false }), fails('CONFLICT'));
  assert.equal(storage.appends, 1);
  assert.equal(await collection.count(), 0);
});

test('an_error_of_another_kind_on_the_way_says_what_was_written_before', async () => {
  const { collection, storage } = await opened('conflict');
  storage.onAppend = async (store) => {
    if (storage.appends === 1) throw new KindexError('QUOTA_EXCEEDED', 'too large');
    if (storage.appends === 3) throw new KindexError('CONFLICT', 'another tab has written');
    await store();
  };
  await assert.rejects(collection.insert(rows(10), { atomic: false }), (thrown) => {
    assert.ok(thrown instanceof PartialWriteError, String(thrown));
    assert.deepEqual(
      [thrown.code, thrown.result.written, thrown.result.success],
      ['CONFLICT', 5, false],
    );
    return true;
  });
  assert.equal(await collection.count(), 5);
});

test('a_stream_ends_where_storage_is_full', async () => {
  const { collection, storage } = await opened('stream');
  storage.onAppend = (store) =>
    collection.size >= 200
      ? Promise.reject(new KindexError('QUOTA_EXCEEDED', 'the disk is full'))
      : store();
  const stream = rows(1000).values();
  const options = { atomic: false, batchSize: 100 };
  await assert.rejects(collection.insert(stream, options), (thrown) => {
    assert.ok(thrown instanceof PartialWriteError, String(thrown));
    assert.equal(thrown.code, 'QUOTA_EXCEEDED');
    assert.equal(thrown.result.written, 200);
    assert.equal(thrown.result.errors[0]?.index, 200);
    return true;
  });
  assert.equal(await collection.count(), 200);
});
