import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchError, Collection, KindexError } from '../../ts/entrypoints/node.js';
import { Engine } from '../../ts/generated/single.js';
import { FailingStorage } from './failing-storage.js';
import { clustered, empty, rows, vector, WASM } from './support.js';

const generation = async (collection: Collection) => (await collection.stats()).generation;

/** Counts the calls of an engine's method while `work` runs. */
async function counted(method: 'search' | 'apply', work: () => Promise<unknown>): Promise<number> {
  const prototype = Engine.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const original = prototype[method] as (...args: unknown[]) => unknown;
  let calls = 0;
  prototype[method] = function (this: unknown, ...args) {
    calls += 1;
    return original.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype[method] = original;
  }
  return calls;
}

test('single_inserts_of_one_turn_become_one_batch_and_each_hears_of_its_own', async () => {
  const collection = await empty();
  const results = await Promise.all(rows(200).map((row) => collection.insert(row)));
  assert.equal(await generation(collection), 1);
  for (const [i, result] of results.entries()) {
    assert.deepEqual(
      [result.ids, result.written, result.failed, result.success, result.atomic],
      [[`r${i}`], 1, 0, true, true],
    );
  }
  const made = await Promise.all([1, 2].map((i) => collection.insert({ vector: vector(i) })));
  assert.equal(new Set(made.flatMap(({ ids }) => ids)).size, 2);
  assert.equal(collection.size, 202);
});

test('columns_of_one_row_are_gathered_like_rows_and_keep_the_errors_of_columns', async () => {
  const collection = await empty();
  const columns = rows(40).map(({ id, ...row }, i) => ({
    ids: [id as string],
    vectors: i % 2 ? [row.vector as number[]] : Float32Array.from(row.vector as number[]),
    metadatas: [{ i }],
    documents: [`text ${i}`],
  }));
  const results = await Promise.all(columns.map((one) => collection.insert(one)));
  assert.equal(await generation(collection), 1);
  assert.deepEqual(
    results.map(({ ids }) => ids[0]),
    columns.map(({ ids }) => ids[0]),
  );
  const [first] = await collection.get({ ids: ['r7'] }, { include: ['metadata', 'document'] });
  assert.deepEqual([first?.metadata, first?.document], [{ i: 7 }, 'text 7']);
  const wrong = [
    { ids: ['a'], vectors: new Float32Array(8) },
    { ids: ['a'], vectors: [vector(1)], metadatas: [{}, {}] },
    { ids: ['a'], vectors: 'none' as never },
  ];
  for (const batch of wrong) {
    await assert.rejects(collection.insert(batch), (thrown) => {
      assert.ok(thrown instanceof KindexError && !(thrown instanceof BatchError), `${thrown}`);
      return true;
    });
  }
  assert.equal(collection.size, 40);
});

test('what_is_called_while_a_batch_is_written_becomes_the_next_batch', async () => {
  const storage = new FailingStorage();
  const collection = await Collection.open('busy', { dimension: 4, storage, ...WASM });
  const first = new Promise<void>((resolve) => {
    storage.onAppend = async (store) => {
      storage.onAppend = (next) => next();
      resolve();
      // Several turns pass, in each of which a record is inserted.
      for (let i = 1; i <= 20; i++) {
        await new Promise((done) => setTimeout(done));
        calls.push(collection.insert(rows(1, i)));
      }
      await store();
    };
  });
  const calls = [collection.insert(rows(1))];
  await first;
  assert.equal((await calls[0])?.generation, 1);
  const results = await Promise.all(calls);
  assert.deepEqual(new Set(results.slice(1).map((result) => result.generation)), new Set([2]));
});

test('a_bad_record_fails_its_own_call_only', async () => {
  const collection = await empty();
  await collection.insert(rows(1));
  const getter = {
    id: 'getter',
    get vector(): number[] {
      throw new RangeError('the getter says no');
    },
  };
  const settled = await Promise.allSettled([
    collection.insert({ id: 'good', vector: vector(1) }),
    collection.insert({ id: 'r0', vector: vector(2) }),
    collection.insert({ id: 'short', vector: [1, 2] }),
    collection.insert({ id: 7 as never, vector: vector(3) }),
    collection.insert({ id: 'zero', vector: [0, 0, 0, 0] }, { atomic: false }),
    collection.insert({ id: 'option', vector: vector(4) }, { batchSize: -1 }),
    collection.insert(getter),
    collection.insert({ id: 'signal', vector: vector(5) }, { signal: AbortSignal.abort() }),
    collection.delete({ ids: ['nobody'] }),
    collection.update({ id: 'nobody', metadata: {} }),
    collection.insert({ id: 'good too', vector: vector(6) }),
  ]);
  const codes = settled.map((one) => {
    if (one.status === 'fulfilled') return one.value.errors[0]?.code ?? one.value.written;
    const { reason } = one;
    if (!(reason instanceof BatchError)) return reason.code ?? reason.name;
    assert.deepEqual([reason.errors.length, reason.errors[0]?.index, reason.written], [1, 0, 0]);
    return `${reason.errors[0]?.op} ${reason.errors[0]?.code}`;
  });
  assert.deepEqual(codes, [
    1,
    'insert DUPLICATE_ID',
    'insert DIMENSION_MISMATCH',
    'insert INVALID_ARGUMENT',
    'ZERO_VECTOR',
    'INVALID_ARGUMENT',
    'RangeError',
    'ABORTED',
    'delete NOT_FOUND',
    'update NOT_FOUND',
    1,
  ]);
  assert.deepEqual((await collection.get()).map(({ id }) => id).sort(), ['good', 'good too', 'r0']);
});

test('calls_about_the_same_id_keep_their_order', async () => {
  const collection = await empty();
  const settled = await Promise.allSettled([
    collection.insert({ id: 'a', vector: vector(1), metadata: { step: 1 } }),
    collection.insert({ id: 'b', vector: vector(2) }),
    collection.update({ id: 'a', metadata: { step: 2 } }),
    collection.upsert({ id: 'a', vector: vector(3), metadata: { step: 3 } }),
    collection.delete({ ids: ['a'] }),
    collection.delete({ ids: ['a'] }),
    collection.insert({ id: 'a', vector: vector(4), metadata: { step: 6 } }),
    collection.insert({ id: 'a', vector: vector(5), metadata: { step: 7 } }),
    collection.delete({ ids: ['b'] }),
  ]);
  assert.deepEqual(
    settled.map(({ status }) => status === 'fulfilled'),
    [true, true, true, true, true, false, true, false, true],
  );
  const records = await collection.get();
  assert.deepEqual(
    records.map(({ id, metadata }) => [id, metadata]),
    [['a', { step: 6 }]],
  );
});

test('a_batch_between_single_calls_keeps_its_place', async () => {
  const collection = await empty();
  await Promise.all([
    collection.insert({ id: 'a', vector: vector(1) }),
    collection.delete({ where: {} }),
    collection.insert({ id: 'b', vector: vector(2) }),
    collection.upsert([
      { id: 'b', vector: vector(3), metadata: { last: true } },
      { id: 'c', vector: vector(4) },
    ]),
    collection.delete({ ids: ['c'] }),
  ]);
  const records = await collection.get();
  assert.deepEqual(
    records.map(({ id, metadata }) => [id, metadata]),
    [['b', { last: true }]],
  );
});

test('durability_parts_batches_and_a_storage_that_refuses_fails_every_call', async () => {
  const storage = new FailingStorage();
  const collection = await Collection.open('kinds', { dimension: 4, storage, ...WASM });
  await Promise.all([
    collection.insert(rows(1), { durability: 'strict' }),
    collection.insert(rows(1, 1), { durability: 'strict' }),
    collection.insert(rows(1, 2)),
    collection.insert(rows(1, 3)),
  ]);
  assert.equal(await generation(collection), 2);
  storage.onAppend = () => Promise.reject(new KindexError('QUOTA_EXCEEDED', 'full'));
  const settled = await Promise.allSettled(rows(3, 4).map((row) => collection.insert(row)));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.equal(await collection.count(), 4);
});

test('a_lone_call_starts_within_a_microtask', async () => {
  const collection = await empty();
  await collection.insert(rows(1));
  let begun = false;
  const prototype = Engine.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const { begin } = prototype as { begin: (...args: unknown[]) => unknown };
  prototype.begin = function (this: unknown, ...args) {
    begun = true;
    return begin.apply(this, args);
  };
  try {
    const writing = collection.insert(rows(1, 1));
    // No timer and no task: promises alone lead to the engine, which runs on this thread here.
    for (let i = 0; i < 40 && !begun; i++) await Promise.resolve();
    assert.ok(begun);
    await writing;
  } finally {
    prototype.begin = begin;
  }
});

test('closing_waits_for_the_calls_before_it', async () => {
  const collection = await empty();
  const calls = rows(5).map((row) => collection.insert(row));
  const closing = collection.close();
  assert.equal((await Promise.all(calls)).length, 5);
  await closing;
  await assert.rejects(
    collection.insert(rows(1, 9)),
    (thrown) => thrown instanceof KindexError && thrown.code === 'CLOSED',
  );
});

test('searches_of_one_turn_become_one_call_of_the_engine', async () => {
  const collection = await empty({ dimension: 16 });
  await collection.insert({ vectors: clustered(300, 16, 1) });
  const queries = clustered(20, 16, 2);
  const query = (i: number) => queries.subarray(i * 16, i * 16 + 16);
  const alone: unknown[] = [];
  for (let i = 0; i < 20; i++) alone.push(await collection.search(query(i), { k: 3 }));
  let together: unknown[] = [];
  const calls = await counted('search', async () => {
    together = await Promise.all(
      Array.from({ length: 20 }, (_, i) => collection.search(query(i), { k: 3 })),
    );
  });
  assert.equal(calls, 1);
  assert.deepEqual(together, alone);
  const differing = await counted('search', () =>
    Promise.all([
      collection.search(query(0), { k: 3 }),
      collection.search(query(1), { k: 4 }),
      collection.search(query(2), { k: 3, exact: true }),
      collection.search(query(3), { k: 3, include: ['vector'] }),
      collection.search(query(4), { k: 3 }),
    ]),
  );
  assert.equal(differing, 4);
});

test('a_bad_query_fails_its_own_search_only', async () => {
  const collection = await empty();
  await collection.insert(rows(10));
  const scratch = Float32Array.from(vector(3));
  const reused = collection.search(scratch, { k: 1 });
  scratch.fill(0);
  const settled = await Promise.allSettled([
    collection.search(vector(1), { k: 1 }),
    collection.search([0, 0, 0, 0], { k: 1 }),
    collection.search([1, 2], { k: 1 }),
    collection.search([1, Number.NaN, 0, 0], { k: 1 }),
    collection.search(vector(2), { k: 0 }),
    collection.search('text', { k: 1 }),
    collection.search(vector(2), { k: 1, signal: AbortSignal.abort() }),
    collection.search(vector(2), { k: 1 }),
    reused,
  ]);
  assert.deepEqual(
    settled.map((one) => (one.status === 'fulfilled' ? one.value[0]?.id : one.reason.code)),
    [
      'r1',
      'ZERO_VECTOR',
      'DIMENSION_MISMATCH',
      'NOT_FINITE',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'ABORTED',
      'r2',
      'r3',
    ],
  );
});

test('searches_during_a_batch_wait_for_each_other_and_not_for_the_batch', async () => {
  const storage = new FailingStorage();
  const collection = await Collection.open('during', { dimension: 4, storage, ...WASM });
  await collection.insert(rows(50));
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  storage.onAppend = async (store) => {
    await released;
    await store();
  };
  const writing = collection.insert(rows(50, 50));
  await new Promise((resolve) => setTimeout(resolve));
  let answers: unknown[][] = [];
  const calls = await counted('search', async () => {
    const searching: Promise<unknown[]>[] = [];
    for (let i = 0; i < 6; i++) {
      searching.push(collection.search(vector(i), { k: 1 }));
      // Within the turn of an answer that is under way, but not in one turn.
      await Promise.resolve();
    }
    answers = await Promise.all(searching);
  });
  assert.deepEqual(
    answers.map(([hit]) => (hit as { id: string }).id),
    ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'],
  );
  assert.ok(calls < 6, `${calls} calls`);
  release();
  assert.equal((await writing).written, 50);
});
