import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Collection, KindexError } from '../../ts/entrypoints/node.js';
import { SNAPSHOT_STALL_MS } from '../../ts/snapshot.js';
import { serve } from './server-support.js';
import { empty, rows, WASM } from './support.js';

const BATCH = 'collections/words/vectors/batch';
const SNAPSHOT = 'collections/copy/snapshot';
const NDJSON = 'application/x-ndjson';

/** The lines as a body that arrives in pieces of that many bytes. */
function lines(values: readonly (object | string)[], piece = 1000): RequestInit {
  const text = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const bytes = new TextEncoder().encode(text.join('\n'));
  let at = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
  return { method: 'POST', body, duplex: 'half', headers: { 'content-type': NDJSON } } as object;
}

test('rows_that_come_line_by_line_are_what_the_same_rows_at_once_are', async () => {
  const many = rows(500);
  const [first, second] = [await serve(), await serve()];
  // Pieces end within lines, within letters of several bytes, and at line ends.
  const odd = many.map((row, i) => ({ ...row, document: `grün ${i} 漢字` }));
  for (const piece of [1, 7, 64, 1_000_000]) {
    const body = lines([{ operation: 'upsert' }, ...odd, '', ''], piece);
    const { status, body: result } = await first.send(BATCH, body);
    assert.deepEqual([status, result.success, result.written], [200, true, 500]);
  }
  await second.send(BATCH, { json: { operation: 'upsert', rows: odd } });
  const all = { include: ['metadata', 'document', 'vector'] } as const;
  assert.deepEqual(await first.words.get({}, all), await second.words.get({}, all));
});

test('a_stream_may_be_larger_than_a_body_and_a_line_may_not', async () => {
  const { send, words } = await serve({ maxBodyBytes: 5000 });
  const head = { operation: 'insert' };
  const whole = await send(BATCH, lines([head, ...rows(1000)]));
  assert.deepEqual([whole.status, words.size], [200, 1000]);
  const long = { id: 'long', vector: rows(1)[0]?.vector, document: 'x'.repeat(6000) };
  const refused = await send(BATCH, lines([head, long]));
  assert.deepEqual([refused.status, refused.body.error.code], [413, 'TOO_LARGE']);
  assert.equal(words.size, 1000);
});

test('what_is_wrong_with_a_line_is_said_with_its_row_and_what_was_written_before', async () => {
  const { send, words } = await serve();
  const [first, second, third] = rows(3);
  for (const [bad, message] of [
    ['{"id":', /^row 2 is no JSON/],
    ['[1]', /^row 2 must be a JSON object/],
    ['{"id":"x","vectors":[]}', /^row 2 has the field 'vectors'/],
  ] as const) {
    const body = lines([{ operation: 'upsert', batchSize: 1 }, first ?? '', second ?? '', bad]);
    const { status, body: answer } = await send(BATCH, body);
    assert.deepEqual([status, answer.error.code], [400, 'INVALID_ARGUMENT']);
    assert.match(answer.error.message, message);
    assert.equal(answer.error.result.written, words.size, 'what was written is told');
    assert.ok(words.size >= 1 && words.size <= 2);
  }
  for (const [head, message] of [
    ['', /^line 1 is no JSON/],
    ['{"operation":"delete"}', /operation must be one of insert/],
    ['{"operation":"insert","rows":[]}', /no field 'rows'/],
  ] as const) {
    const { status, body } = await send(BATCH, lines([head, third ?? '']));
    assert.equal(status, 400);
    assert.match(body.error.message, message);
  }
});

test('items_that_fail_in_a_stream_are_reported_by_their_place_in_it', async () => {
  const { send } = await serve();
  const [a, b, c] = rows(3);
  const head = { operation: 'insert', atomic: false };
  const { status, body } = await send(
    BATCH,
    lines([head, a ?? '', { ...b, vector: [1] }, c ?? '']),
  );
  assert.deepEqual([status, body.written, body.failed], [207, 2, 1]);
  assert.deepEqual([body.errors[0].index, body.errors[0].code], [1, 'DIMENSION_MISMATCH']);
});

test('progress_of_a_stream_comes_while_its_rows_are_still_sent', async () => {
  const { send } = await serve();
  const body = lines([{ operation: 'insert', batchSize: 100 }, ...rows(300)]);
  const headers = { ...(body.headers as object), accept: NDJSON };
  const { status, body: answered } = await send(BATCH, { ...body, headers });
  assert.equal(status, 200);
  assert.equal(answered.at(-1).result.written, 300);
  assert.ok(answered.length > 1, 'no line of progress came');
});

test('streams_under_way_count_against_the_limit_of_all_bodies_and_give_it_back', async () => {
  const MEBIBYTE = 1024 * 1024;
  const { send } = await serve({ maxBufferedBytes: 9 * MEBIBYTE });
  let go = () => {};
  const held = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"operation":"insert"}\n'));
      go = () => controller.close();
    },
  });
  const slow = send(BATCH, { ...lines([]), body: held });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const busy = await send(BATCH, lines([{ operation: 'insert' }]));
  assert.deepEqual([busy.status, busy.body.error.code], [503, 'BUSY']);
  go();
  assert.equal((await slow).status, 200);
  assert.equal((await send(BATCH, lines([{ operation: 'insert' }]))).status, 200);
});

test('a_snapshot_that_is_put_is_the_collection_of_that_name', async () => {
  const { send, words } = await serve({
    load: (name, snapshot) => Collection.load(snapshot, { ...WASM, name }),
  });
  await words.insert(rows(50));
  const { status, body } = await send('collections/words/snapshot');
  assert.equal(status, 200);
  assert.deepEqual(body, await words.snapshot());
  const put = (bytes: BodyInit, type = 'application/octet-stream') =>
    send(SNAPSHOT, { method: 'PUT', body: bytes, headers: { 'content-type': type } });

  const cut = await put(body.slice(0, body.length / 2));
  assert.deepEqual([cut.status, cut.body.error.code], [400, 'INVALID_ARGUMENT']);
  assert.equal((await send('collections/copy/stats')).status, 404);
  assert.equal((await put(body, 'application/json')).status, 415);
  const made = await put(body);
  assert.deepEqual([made.status, made.body.live, made.body.name], [201, 50, 'copy']);
  const again = await put(body);
  assert.deepEqual([again.status, again.body.error.code], [409, 'DUPLICATE_ID']);
  const query = { query: rows(1)[0]?.vector, k: 3 };
  const found = await send('collections/copy/search', { json: query });
  const expected = await send('collections/words/search', { json: query });
  assert.deepEqual(found.body, expected.body);
});

test('snapshots_are_taken_up_to_a_size_and_only_where_the_server_has_a_place', async () => {
  const load = (name: string, snapshot: ReadableStream<Uint8Array>) =>
    Collection.load(snapshot, { ...WASM, name });
  const { send, words } = await serve({ load, maxSnapshotBytes: 1000 });
  await words.insert(rows(50));
  const init = {
    method: 'PUT',
    body: await words.snapshot(),
    headers: { 'content-type': 'application/octet-stream' },
  };
  const large = await send('collections/large/snapshot', init);
  assert.deepEqual([large.status, large.body.error.code], [413, 'TOO_LARGE']);
  const without = await serve();
  const refused = await without.send(SNAPSHOT, init);
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
});

test('a_snapshot_as_a_stream_holds_up_batches_until_it_ends_is_cancelled_or_stalls', async () => {
  const words = await empty();
  await words.insert(rows(50));
  const whole = await words.snapshot();
  const bytes = await new Response(await words.snapshotStream()).arrayBuffer();
  assert.deepEqual(new Uint8Array(bytes), whole);

  const cancelled = await words.snapshotStream();
  const waiting = words.insert({ id: 'while', vector: rows(1)[0]?.vector ?? [] });
  assert.equal(await Promise.race([waiting, 'waits']), 'waits');
  await cancelled.cancel();
  assert.equal((await waiting).written, 1);

  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const stalled = (await words.snapshotStream()).getReader();
    mock.timers.tick(SNAPSHOT_STALL_MS);
    const code = (thrown: unknown) => thrown instanceof KindexError && thrown.code === 'ABORTED';
    await assert.rejects(stalled.read(), code);
  } finally {
    mock.timers.reset();
  }
  assert.equal((await words.delete({ ids: ['while'] })).written, 1);
});

test('the_head_of_a_snapshot_holds_up_nobody', async () => {
  const { send, words } = await serve();
  assert.equal((await send('collections/words/snapshot', { method: 'HEAD' })).status, 200);
  assert.equal((await words.insert(rows(1))).written, 1);
});
