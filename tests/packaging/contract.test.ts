import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { contract, PREFIX, read, TOKEN } from '../ts/server-support.js';
import { prepare } from './support.js';
import { startWrangler } from './wrangler.js';

/**
 * The two forms of body that schemathesis does not make, lines and snapshots, held against the document as the server
 * gives it: what the document allows is taken, or refused for what no document can say; what it forbids is refused.
 */
const RUNS = Number(process.env.KINDEX_RUNS ?? 60);
const NDJSON = 'application/x-ndjson';
const BINARY = 'application/octet-stream';
/** As the handler has them. */
const MOST_BYTES = 100_000;
const MOST_SNAPSHOT_BYTES = 30_000;
const folder = prepare('contract');
const seed = Number(process.env.KINDEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);

/** Requests to a server, every answer of which is held against its document. */
async function client(base: string) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const document = await (await fetch(`${base}${PREFIX}/openapi.json`, { headers })).json();
  const keepsContract = contract(document);
  const send = async (path: string, init: RequestInit = {}) => {
    const request = new Request(`${base}${PREFIX}/collections/${path}`, {
      ...init,
      headers: { ...headers, ...init.headers },
    });
    // It is read when it is sent.
    const { url, method } = request;
    const answer = await read(await fetch(request));
    keepsContract({ url, method } as Request, answer);
    return answer;
  };
  return { document, send };
}

type Client = Awaited<ReturnType<typeof client>>;

const odd = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.string({ maxLength: 5 }),
  fc.constant([]),
  fc.constant({}),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const rarely = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 40, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
/** Now and then a value that the document may forbid. */
const mostly = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 25, arbitrary: value as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: odd },
  );
const given = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const number = fc.double({ min: 0.1, max: 1, noNaN: true });
const HEAD = fc
  .record({
    operation: mostly(fc.constantFrom('insert', 'upsert', 'update')),
    atomic: maybe(mostly(fc.boolean())),
    batchSize: maybe(mostly(fc.constantFrom(1, 2, 'auto'))),
    durability: maybe(mostly(fc.constantFrom('relaxed', 'strict'))),
    surplus: rarely(odd),
  })
  .map(given);
const ROW = fc
  .record({
    id: mostly(fc.integer({ min: 0, max: 30 }).map((i) => `w${i}`)),
    vector: fc.option(mostly(fc.array(number, { minLength: 3, maxLength: 3 })), {
      nil: undefined,
      freq: 20,
    }),
    metadata: maybe(mostly(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer()))),
    document: maybe(mostly(fc.string({ maxLength: 10 }))),
    surplus: rarely(odd),
  })
  .map(given);

/** What a server refuses though the document allows it: ids that are taken or missing, rows without a vector. */
const UNSAID = new Set([400, 404, 409, 422]);
const ITEMS = new Set([
  'BATCH',
  'DUPLICATE_ID',
  'NOT_FOUND',
  'DIMENSION_MISMATCH',
  'ZERO_VECTOR',
  'INVALID_ARGUMENT',
]);

async function assertLines({ document, send }: Client): Promise<void> {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'document');
  const [head] = document.components.schemas.BatchLine.anyOf;
  const isHead = ajv.compile({ ...head, $id: 'head' });
  const isRow = ajv.getSchema('document#/components/schemas/Row');
  assert.ok(isRow);
  const seen = { written: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      HEAD,
      fc.array(ROW, { maxLength: 6 }),
      fc.boolean(),
      async (first, rows, streamed) => {
        const allowed = isHead(first) && rows.every((row) => isRow(row));
        const answer = await send('words/vectors/batch', {
          method: 'POST',
          headers: { 'content-type': NDJSON, ...(streamed && { accept: NDJSON }) },
          body: [first, ...rows].map((line) => JSON.stringify(line)).join('\n'),
        });
        // A stream has its status before its rows are read; the last line says how it ended.
        const lines = Array.isArray(answer.body) ? answer.body : [answer.body];
        const last = lines.at(-1);
        assert.ok(lines.slice(0, -1).every((line) => 'progress' in line));
        if (!isHead(first)) assert.equal(answer.status, 400, JSON.stringify(answer.body));
        if ('error' in last) {
          seen.refused += 1;
          if (answer.status !== 200) assert.ok(UNSAID.has(answer.status), String(answer.status));
          if (allowed) assert.ok(ITEMS.has(last.error.code), JSON.stringify(last));
        } else {
          const { written, errors } = last.result ?? last;
          const reported = new Set((errors as { index: number }[]).map(({ index }) => index));
          for (const [i, row] of rows.entries())
            assert.ok(isRow(row) || reported.has(i), `row ${i} is forbidden, and no error`);
          seen.written += written;
        }
      },
    ),
    { seed, numRuns: RUNS },
  );
  assert.ok(seen.written > 0 && seen.refused > 0, JSON.stringify(seen));

  const post = (body: string, type = NDJSON) =>
    send('words/vectors/batch', { method: 'POST', body, headers: { 'content-type': type } });
  for (const body of ['', '\n', '[]', '{', '{"operation":"upsert"}\n{']) {
    const { status, body: refused } = await post(body);
    assert.deepEqual([status, refused.error.code], [400, 'INVALID_ARGUMENT'], body);
  }
  assert.equal((await post('{"operation":"upsert"}', 'text/plain')).status, 415);
}

async function assertSnapshots({ send }: Client): Promise<void> {
  await send('words/vectors/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      operation: 'upsert',
      rows: Array.from({ length: 40 }, (_, i) => ({ id: `s${i}`, vector: [1, i, i % 7] })),
    }),
  });
  const { status, body: snapshot } = await send('words/snapshot');
  assert.ok(status === 200 && snapshot instanceof Uint8Array);
  const put = (name: string, body: Uint8Array, type = BINARY) =>
    send(`${name}/snapshot`, {
      method: 'PUT',
      headers: { 'content-type': type },
      body: body as Uint8Array<ArrayBuffer>,
    });
  const damaged = fc.tuple(
    fc.nat(snapshot.length - 1),
    fc.integer({ min: 1, max: 255 }),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(damaged, async ([at, change, cut]) => {
      const bytes = cut ? snapshot.slice(0, at) : snapshot.slice();
      if (!cut) bytes[at] = (bytes[at] as number) ^ change;
      const refused = await put('damaged', bytes);
      assert.deepEqual([refused.status, refused.body.error.code], [400, 'INVALID_ARGUMENT']);
    }),
    { seed, numRuns: RUNS },
  );
  assert.equal((await send('damaged/stats')).status, 404, 'nothing is left of what was refused');
  assert.equal((await put('copy', snapshot, 'application/json')).status, 415);
  assert.equal((await put('..%2fcopy', snapshot)).status, 400);
  assert.equal((await put('copy', snapshot)).status, 201);
  assert.deepEqual((await send('copy/snapshot')).body, snapshot);
  const again = await put('copy', snapshot);
  assert.deepEqual([again.status, again.body.error.code], [409, 'DUPLICATE_ID']);
}

/**
 * What is refused before all of it has come. Not under `wrangler dev`: where a body is given up, its proxy now and then
 * loses the connection before it has passed on the answer.
 */
async function assertTooLarge({ send }: Client): Promise<void> {
  const refused = async (path: string, method: string, type: string, body: BodyInit) => {
    const answer = await send(path, { method, body, headers: { 'content-type': type } });
    assert.deepEqual([answer.status, answer.body.error?.code], [413, 'TOO_LARGE']);
  };
  const line = `{"operation":"upsert"}\n{"id":"${'x'.repeat(2 * MOST_BYTES)}"}`;
  await refused('words/vectors/batch', 'POST', NDJSON, line);
  const rows = Array.from({ length: 2000 }, (_, i) => `{"id":"l${i}","vector":[1,2,3]}`);
  const written = await send('words/vectors/batch', {
    method: 'POST',
    headers: { 'content-type': NDJSON },
    body: ['{"operation":"upsert"}', ...rows].join('\n'),
  });
  assert.equal(written.body.written, rows.length);
  const { body: snapshot } = await send('words/snapshot');
  assert.ok(snapshot.length > MOST_SNAPSHOT_BYTES, String(snapshot.length));
  await refused('large/snapshot', 'PUT', BINARY, snapshot);
}

async function startNode() {
  const child = spawn(process.execPath, ['node.mjs'], {
    cwd: folder,
    env: { ...process.env, TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const url of createInterface(child.stdout))
    return { url, stop: async () => void child.kill() };
  throw new Error('the server did not start');
}

const servers = [
  { name: 'node', start: startNode, proxied: false },
  {
    name: 'workerd',
    start: () => startWrangler(folder, { variables: { TOKEN } }),
    proxied: true,
  },
];

for (const { name, start, proxied } of servers) {
  test(`${name}_keeps_the_contract_for_lines_and_snapshots`, async () => {
    const server = await start();
    try {
      const asked = await client(server.url.replace(/\/$/, ''));
      await assertLines(asked);
      await assertSnapshots(asked);
      if (!proxied) await assertTooLarge(asked);
    } finally {
      await server.stop();
    }
  });
}
