import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection } from '../../ts/entrypoints/node.js';
import { createHandler, encodeVectors, VECTORS_TYPE } from '../../ts/server/index.js';
import { ORIGIN, PREFIX, read, serve } from './server-support.js';
import { empty, rows, vector, WASM } from './support.js';

const BATCH = 'collections/words/vectors/batch';
const SEARCH = 'collections/words/search';

test('a_batch_is_written_searched_read_and_deleted', async () => {
  const { send, words } = await serve({}, 'euclidean');
  const written = await send(BATCH, { json: { operation: 'insert', rows: rows(100) } });
  assert.equal(written.status, 200);
  assert.equal(written.body.written, 100);
  assert.deepEqual(written.body.ids.slice(0, 2), ['r0', 'r1']);

  const where = { even: true };
  const found = await send(SEARCH, {
    json: { query: vector(8), k: 3, where, include: ['metadata', 'document'], explain: true },
  });
  const expected = await words.search(vector(8), {
    k: 3,
    where,
    include: ['metadata', 'document'],
  });
  assert.deepEqual(found.body.hits, JSON.parse(JSON.stringify(expected)));
  assert.equal(found.body.hits[0].id, 'r8');
  assert.equal(typeof found.body.explanation.strategy, 'string');

  const many = await send(`${SEARCH}/batch`, { json: { queries: [vector(1), vector(2)], k: 1 } });
  assert.deepEqual(
    many.body.results.map(([hit]: { id: string }[]) => hit?.id),
    ['r1', 'r2'],
  );

  const record = await send('collections/words/vectors/r7?include=vector,metadata');
  assert.deepEqual(record.body, {
    id: 'r7',
    vector: vector(7),
    metadata: { n: 7, even: false, tags: ['t1'] },
  });

  const deleted = await send('collections/words/vectors/r7', { method: 'DELETE' });
  assert.deepEqual([deleted.status, deleted.body.written], [200, 1]);
  const gone = await send('collections/words/vectors/r7');
  assert.deepEqual([gone.status, gone.body.error.code], [404, 'NOT_FOUND']);
  const again = await send('collections/words/vectors/r7', { method: 'DELETE' });
  assert.deepEqual([again.status, again.body.error.code], [404, 'NOT_FOUND']);

  const stats = await send('collections/words/stats');
  assert.equal(stats.body.live, 99);
});

test('every_verb_works_in_rows_and_columns', async () => {
  const { send, words } = await serve({}, 'euclidean');
  const ids = ['a', 'b', 'c'];
  const vectors = [vector(1), vector(2), vector(3)];
  const columns = { ids, vectors, metadatas: [{ n: 1 }, null, { n: 3 }] };
  assert.equal((await send(BATCH, { json: { operation: 'insert', ...columns } })).status, 200);
  const row = { id: 'b', vector: vector(20), document: 'second' };
  await send(BATCH, { json: { operation: 'upsert', rows: [row] } });
  await send(BATCH, { json: { operation: 'update', rows: [{ id: 'a', metadata: { n: 10 } }] } });
  const records = await words.get({ ids }, { include: ['metadata', 'document', 'vector'] });
  assert.deepEqual(records[0]?.metadata, { n: 10 });
  assert.deepEqual([records[1]?.document, [...(records[1]?.vector ?? [])]], ['second', vector(20)]);
  const some = await send(BATCH, { json: { operation: 'delete', where: { n: { $gte: 5 } } } });
  assert.equal(some.body.written, 1);
  await send(BATCH, { json: { operation: 'delete', ids: ['b'] } });
  assert.deepEqual(
    (await words.get({})).map(({ id }) => id),
    ['c'],
  );
});

test('documents_recency_and_duplicates_are_passed_on', async () => {
  const { send, words } = await serve({}, 'euclidean');
  await send(BATCH, { json: { operation: 'insert', rows: rows(20) } });
  const whereDocument = { $contains: 'document 1' };
  const texts = await send(SEARCH, { json: { query: vector(3), k: 20, whereDocument } });
  assert.equal(texts.body.hits.length, 11);
  const decay = { field: 'n', halfLife: 1, weight: 1, now: 19 };
  const recent = await send(SEARCH, { json: { query: vector(3), k: 1, decay } });
  assert.equal(recent.body.hits[0].id, 'r19');
  const row = { id: 'twin', vector: vector(3) };
  const twin = await send(BATCH, { json: { operation: 'insert', rows: [row], dedupe: 'exact' } });
  assert.deepEqual([twin.body.written, twin.body.duplicates[0].duplicateOf], [0, 'r3']);
  assert.equal(words.size, 20);
});

test('progress_is_streamed_as_lines_and_the_last_is_the_outcome', async () => {
  const { send } = await serve();
  const headers = { 'content-type': 'application/json', accept: 'application/x-ndjson' };
  const post = (json: object) =>
    send(BATCH, { method: 'POST', headers, body: JSON.stringify(json) });
  const { status, body } = await post({ operation: 'insert', rows: rows(2000), batchSize: 100 });
  assert.equal(status, 200);
  assert.ok(body.length >= 2, `${body.length} lines`);
  assert.ok(body.slice(0, -1).every((line: object) => 'progress' in line));
  assert.equal(body.at(-1).result.written, 2000);

  const refused = await post({ operation: 'insert', rows: rows(1) });
  assert.equal(refused.status, 200);
  assert.equal(refused.body.at(-1).error.code, 'BATCH');
  assert.equal(refused.body.at(-1).error.errors[0].code, 'DUPLICATE_ID');
  const wrong = await post({ operation: 'inset', rows: [] });
  assert.deepEqual([wrong.status, wrong.body.error.code], [400, 'INVALID_ARGUMENT']);
});

test('a_caller_who_hangs_up_during_the_stream_aborts_the_batch', async () => {
  const words = await empty({ dimension: 64 });
  const handler = createHandler({ open: () => words, authorize: () => true });
  const flat = Float32Array.from({ length: 64 * 20_000 }, (_, i) => Math.sin(i));
  const ids = Array.from({ length: 20_000 }, (_, i) => `v${i}`);
  const body = encodeVectors({ operation: 'insert', ids, batchSize: 10 }, flat, 64);
  const headers = { 'content-type': VECTORS_TYPE, accept: 'application/x-ndjson' };
  const request = new Request(`${ORIGIN}${PREFIX}/${BATCH}`, { method: 'POST', headers, body });
  const response = await handler(request);
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  // The next batch has its turn after the aborted one.
  await words.insert({ id: 'after', vector: flat.slice(0, 64) });
  assert.equal(words.size, 1);
  await handler.close();
});

test('items_that_failed_do_not_hide_behind_a_plain_success', async () => {
  const { send } = await serve();
  const bad = [
    { id: 'a', vector: vector(1) },
    { id: 'b', vector: [1] },
    { id: 'c', vector: vector(2) },
  ];
  const json = { operation: 'insert', rows: bad, atomic: false };
  const { status, body } = await send(BATCH, { json });
  assert.deepEqual([status, body.success, body.written, body.failed], [207, false, 2, 1]);
  assert.deepEqual([body.errors[0].index, body.errors[0].code], [1, 'DIMENSION_MISMATCH']);
});

test('of_concurrent_inserts_of_one_id_one_wins_and_the_others_are_told', async () => {
  const { send, words } = await serve({}, 'euclidean');
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      send(BATCH, { json: { operation: 'insert', rows: [{ id: 'same', vector: vector(i) }] } }),
    ),
  );
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 1, String(statuses));
  for (const { status, body } of answers) {
    if (status === 200) continue;
    assert.deepEqual([status, body.error.errors[0].code], [409, 'DUPLICATE_ID']);
  }
  assert.equal(words.size, 1);
  const writes = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      send(BATCH, { json: { operation: 'upsert', rows: [{ id: 'same', vector: vector(i) }] } }),
    ),
  );
  assert.ok(writes.every(({ status }) => status === 200));
  const { body } = await send('collections/words/vectors/same?include=vector');
  assert.ok(
    Array.from({ length: 20 }, (_, i) => vector(i)).some((v) => `${v}` === `${body.vector}`),
  );
});

test('an_idempotency_key_makes_a_retry_write_nothing_twice', async () => {
  const { send, words } = await serve();
  const retry = (key: string, id: string, batchId?: string) =>
    send(BATCH, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ operation: 'insert', rows: [{ id, vector: vector(1) }], batchId }),
    });
  const first = await retry('one', 'a');
  const second = await retry('one', 'a');
  assert.deepEqual([first.status, second.status, second.body.written], [200, 200, 1]);
  assert.deepEqual([words.size, second.body.generation], [1, first.body.generation]);
  const torn = await retry('two', 'b', 'three');
  assert.deepEqual([torn.status, torn.body.error.code], [400, 'INVALID_ARGUMENT']);
  assert.equal((await retry('x'.repeat(513), 'c')).status, 400);
});

test('a_snapshot_opens_as_the_same_collection', async () => {
  const { send } = await serve();
  await send(BATCH, { json: { operation: 'insert', rows: rows(30) } });
  const { status, body } = await send('collections/words/snapshot');
  assert.equal(status, 200);
  const copy = await Collection.load(body, WASM);
  assert.equal(copy.size, 30);
  assert.equal((await copy.search(vector(12), { k: 1 }))[0]?.id, 'r12');
  await copy.close();
});

test('head_is_get_without_the_body', async () => {
  const { send } = await serve();
  const { status, headers, body } = await send('collections/words/stats', { method: 'HEAD' });
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/json']);
  assert.equal(body, undefined);
});

test('a_collection_is_opened_once_again_after_it_was_closed_and_never_if_unknown', async () => {
  const opened: string[] = [];
  let latest: Collection | undefined;
  const handler = createHandler({
    authorize: () => true,
    open: async (name) => {
      opened.push(name);
      if (name === 'unknown') return undefined;
      latest = await empty();
      return latest;
    },
  });
  const ask = async (name: string) =>
    read(await handler(new Request(`${ORIGIN}${PREFIX}/collections/${name}/stats`)));
  await Promise.all([ask('words'), ask('words')]);
  assert.deepEqual(opened, ['words']);
  await latest?.close();
  const closed = await ask('words');
  assert.deepEqual([closed.status, closed.body.error.code], [503, 'CLOSED']);
  assert.equal(closed.headers.get('retry-after'), '1');
  assert.equal((await ask('words')).status, 200);
  await ask('unknown');
  await ask('unknown');
  assert.deepEqual(opened, ['words', 'words', 'unknown', 'unknown']);
  await handler.close();
  assert.equal((await ask('words')).body.error.code, 'CLOSED');
  await assert.rejects(() => (latest as Collection).stats(), { code: 'CLOSED' });
});
