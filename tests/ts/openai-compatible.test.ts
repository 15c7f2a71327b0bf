import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import {
  type OpenAiCompatibleOptions,
  openAiCompatibleEmbedder,
} from '../../ts/entrypoints/openai-compatible.js';
import { empty, vector } from './support.js';

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly body: { model: string; input: string[]; [field: string]: unknown };
}
type Answer = (asked: Asked, response: ServerResponse) => void;

/** Requests of the test so far, and what the server answers them with. */
let asked: Asked[] = [];
let answers: Answer[] = [];
let url = '';

const json = (response: ServerResponse, status: number, value: unknown, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
};
const embeddings: Answer = ({ body }, response) => {
  const data = body.input.map((text, index) => ({ index, embedding: vector(Number(text)) }));
  json(response, 200, { object: 'list', data });
};
const fails =
  (status: number, headers = {}): Answer =>
  (_, response) =>
    json(response, status, { error: { message: `the server says ${status}` } }, headers);

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const question = {
    headers: request.headers,
    body: JSON.parse(Buffer.concat(parts).toString()),
  };
  asked.push(question);
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  (answer ?? embeddings)(question, response);
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/embeddings`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  answers = [embeddings];
});

const signal = new AbortController().signal;
const embedder = (options: Partial<OpenAiCompatibleOptions> = {}) =>
  openAiCompatibleEmbedder({ url, model: 'small', ...options });
const embed = (texts: string[], options: Partial<OpenAiCompatibleOptions> = {}) =>
  embedder(options)(texts, { signal });
const code = (expected: string, message?: RegExp) => (thrown: unknown) => {
  assert.equal((thrown as { code?: string }).code, expected, String(thrown));
  if (message) assert.match((thrown as Error).message, message);
  return true;
};

test('texts_are_posted_with_model_key_and_further_fields', async () => {
  let keys = 0;
  const made = await embed(['1', '2'], {
    apiKey: async () => `secret-${++keys}`,
    headers: { 'x-team': 'search' },
    dimensions: 4,
    body: { user: 'me' },
  });
  assert.deepEqual(
    Array.from(made as Float32Array[], (row) => Array.from(row)),
    [vector(1), vector(2)],
  );
  const [request] = asked;
  assert.deepEqual(request?.body, {
    model: 'small',
    input: ['1', '2'],
    dimensions: 4,
    user: 'me',
  });
  assert.equal(request?.headers.authorization, 'Bearer secret-1');
  assert.equal(request?.headers['x-team'], 'search');
  await embed(['1']);
  assert.equal(asked[1]?.headers.authorization, undefined);
});

test('embeddings_go_to_their_texts_by_index_and_may_be_base64', async () => {
  answers = [
    (_, response) => {
      const bytes = Buffer.from(Float32Array.from(vector(7)).buffer);
      const data = [
        { index: 1, embedding: vector(8) },
        { index: 0, embedding: bytes.toString('base64') },
      ];
      json(response, 200, { data });
    },
  ];
  const made = (await embed(['7', '8'])) as Float32Array[];
  assert.deepEqual(
    made.map((row) => Array.from(row)),
    [vector(7), vector(8)],
  );
});

test('a_busy_server_is_asked_again_when_it_says', async () => {
  answers = [
    fails(429, { 'retry-after': '0' }),
    fails(503, { 'retry-after': new Date(Date.now() - 1000).toUTCString() }),
    fails(500, { 'retry-after': '0.01' }),
    (_, response) => response.destroy(),
    embeddings,
  ];
  assert.equal((await embed(['1'])).length, 1);
  assert.equal(asked.length, 5);
});

test('what_the_server_refuses_is_not_asked_again', async () => {
  for (const [status, expected] of [
    [400, 'INVALID_ARGUMENT'],
    [413, 'INVALID_ARGUMENT'],
    [401, 'UNSUPPORTED'],
    [403, 'UNSUPPORTED'],
    [404, 'UNSUPPORTED'],
  ] as const) {
    asked = [];
    answers = [fails(status)];
    await assert.rejects(
      embed(['1'], { apiKey: 'secret' }),
      (thrown) =>
        code(expected, new RegExp(`${status}.*the server says`))(thrown) &&
        !String(thrown).includes('secret'),
    );
    assert.equal(asked.length, 1);
  }
});

test('attempts_and_pauses_are_bounded', async () => {
  answers = [fails(503, { 'retry-after': '0' })];
  await assert.rejects(embed(['1'], { tries: 3 }), code('STORAGE_UNAVAILABLE', /503/));
  assert.equal(asked.length, 3);
  asked = [];
  answers = [fails(429, { 'retry-after': '3600' })];
  await assert.rejects(embed(['1']), code('STORAGE_UNAVAILABLE', /429/));
  assert.equal(asked.length, 1);
  const nobody = { url: 'http://127.0.0.1:9/v1/embeddings', tries: 1 };
  await assert.rejects(embed(['1'], nobody), code('STORAGE_UNAVAILABLE', /can't be reached/));
  assert.throws(() => embedder({ tries: 0 }), code('INVALID_ARGUMENT'));
});

test('a_signal_ends_requests_and_pauses', async () => {
  for (const answer of [fails(429, { 'retry-after': '50' }), () => {}]) {
    const controller = new AbortController();
    answers = [answer];
    asked = [];
    const asking = embedder()(['1'], { signal: controller.signal });
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(() => controller.abort(), 10);
    await assert.rejects(asking, code('ABORTED'));
  }
});

test('answers_of_another_form_are_typed_errors', async () => {
  const strange: unknown[] = [
    {},
    { data: [] },
    { data: [{ index: 0, embedding: null }] },
    { data: [{ index: 0, embedding: ['1', 2] }] },
    { data: [{ index: 0, embedding: 'not base64!' }] },
    { data: [{ index: 0, embedding: 'AAA=' }] },
    { data: [{ index: 1, embedding: [1] }] },
    { data: ['text'] },
    null,
  ];
  for (const value of strange) {
    answers = [(_, response) => json(response, 200, value)];
    await assert.rejects(embed(['1']), code('INVALID_ARGUMENT'), JSON.stringify(value));
  }
  answers = [(_, response) => response.end('<html>')];
  await assert.rejects(embed(['1']), code('INVALID_ARGUMENT', /JSON/));
  answers = [
    (_, response) =>
      json(response, 200, {
        data: [0, 0].map((index) => ({ index, embedding: vector(1) })),
      }),
  ];
  await assert.rejects(embed(['1', '2']), code('INVALID_ARGUMENT', /index 0/));
});

test('a_collection_is_filled_and_searched_through_an_endpoint', async () => {
  answers = [fails(503, { 'retry-after': '0' }), embeddings];
  const collection = await empty({ embed: embedder(), embedBatchSize: 16 });
  const documents = Array.from({ length: 40 }, (_, i) => ({ id: `e${i}`, document: String(i) }));
  assert.equal((await collection.insert(documents)).written, 40);
  assert.deepEqual(
    asked.map(({ body }) => body.input.length),
    [16, 16, 16, 8],
  );
  assert.equal((await collection.search('23'))[0]?.id, 'e23');
  // An endpoint that is down is not asked for every text.
  asked = [];
  answers = [fails(401)];
  const result = await collection
    .upsert(documents, { atomic: false })
    .then((value) => value.errors.map((error) => error.code));
  assert.deepEqual(
    [result.length, new Set(result), asked.length],
    [40, new Set(['UNSUPPORTED']), 1],
  );
});
