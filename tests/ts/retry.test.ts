import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, type ErrorCode, KindexError, type Store } from '../../ts/entrypoints/node.js';
import { Engine } from '../../ts/generated/single.js';
import { backOff } from '../../ts/retry.js';
import { FailingStorage } from './failing-storage.js';
import { rows, vector, WASM } from './support.js';

async function opened(name: string) {
  const storage = new FailingStorage();
  const options = { dimension: 4, storage, ...WASM };
  return { storage, options, collection: await Collection.open(name, options) };
}

const fails = (code: ErrorCode) => () => Promise.reject(new KindexError(code, 'the test says so'));
const hasCode = (code: ErrorCode) => (thrown: unknown) =>
  thrown instanceof KindexError && thrown.code === code;

/** Appends fail that many times, then work. */
function failing(storage: FailingStorage, times: number, code: ErrorCode = 'STORAGE_UNAVAILABLE') {
  let left = times;
  storage.appends = 0;
  storage.onAppend = (store) => (left-- > 0 ? fails(code)() : store());
}

test('a_storage_that_fails_for_a_moment_is_reopened_and_tried_again', async () => {
  const { storage, options, collection } = await opened('moment');
  for (const [i, code] of (['STORAGE_UNAVAILABLE', 'LOCKED', 'BLOCKED'] as const).entries()) {
    failing(storage, 4, code);
    const result = await collection.insert(rows(3, 3 * i));
    assert.deepEqual([result.written, storage.appends], [3, 5]);
  }
  assert.equal(storage.reopened, 12);
  await collection.close();
  assert.equal(await (await Collection.open('moment', options)).count(), 9);
});

test('after_five_tries_the_batch_fails_and_nothing_has_changed', async () => {
  const { storage, collection } = await opened('for-good');
  await collection.insert(rows(2));
  failing(storage, Number.POSITIVE_INFINITY);
  await assert.rejects(collection.insert(rows(3, 2)), hasCode('STORAGE_UNAVAILABLE'));
  assert.deepEqual([storage.appends, await collection.count()], [5, 2]);
  storage.onAppend = (store) => store();
  await collection.insert(rows(3, 2));
  assert.equal((await collection.stats()).generation, 2);
});

test('what_asking_again_can_not_mend_is_tried_once', async () => {
  const { storage, collection } = await opened('once');
  for (const code of ['QUOTA_EXCEEDED', 'CONFLICT', 'CORRUPT', 'NEWER_VERSION'] as const) {
    failing(storage, 1, code);
    await assert.rejects(collection.insert(rows(1)), hasCode(code));
    assert.equal(storage.appends, 1, code);
  }
  assert.equal(await collection.count(), 0);
});

test('a_batch_that_was_stored_before_the_storage_failed_is_not_stored_twice', async () => {
  const { storage, options, collection } = await opened('ambiguous');
  storage.onAppend = async (store) => {
    await store();
    if (storage.appends === 1) await fails('STORAGE_UNAVAILABLE')();
  };
  const result = await collection.insert(rows(5));
  assert.deepEqual([result.written, result.generation, storage.appends], [5, 1, 1]);
  await collection.insert(rows(1, 5));
  await collection.close();
  const again = await Collection.open('ambiguous', options);
  assert.deepEqual([await again.count(), (await again.stats()).generation], [6, 2]);
});

test('a_batch_that_may_be_stored_is_no_conflict_even_if_another_has_taken_over_and_folded_the_log', async () => {
  class Folded extends FailingStorage {
    protected override changes(inner: Store): Partial<Store> {
      const folded = async function* () {};
      return {
        ...super.changes(inner),
        readLog: (from) => (this.appends ? folded() : inner.readLog(from)),
      };
    }
  }
  const storage = new Folded();
  const collection = await Collection.open('folded', { dimension: 4, storage, ...WASM });
  storage.onAppend = async (store) => {
    if (storage.appends > 1) await fails('CONFLICT')();
    await store();
    await fails('STORAGE_UNAVAILABLE')();
  };
  await assert.rejects(collection.insert(rows(5)), hasCode('STORAGE_UNAVAILABLE'));
  assert.equal(storage.appends, 2);
});

test('a_batch_id_makes_the_retry_after_a_lost_answer_harmless', async () => {
  const { collection } = await opened('answer');
  // The batch is committed; the engine dies before it can say so.
  const prototype = Engine.prototype as unknown as Record<string, unknown>;
  const { apply } = prototype;
  prototype.apply = () => {
    prototype.apply = apply;
    throw new WebAssembly.RuntimeError('unreachable');
  };
  const batch = [...rows(4), { id: 'short', vector: [1] }, { id: 'zero', vector: [0, 0, 0, 0] }];
  const options = { batchId: 'import-1', atomic: false };
  await assert.rejects(collection.insert(batch, options), hasCode('CRASHED'));
  const again = await collection.insert(batch, options);
  assert.deepEqual([again.written, again.failed, again.generation], [4, 2, 1]);
  assert.equal(again.success, false);
  const third = await collection.insert(batch, options);
  assert.deepEqual([third.written, third.failed, third.generation], [4, 2, 1]);
  assert.equal(await collection.count(), 4);
  await assert.rejects(
    collection.upsert({ id: 'r0', vector: vector(1) }, options),
    hasCode('INVALID_ARGUMENT'),
  );
});

test('waits_are_random_below_a_bound_that_doubles_up_to_two_seconds', () => {
  assert.deepEqual(
    [1, 2, 3, 6, 7, 50].map((failures) => backOff(failures, 1)),
    [50, 100, 200, 1600, 2000, 2000],
  );
  assert.equal(backOff(4, 0), 0);
  assert.equal(backOff(4, 0.5), 200);
});
