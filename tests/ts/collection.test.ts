import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchError } from '../../ts/entrypoints/node.js';
import { clustered, code, empty, rows, vector } from './support.js';

test('what_was_inserted_as_rows_comes_back_whole', async () => {
  const collection = await empty();
  const result = await collection.insert(rows(5));
  assert.deepEqual([result.success, result.written, result.failed], [true, 5, 0]);
  assert.equal(result.durable, false);
  assert.equal(collection.size, 5);
  const [record] = await collection.get(
    { ids: ['r3'] },
    { include: ['metadata', 'document', 'vector'] },
  );
  assert.equal(record?.id, 'r3');
  assert.deepEqual(record?.metadata, { n: 3, even: false, tags: ['t0'] });
  assert.equal(record?.document, 'document 3');
  const expected = vector(3);
  const cosine = cos(Array.from(record?.vector ?? []), expected);
  assert.ok(cosine > 0.9999, `the vector points elsewhere: ${cosine}`);
});

test('columns_and_rows_give_the_same_collection', async () => {
  const [byRow, byColumn] = [await empty(), await empty()];
  const list = rows(20);
  await byRow.insert(list);
  await byColumn.insert({
    ids: list.map((row) => row.id),
    vectors: Float32Array.from(list.flatMap((row) => row.vector)),
    metadatas: list.map((row) => row.metadata),
    documents: list.map((row) => row.document),
  });
  const options = { k: 5, include: ['metadata', 'document', 'vector'] as const };
  assert.deepEqual(
    await byColumn.search(vector(7), options),
    await byRow.search(vector(7), options),
  );
});

test('left_out_ids_are_made_unique_and_in_order', async () => {
  const collection = await empty();
  const { ids } = await collection.insert({
    vectors: Float32Array.from({ length: 400 }, (_, i) => i + 1),
  });
  assert.equal(new Set(ids).size, 100);
  assert.deepEqual([...ids].sort(), ids);
  const found = await collection.get();
  assert.deepEqual(
    found.map(({ id }) => id),
    ids,
  );
});

test('the_nearest_come_first_with_distance_and_score', async () => {
  const collection = await empty({ metric: 'euclidean' });
  await collection.insert({
    ids: ['near', 'far'],
    vectors: [
      [1, 0, 0, 0],
      [4, 0, 0, 0],
    ],
  });
  const hits = await collection.search([0, 0, 0, 0], { k: 2 });
  assert.deepEqual(
    hits.map(({ id }) => id),
    ['near', 'far'],
  );
  assert.ok(Math.abs((hits[1]?.distance ?? 0) - 4) < 0.05);
  assert.equal(hits[0]?.score, 1 / (1 + (hits[0]?.distance ?? 0)));
});

test('a_batch_of_queries_answers_as_the_queries_alone', async () => {
  const collection = await empty({ dimension: 16 });
  const vectors = clustered(300, 16, 1);
  await collection.insert({ vectors });
  const queries = clustered(8, 16, 2);
  const together = await collection.searchBatch(queries, { k: 3 });
  for (let i = 0; i < 8; i++) {
    assert.deepEqual(
      together[i],
      await collection.search(queries.subarray(i * 16, i * 16 + 16), { k: 3 }),
    );
  }
});

test('filters_select_exactly', async () => {
  const collection = await empty<{ n: number; even: boolean; tags: string[] }>();
  await collection.insert(rows(30));
  assert.equal(await collection.count(), 30);
  assert.equal(await collection.count({ where: { even: true } }), 15);
  assert.equal(await collection.count({ where: { n: { $gte: 10, $lt: 20 }, even: false } }), 5);
  assert.equal(await collection.count({ where: { $or: [{ n: 1 }, { n: { $in: [2, 3] } }] } }), 3);
  assert.equal(await collection.count({ where: { $not: { even: true } } }), 15);
  const hits = await collection.search(vector(4), { k: 30, where: { n: { $lte: 9 } } });
  assert.equal(hits.length, 10);
  assert.ok(hits.every((hit) => (hit.metadata?.n ?? 99) <= 9));
});

test('dates_are_stored_and_filtered_as_milliseconds', async () => {
  const collection = await empty<{ seen: Date }>();
  const day = (n: number) => new Date(Date.UTC(2026, 0, n));
  await collection.insert(
    [1, 2, 3].map((n) => ({ id: `d${n}`, vector: vector(n), metadata: { seen: day(n) } })),
  );
  const found = await collection.get({ where: { seen: { $gt: day(1) } } });
  assert.deepEqual(
    found.map(({ metadata }) => metadata?.seen),
    [day(2).getTime(), day(3).getTime()],
  );
});

test('upsert_replaces_update_changes_delete_removes', async () => {
  const collection = await empty();
  await collection.insert(rows(4));
  await collection.upsert([
    { id: 'r0', vector: [9, 9, 9, 9] },
    { id: 'new', vector: [1, 1, 1, 2] },
  ]);
  const [replaced] = await collection.get({ ids: ['r0'] });
  assert.equal(replaced?.metadata, undefined);
  assert.equal(replaced?.document, undefined);
  await collection.update({ id: 'r1', metadata: { n: 100 } });
  const [updated] = await collection.get({ ids: ['r1'] });
  assert.deepEqual(updated?.metadata, { n: 100 });
  assert.equal(updated?.document, 'document 1');
  await collection.delete({ ids: ['r2'] });
  assert.equal((await collection.delete({ where: { n: 3 } })).written, 1);
  assert.deepEqual((await collection.get()).map(({ id }) => id).sort(), ['new', 'r0', 'r1']);
  assert.equal(collection.size, 3);
});

test('an_atomic_batch_with_bad_items_changes_nothing_and_names_them_all', async () => {
  const collection = await empty();
  await collection.insert(rows(2));
  const bad = [
    { id: 'ok', vector: vector(1) },
    { id: 'r0', vector: vector(2) },
    { id: 'short', vector: [1, 2] },
    { id: 'nan', vector: [1, Number.NaN, 0, 0] },
    { id: 'zero', vector: [0, 0, 0, 0] },
    { id: 'infinite', vector: [Number.NEGATIVE_INFINITY, 1, 0, 0] },
    { id: 'twice', vector: vector(3) },
    { id: 'twice', vector: vector(4) },
    { id: 'big', vector: vector(5), metadata: { n: 1n as unknown as number } },
  ];
  await assert.rejects(collection.insert(bad), (thrown) => {
    assert.ok(thrown instanceof BatchError);
    assert.equal(thrown.code, 'BATCH');
    assert.deepEqual(
      thrown.errors.map(({ index, code: name }) => `${index} ${name}`),
      [
        '1 DUPLICATE_ID',
        '2 DIMENSION_MISMATCH',
        '3 NOT_FINITE',
        '4 ZERO_VECTOR',
        '5 NOT_FINITE',
        '6 DUPLICATE_ID',
        '7 DUPLICATE_ID',
        '8 INVALID_ARGUMENT',
      ],
    );
    return true;
  });
  assert.equal(await collection.count(), 2);
  assert.equal((await collection.stats()).generation, 1);
});

test('a_batch_item_by_item_writes_the_good_and_reports_the_bad_in_place', async () => {
  const collection = await empty();
  const list = rows(6).map((row, i) =>
    i === 1 ? { ...row, vector: [1] } : i === 4 ? { ...row, vector: [0, 0, 0, 0] } : row,
  );
  const result = await collection.insert(list, { atomic: false });
  assert.deepEqual([result.success, result.written, result.failed], [false, 4, 2]);
  assert.deepEqual(
    result.errors.map(({ index, id }) => [index, id]),
    [
      [1, 'r1'],
      [4, 'r4'],
    ],
  );
  assert.deepEqual(
    (await collection.get()).map(({ id }) => id),
    ['r0', 'r2', 'r3', 'r5'],
  );
});

test('unknown_ids_are_errors_of_update_and_delete', async () => {
  const collection = await empty();
  await collection.insert(rows(1));
  for (const attempt of [
    () => collection.update({ id: 'gone', metadata: { a: 1 } }),
    () => collection.delete({ ids: ['r0', 'gone'] }),
  ]) {
    await assert.rejects(attempt(), (thrown) => {
      assert.ok(thrown instanceof BatchError);
      assert.equal(thrown.errors[0]?.code, 'NOT_FOUND');
      return true;
    });
  }
  assert.equal(await collection.count(), 1);
});

test('an_aborted_batch_leaves_nothing', async () => {
  const collection = await empty();
  const controller = new AbortController();
  const vectors = clustered(20_000, 4, 3);
  const writing = collection.insert(
    { vectors },
    { batchSize: 500, signal: controller.signal, onProgress: () => controller.abort() },
  );
  await assert.rejects(writing, code('ABORTED'));
  await assert.rejects(
    collection.insert(rows(1), { signal: AbortSignal.abort() }),
    code('ABORTED'),
  );
  assert.equal(await collection.count(), 0);
  await collection.insert(rows(2));
  assert.equal(await collection.count(), 2);
});

test('progress_ends_with_everything_indexed', async () => {
  const collection = await empty();
  const seen: { phase: string; done: number; total: number; batches: number }[] = [];
  const result = await collection.insert(rows(3000), {
    batchSize: 1000,
    onProgress: (event) => seen.push(event),
  });
  const last = seen.at(-1);
  assert.deepEqual([last?.phase, last?.done, last?.total], ['index', 3000, 3000]);
  assert.equal(last?.batches, result.batchesProcessed);
  // A slow machine cuts slices shorter than asked, so that no task of the page grows long.
  assert.ok(result.batchesProcessed >= 3);
});

test('batches_follow_each_other_in_the_order_of_the_calls', async () => {
  const collection = await empty();
  const results = await Promise.all([
    collection.insert(rows(500)),
    collection.update({ id: 'r1', metadata: { n: -1 } }),
    collection.delete({ ids: ['r1'] }),
    collection.insert({ id: 'r1', vector: vector(1) }),
  ]);
  assert.deepEqual(
    results.map(({ generation }) => generation),
    [1, 2, 3, 4],
  );
  assert.equal(collection.size, 500);
});

test('a_retry_under_the_same_batch_id_is_not_applied_twice', async () => {
  const collection = await empty();
  const first = await collection.insert(rows(3), { batchId: 'once' });
  const again = await collection.insert(rows(3), { batchId: 'once' });
  assert.deepEqual([again.written, again.generation], [first.written, first.generation]);
  assert.equal(await collection.count(), 3);
});

test('iterate_pages_through_everything', async () => {
  const collection = await empty();
  await collection.insert(rows(2500));
  const ids: string[] = [];
  for await (const { id } of collection.iterate()) ids.push(id);
  assert.equal(new Set(ids).size, 2500);
  const some: string[] = [];
  for await (const { id } of collection.iterate({ where: { even: true }, limit: 7, offset: 2 }))
    some.push(id);
  assert.deepEqual(some, ['r4', 'r6', 'r8', 'r10', 'r12', 'r14', 'r16']);
});

test('stats_say_what_runs', async () => {
  const collection = await empty();
  await collection.insert(rows(10));
  const stats = await collection.stats();
  assert.deepEqual(
    [stats.live, stats.threads, stats.storage, stats.generation],
    [10, 1, 'memory', 1],
  );
  assert.match(stats.simd, /simd/);
});

function cos(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
