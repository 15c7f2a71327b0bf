import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeVectors, VECTORS_TYPE } from '../../ts/server/index.js';
import { PREFIX, serve } from './server-support.js';
import { rows, vector } from './support.js';

const BATCH = 'collections/words/vectors/batch';
const SEARCH = 'collections/words/search';

test('binary_vectors_give_what_the_same_vectors_in_json_give', async () => {
  const { send, words } = await serve({}, 'euclidean');
  const flat = Float32Array.from({ length: 40 }, (_, i) => Math.fround(Math.sin(i + 1)));
  const ids = Array.from({ length: 10 }, (_, i) => `v${i}`);
  const headers = { 'content-type': VECTORS_TYPE };
  const body = encodeVectors(
    { operation: 'insert', ids, metadatas: ids.map((id) => ({ id })) },
    flat,
    4,
  );
  const written = await send(BATCH, { method: 'POST', headers, body });
  assert.deepEqual([written.status, written.body.written], [200, 10]);
  const [record] = await words.get({ ids: ['v3'] }, { include: ['vector', 'metadata'] });
  assert.deepEqual([record?.vector, record?.metadata], [flat.slice(12, 16), { id: 'v3' }]);
  // Digits for JSON are as few as give the same floats.
  const asJson = await send('collections/words/vectors/v3?include=vector');
  assert.deepEqual(Float32Array.from(asJson.body.vector), flat.slice(12, 16));

  const query = encodeVectors({ k: 2 }, flat.subarray(8, 12), 4);
  const found = await send(SEARCH, { method: 'POST', headers, body: query });
  const same = await send(SEARCH, { json: { query: [...flat.subarray(8, 12)], k: 2 } });
  assert.deepEqual(found.body, same.body);
  assert.equal(found.body.hits[0].id, 'v2');
  const queries = encodeVectors({ k: 1 }, flat, 4);
  const all = await send(`${SEARCH}/batch`, { method: 'POST', headers, body: queries });
  assert.deepEqual(
    all.body.results.map(([hit]: { id: string }[]) => hit?.id),
    ids,
  );
});

test('every_damaged_binary_body_is_refused_before_anything_is_allocated', async () => {
  const { send } = await serve();
  const headers = { 'content-type': VECTORS_TYPE };
  const whole = encodeVectors({ operation: 'insert', ids: ['a'] }, Float32Array.of(1, 2, 3, 4), 4);
  const patched = (offset: number, value: number) => {
    const copy = whole.slice();
    new DataView(copy.buffer).setUint32(offset, value, true);
    return copy;
  };
  const bodies = [
    ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
    Uint8Array.of(...whole, 0),
    patched(0, 1),
    patched(4, 2),
    patched(4, 0x10001),
    ...[8, 12, 16].flatMap((at) => [0, 0xffff_ffff, 0x4000_0000].map((to) => patched(at, to))),
  ];
  for (const [i, body] of bodies.entries()) {
    const { status, body: answer } = await send(BATCH, { method: 'POST', headers, body });
    assert.deepEqual([status, answer.error.code], [400, 'INVALID_ARGUMENT'], `body ${i}`);
  }
  const twice = encodeVectors(
    { operation: 'insert', ids: ['a'], vectors: [] },
    new Float32Array(4),
    4,
  );
  const both = await send(BATCH, { method: 'POST', headers, body: twice });
  assert.match(both.body.error.message, /both/);
  assert.equal((await send(BATCH, { method: 'POST', headers, body: whole })).status, 200);
});

test('what_is_wrong_with_a_request_is_said_with_its_status_and_code', async () => {
  const { send } = await serve();
  await send(BATCH, { json: { operation: 'insert', rows: rows(3) } });
  const v = vector(9);
  const text = (body: string, type = 'application/json') => ({
    method: 'POST',
    body,
    headers: { 'content-type': type },
  });
  const cases: [string, Parameters<typeof send>[1], number, string][] = [
    [BATCH, text('{'), 400, 'INVALID_ARGUMENT'],
    [BATCH, text(''), 400, 'INVALID_ARGUMENT'],
    [BATCH, text('[]'), 400, 'INVALID_ARGUMENT'],
    [BATCH, text('['.repeat(100_000)), 400, 'INVALID_ARGUMENT'],
    [BATCH, text('{}', 'text/plain'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [BATCH, text('{}', ''), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [BATCH, { json: { operation: 'drop', ids: [] } }, 400, 'INVALID_ARGUMENT'],
    [
      BATCH,
      { json: { operation: 'insert', rows: [{ id: 'x', vektor: v }] } },
      400,
      'INVALID_ARGUMENT',
    ],
    [BATCH, { json: { operation: 'insert', rows: [], atomc: false } }, 400, 'INVALID_ARGUMENT'],
    [BATCH, { json: { operation: 'insert', rows: [], atomic: 'no' } }, 400, 'INVALID_ARGUMENT'],
    [BATCH, { json: { operation: 'insert', rows: [], batchSize: 0 } }, 400, 'INVALID_ARGUMENT'],
    [BATCH, { json: { operation: 'delete' } }, 400, 'INVALID_ARGUMENT'],
    [BATCH, { json: { operation: 'delete', ids: ['r0'], where: {} } }, 400, 'INVALID_ARGUMENT'],
    [BATCH, { json: { operation: 'insert', rows: [{ id: 'r0', vector: v }] } }, 409, 'BATCH'],
    [BATCH, { json: { operation: 'update', rows: [{ id: 'none', vector: v }] } }, 404, 'BATCH'],
    [BATCH, { json: { operation: 'insert', rows: [{ id: 'x', vector: [1, 2] }] } }, 422, 'BATCH'],
    [
      BATCH,
      { json: { operation: 'insert', rows: [{ id: 'x', vector: [0, 0, 0, 0] }] } },
      422,
      'BATCH',
    ],
    [SEARCH, { json: { query: [1, 2] } }, 422, 'DIMENSION_MISMATCH'],
    [SEARCH, { json: { query: v, k: 0 } }, 400, 'INVALID_ARGUMENT'],
    [SEARCH, { json: { query: v, k: 10_001 } }, 400, 'INVALID_ARGUMENT'],
    [SEARCH, { json: { query: v, where: { n: { $regex: 'a' } } } }, 400, 'INVALID_ARGUMENT'],
    [SEARCH, { json: { query: v, where: { constructor: 1 } } }, 400, 'INVALID_ARGUMENT'],
    [SEARCH, { json: { query: 'a text' } }, 400, 'INVALID_ARGUMENT'],
    [`${SEARCH}/batch`, { json: { queries: [] } }, 400, 'INVALID_ARGUMENT'],
    [SEARCH, { json: { query: v, include: ['secrets'] } }, 400, 'INVALID_ARGUMENT'],
    ['collections/words/vectors/r0?include=secrets', {}, 400, 'INVALID_ARGUMENT'],
    ['collections/other/stats', {}, 404, 'NOT_FOUND'],
    ['collections/words', {}, 404, 'NOT_FOUND'],
    ['nothing', {}, 404, 'NOT_FOUND'],
    ['/', {}, 404, 'NOT_FOUND'],
    [BATCH, {}, 405, 'METHOD_NOT_ALLOWED'],
    [SEARCH, { method: 'PUT', body: '{}' }, 405, 'METHOD_NOT_ALLOWED'],
    [SEARCH, { method: 'OPTIONS' }, 405, 'METHOD_NOT_ALLOWED'],
  ];
  for (const [path, init, status, code] of cases) {
    const answer = await send(path, init);
    const told = `${path} ${JSON.stringify(init).slice(0, 100)}: ${JSON.stringify(answer.body)}`;
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], told);
  }
  const refused = await send(BATCH, {});
  assert.equal(refused.headers.get('allow'), 'POST');
  const unread = await send(BATCH, text('{}', 'text/plain'));
  assert.equal(unread.headers.get('accept-post'), `application/json, ${VECTORS_TYPE}`);
});

test('a_path_reaches_no_other_route_and_no_folder', async () => {
  const asked: string[] = [];
  const { send } = await serve({
    open: (name) => {
      asked.push(name);
      return undefined;
    },
  });
  const cases: [string, number][] = [
    ['collections/..%2f..%2fetc/stats', 400],
    ['collections/..%5cetc/stats', 400],
    ['collections/a%00b/stats', 400],
    ['collections/%2e%2e/stats', 404],
    ['collections/../stats', 404],
    ['collections//stats', 404],
    ['collections/words/stats/', 404],
    ['collections/%ff/stats', 400],
    ['collections/words/%73tats', 404],
    ['/api/v1x/collections/words/stats', 404],
    [`//evil${PREFIX}/collections/words/stats`, 404],
    ['collections/__proto__/stats', 404],
  ];
  for (const [path, status] of cases) {
    const answer = await send(path);
    assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.body)}`);
  }
  assert.deepEqual(asked, ['__proto__']);
});

test('an_id_of_any_letters_is_reached_percent_encoded', async () => {
  const { send } = await serve();
  for (const id of ['a/b', 'ä ö', '100%', 'batch', '#?&']) {
    await send(BATCH, { json: { operation: 'insert', rows: [{ id, vector: vector(1) }] } });
    const spelled = id === 'batch' ? '%62atch' : encodeURIComponent(id);
    const { status, body } = await send(`collections/words/vectors/${spelled}`);
    assert.deepEqual([status, body.id], [200, id]);
  }
});

test('what_comes_is_counted_whatever_content_length_says', async () => {
  const { send } = await serve({ maxBodyBytes: 1000 });
  const json = { operation: 'insert', rows: rows(50) };
  const large = await send(BATCH, { json });
  assert.deepEqual([large.status, large.body.error.code], [413, 'TOO_LARGE']);

  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(400).fill(32));
    },
  });
  const headers = { 'content-type': 'application/json', 'content-length': '10' };
  const init = { method: 'POST', headers, body: endless, duplex: 'half' } as RequestInit;
  const streamed = await send(BATCH, init);
  assert.deepEqual([streamed.status, streamed.body.error.code], [413, 'TOO_LARGE']);
  assert.ok(pulled < 8, `${pulled} chunks were read`);

  const announced = { 'content-type': 'application/json', 'content-length': '5000' };
  const early = await send(BATCH, { method: 'POST', headers: announced, body: '{}' });
  assert.equal(early.status, 413);
  const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const zipped = await send(BATCH, { method: 'POST', headers: packed, body: '{}' });
  assert.equal(zipped.status, 415);
});

test('bodies_under_way_together_are_limited_and_their_room_comes_back', async () => {
  const { send } = await serve({ maxBufferedBytes: 1500 });
  const json = { query: vector(1), where: { text: 'x'.repeat(900) } };
  const answers = await Promise.all([send(SEARCH, { json }), send(SEARCH, { json })]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 503]);
  const busy = answers.find(({ status }) => status === 503);
  assert.equal(busy?.body.error.code, 'BUSY');
  assert.equal(busy?.headers.get('retry-after'), '1');
  assert.equal((await send(SEARCH, { json })).status, 200);
});
