import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { Collection } from '../../ts/entrypoints/node.js';
import { createHandler, encodeVectors, type Handler, VECTORS_TYPE } from '../../ts/server/index.js';
import { toNodeListener } from '../../ts/server/node.js';
import { empty, rows, vector } from './support.js';

let words: Collection;
let handler: Handler;
let server: ReturnType<typeof createServer>;
let port: number;
let base: string;

before(async () => {
  words = await empty();
  handler = createHandler({
    open: (name) => (name === 'words' ? words : undefined),
    maxBodyBytes: 2_000_000,
  });
  server = createServer(toNodeListener(handler));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  base = `http://127.0.0.1:${port}/api/v1/collections/words`;
});
after(async () => {
  server.close();
  server.closeAllConnections();
  await handler.close();
});

const json = (body: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('a_real_server_answers_on_the_loopback', async () => {
  const inserted = await fetch(
    `${base}/vectors/batch`,
    json({ operation: 'insert', rows: rows(500) }),
  );
  assert.equal(inserted.status, 200);
  const found = await fetch(`${base}/search`, json({ query: vector(40), k: 1 }));
  assert.equal((await found.json()).hits[0].id, 'r40');
  const snapshot = new Uint8Array(await (await fetch(`${base}/snapshot`)).arrayBuffer());
  assert.deepEqual(snapshot, await words.snapshot());
  const head = await fetch(`${base}/stats`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('progress_arrives_line_by_line', async () => {
  const flat = Float32Array.from({ length: 4 * 4000 }, (_, i) => Math.cos(i));
  const ids = Array.from({ length: 4000 }, (_, i) => `p${i}`);
  const body = encodeVectors({ operation: 'upsert', ids, batchSize: 100 }, flat, 4);
  const headers = { 'content-type': VECTORS_TYPE, accept: 'application/x-ndjson' };
  const response = await fetch(`${base}/vectors/batch`, { method: 'POST', headers, body });
  const lines = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok('progress' in lines[0]);
  assert.equal(lines.at(-1).result.written, 4000);
});

test('a_body_that_is_too_large_is_refused_while_it_is_still_being_sent', async () => {
  const sending = httpRequest(`${base}/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
  });
  sending.on('error', () => {});
  const chunk = Buffer.alloc(64 * 1024, 32);
  let sent = 0;
  const pump = setInterval(() => {
    sending.write(chunk);
    sent += chunk.length;
  }, 1);
  const [response] = await once(sending, 'response');
  clearInterval(pump);
  assert.equal(response.statusCode, 413);
  assert.ok(sent < 64_000_000);
  sending.destroy();
});

test('what_is_refused_early_is_answered_and_the_connection_goes_on', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (type: string, body: Buffer) => {
    const sending = httpRequest(`${base}/vectors/batch`, {
      agent,
      method: 'POST',
      headers: { 'content-type': type, 'transfer-encoding': 'chunked' },
    });
    sending.end(body);
    const [response] = await once(sending, 'response');
    await once(response.resume(), 'end');
    return response.statusCode;
  };
  const lines = (bytes: number) =>
    Buffer.from(`{"operation":"upsert"}\n{"id":"${'x'.repeat(bytes)}"}`);
  for (const [type, body, status] of [
    ['application/x-ndjson', lines(2_100_000), 413],
    ['application/x-ndjson', lines(8_000_000), 413],
    ['application/json', lines(8_000_000), 413],
    ['text/plain', lines(8_000_000), 415],
    ['text/plain', lines(10), 415],
    ['application/json', lines(10), 400],
  ] as const) {
    for (let again = 0; again < 3; again++) assert.equal(await ask(type, body), status);
  }
  agent.destroy();
});

test('a_request_that_makes_no_url_is_refused_and_the_server_lives_on', async () => {
  const raw = async (text: string) => {
    const socket = connect(port, '127.0.0.1');
    socket.end(text);
    const chunks: Buffer[] = [];
    for await (const part of socket) chunks.push(part);
    return Buffer.concat(chunks).toString().split('\r\n')[0];
  };
  const ask = (target: string, host: string) =>
    raw(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  assert.match((await ask('/api/v1/collections/words/stats', 'a b')) ?? '', / 400 /);
  assert.match((await ask('/api/v1/collections/words/stats', 'evil.example')) ?? '', / 403 /);
  assert.match(
    (await ask('//evil.example/api/v1/collections/words/stats', '127.0.0.1')) ?? '',
    / 404 /,
  );
  assert.match((await ask('http://evil.example/x', '127.0.0.1')) ?? '', / 404 /);
  assert.match((await ask('/api/v1/../../etc/passwd', '127.0.0.1')) ?? '', / 404 /);
  assert.match(
    (await raw('TRACE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')) ?? '',
    / 405 /,
  );
  assert.equal((await fetch(`${base}/stats`)).status, 200);
});

test('a_caller_who_hangs_up_aborts_the_request', async () => {
  const signals: AbortSignal[] = [];
  const waiting = createServer(
    toNodeListener((request) => {
      signals.push(request.signal);
      return new Promise(() => {});
    }),
  );
  waiting.listen(0, '127.0.0.1');
  await once(waiting, 'listening');
  const socket = connect((waiting.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  while (signals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.destroy();
  const [signal] = signals as [AbortSignal];
  if (!signal.aborted) await once(signal, 'abort');
  assert.equal(signal.aborted, true);
  waiting.close();
});
