import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchError, type ErrorCode, KindexError } from '../../ts/entrypoints/node.js';
import {
  bearerToken,
  createHandler,
  type ServedCollection,
  STATUS,
} from '../../ts/server/index.js';
import { ORIGIN, PREFIX, read, serve, TOKEN } from './server-support.js';
import { vector } from './support.js';

const STATS = 'collections/words/stats';
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('without_authorize_only_the_loopback_is_served', async () => {
  const { handler } = await serve();
  const ask = (url: string, remoteAddress: string | undefined, headers: HeadersInit = {}) =>
    handler(new Request(`${url}${PREFIX}/${STATS}`, { headers }), { remoteAddress });
  for (const remoteAddress of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
    for (const host of ['http://localhost:8080', ORIGIN, 'http://[::1]:80']) {
      assert.equal((await ask(host, remoteAddress)).status, 200, `${host} from ${remoteAddress}`);
    }
  }
  for (const remoteAddress of [undefined, '10.0.0.7', '127.0.0.1.evil.example', '::2', '']) {
    assert.equal((await ask(ORIGIN, remoteAddress)).status, 403, String(remoteAddress));
  }
  // A foreign name that was pointed at this machine, and a foreign page.
  assert.equal((await ask('http://evil.example', '127.0.0.1')).status, 403);
  assert.equal((await ask(ORIGIN, '127.0.0.1', { origin: 'http://evil.example' })).status, 403);
  assert.equal((await ask(ORIGIN, '127.0.0.1', { origin: 'null' })).status, 403);
  assert.equal((await ask(ORIGIN, '127.0.0.1', { origin: ORIGIN })).status, 200);
});

test('a_bearer_token_opens_and_a_wrong_one_does_not', async () => {
  const { send, handler } = await serve({ authorize: bearerToken('another-one-of-16', TOKEN) });
  assert.equal((await send(STATS, bearer(TOKEN))).status, 200);
  assert.equal((await send(STATS, { headers: { authorization: `bearer  ${TOKEN}` } })).status, 200);
  const none = await send(STATS);
  assert.deepEqual([none.status, none.body.error.code], [401, 'UNAUTHORIZED']);
  assert.equal(none.headers.get('www-authenticate'), 'Bearer');
  for (const token of [`${TOKEN}x`, TOKEN.slice(1), '', TOKEN.toUpperCase()]) {
    const wrong = await send(STATS, bearer(token));
    assert.deepEqual([wrong.status, wrong.body.error.code], [401, 'UNAUTHORIZED'], token);
    assert.match(wrong.headers.get('www-authenticate') ?? '', /invalid_token/);
  }
  assert.equal((await send(STATS, { headers: { authorization: `Basic ${TOKEN}` } })).status, 401);
  assert.equal((await send('openapi.json')).status, 401);
  // From anywhere, with a token.
  const remote = new Request(`https://api.example${PREFIX}/${STATS}`, bearer(TOKEN));
  assert.equal((await handler(remote, { remoteAddress: '203.0.113.9' })).status, 200);
  assert.throws(() => bearerToken('short'), RangeError);
  assert.throws(() => bearerToken(), RangeError);
});

test('a_hook_hears_what_is_asked_for_and_may_forbid_it', async () => {
  const asked: string[] = [];
  const { send } = await serve({
    authorize: (_, { collection, action }) => {
      asked.push(`${action} ${collection}`);
      return action === 'read' || 'forbidden';
    },
  });
  const insert = { operation: 'insert', rows: [{ id: 'a', vector: vector(1) }] };
  const refused = await send('collections/words/vectors/batch', { json: insert });
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'FORBIDDEN']);
  assert.equal(
    (await send('collections/words/search', { json: { query: vector(1) } })).status,
    200,
  );
  await send('collections/words/vectors/a', { method: 'DELETE' });
  await send('openapi.json');
  assert.deepEqual(asked, ['write words', 'read words', 'write words', 'read undefined']);
});

test('an_unauthorized_caller_learns_nothing_about_collections_and_opens_none', async () => {
  const opened: string[] = [];
  const { send } = await serve({
    authorize: () => false,
    open: (name) => {
      opened.push(name);
      return undefined;
    },
  });
  assert.equal((await send(STATS)).status, 401);
  assert.deepEqual(opened, []);
});

test('cors_is_off_until_origins_are_given', async () => {
  const origin = 'https://app.example';
  const asks = {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  };
  const path = 'collections/words/search';
  const off = await serve();
  const silent = await off.send(path, asks);
  assert.equal(silent.status, 405);
  assert.equal(silent.headers.get('access-control-allow-origin'), null);

  const { send } = await serve({ cors: { origins: [origin] } });
  const answered = await send(path, asks);
  assert.equal(answered.status, 204);
  assert.equal(answered.headers.get('access-control-allow-origin'), origin);
  assert.equal(answered.headers.get('access-control-allow-methods'), 'POST');
  assert.match(answered.headers.get('access-control-allow-headers') ?? '', /authorization/);
  const used = await send(STATS, { headers: { origin } });
  assert.deepEqual([used.status, used.headers.get('access-control-allow-origin')], [200, origin]);
  const foreign = await send(STATS, { headers: { origin: 'https://evil.example' } });
  assert.deepEqual(
    [foreign.status, foreign.headers.get('access-control-allow-origin')],
    [403, null],
  );
  assert.equal(foreign.headers.get('vary'), 'origin');

  const open = await serve({ cors: { origins: '*' }, authorize: bearerToken(TOKEN) });
  const refused = await open.send(STATS, { headers: { origin: 'https://any.example' } });
  // A page must be able to read why it was refused.
  assert.deepEqual(
    [refused.status, refused.headers.get('access-control-allow-origin')],
    [401, '*'],
  );
});

test('every_code_has_its_status_and_what_passes_by_itself_says_when_to_ask_again', async () => {
  const { words } = await serve();
  for (const code of Object.keys(STATUS) as ErrorCode[]) {
    let failure: Error = new KindexError(code, 'on purpose', { index: 3 });
    if (code === 'BATCH') failure = new BatchError('insert', 2, []);
    const failing = {
      ...words,
      stats: () => Promise.reject(failure),
    } as unknown as ServedCollection;
    const { send } = await serve({ open: () => failing });
    const only = [
      'UNAUTHORIZED',
      'FORBIDDEN',
      'METHOD_NOT_ALLOWED',
      'TOO_LARGE',
      'BUSY',
      'INTERNAL',
    ];
    // What only HTTP knows is not a code of KindexError: see the other tests.
    if (only.includes(code) || (code as string) === 'UNSUPPORTED_MEDIA_TYPE') continue;
    const listed = ['BATCH', 'ABORTED', 'QUOTA_EXCEEDED', 'DUPLICATE_ID', 'CONFLICT'];
    const judged = ['DIMENSION_MISMATCH', 'NOT_FINITE', 'ZERO_VECTOR'];
    const { status, body, headers } = [...listed, ...judged].includes(code)
      ? await unlisted(failing)
      : await send(STATS);
    assert.deepEqual([status, body.error.code], [STATUS[code], code]);
    const retry = ['LOCKED', 'BLOCKED', 'CRASHED', 'STORAGE_UNAVAILABLE', 'CLOSED'].includes(code);
    assert.equal(headers.get('retry-after'), retry ? '1' : null, code);
    if (code !== 'BATCH') assert.equal(body.error.index, 3);
  }
});

/** For codes that no answer of `stats` has in the document. */
async function unlisted(collection: ServedCollection) {
  const handler = createHandler({ open: () => collection, authorize: () => true, onError() {} });
  return read(await handler(new Request(`${ORIGIN}${PREFIX}/${STATS}`)));
}

test('an_error_that_is_not_ours_says_nothing_of_the_inside_and_is_logged', async () => {
  const logged: unknown[] = [];
  const failure = Object.assign(new Error('/secret/path is missing'), { code: 'ENOENT' });
  const { send } = await serve({
    open: () => Promise.reject(failure),
    onError: (thrown) => logged.push(thrown),
  });
  const { status, body } = await send(STATS);
  assert.deepEqual([status, body.error.code], [500, 'INTERNAL']);
  assert.doesNotMatch(JSON.stringify(body), /secret/);
  assert.deepEqual(logged, [failure]);
});
