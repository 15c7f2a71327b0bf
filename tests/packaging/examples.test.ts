import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyConsumer } from '../../scripts/consumers.mjs';
import { root } from '../../scripts/paths.mjs';
import {
  answers,
  command,
  DIMENSION,
  fixture,
  newFolder,
  programs,
  QUERIES,
  ROWS,
} from './support.js';
import { OFFLINE, startWrangler } from './wrangler.js';

const numbers = new Float32Array(new Uint8Array(readFileSync(fixture)).buffer);
const vector = (row: number) => numbers.slice(row * DIMENSION, (row + 1) * DIMENSION);
const query = (i: number) => vector(ROWS + i);
const ids = Array.from({ length: ROWS }, (_, i) => `word ${i}`);
const row = (i: number) => ({ id: ids[i] as string, vector: [...vector(i)] });

const example = (name: string) => copyConsumer(join(root, 'examples', name), `example-${name}`);

async function post(url: string, body: unknown): Promise<{ status: number; json: never }> {
  const bytes = body instanceof Float32Array ? new Uint8Array(body.buffer) : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', body: bytes as BodyInit });
  const text = await response.text();
  try {
    return { status: response.status, json: JSON.parse(text) as never };
  } catch {
    throw new Error(`${url}: ${response.status} ${text}`);
  }
}

/** How many of the ten nearest were found, over all queries. */
function recall(found: readonly (readonly { id: string }[])[]): number {
  let same = 0;
  for (const [i, hits] of found.entries())
    same += hits.filter(({ id }) => answers.all[i]?.includes(id)).length;
  return same / (found.length * 10);
}

const queries = Array.from({ length: QUERIES }, (_, i) => query(i));

for (const from of ['an_asset', 'r2'] as const) {
  test(`snapshot_search_answers_from_${from}`, async () => {
    const folder = example('snapshot-search');
    const vectors = join(folder, 'vectors.f32');
    const state = newFolder();
    writeFileSync(vectors, new Uint8Array(numbers.slice(0, ROWS * DIMENSION).buffer));
    writeFileSync(join(folder, 'ids.json'), JSON.stringify(ids));
    await command(process.execPath, ['build.mjs', vectors, 'ids.json'], { cwd: folder });
    if (from === 'r2') await moveToBucket(join(folder, 'public', 'words.kindex'), folder, state);
    const worker = await startWrangler(folder, {
      state,
      ...(from === 'r2' && { environment: 'r2' }),
    });
    try {
      const found: { id: string }[][] = [];
      for (const each of queries) {
        const { status, json } = await post(worker.url, { vector: [...each], k: 10 });
        assert.equal(status, 200, JSON.stringify(json));
        const { hits, size } = json as { hits: { id: string }[]; size: number };
        assert.equal(size, ROWS);
        found.push(hits);
      }
      assert.ok(recall(found) > 0.9, `recall ${recall(found)} of codes alone`);
      const { status, json } = await post(worker.url, { vector: [1, 2, 3] });
      assert.deepEqual([status, (json as { code: string }).code], [400, 'DIMENSION_MISMATCH']);
    } finally {
      await worker.stop();
      rmSync(state, { recursive: true, force: true });
    }
  });
}

/** Puts the file into the bucket as wrangler keeps it here, and leaves no asset. */
async function moveToBucket(file: string, folder: string, state: string): Promise<void> {
  const put = ['r2', 'object', 'put', 'words/words.kindex', '--file', file, '--local'];
  const args = [programs.wrangler, ...put, '--persist-to', state];
  await command(programs.node24, args, { cwd: folder, env: OFFLINE });
  rmSync(file);
}

test('a_durable_object_keeps_what_it_has_answered', async () => {
  const folder = example('durable-object');
  const state = newFolder();
  const insert = (url: string, from: number, to: number) =>
    post(
      `${url}ann/insert`,
      Array.from({ length: to - from }, (_, i) => row(from + i)),
    );
  const assertFound = async (url: string) => {
    for (const [i, each] of queries.entries()) {
      const { json } = await post(`${url}ann/search`, { vector: [...each], k: 10 });
      assert.deepEqual(
        (json as { id: string }[]).map(({ id }) => id),
        answers.all[i],
      );
    }
  };
  try {
    const first = await startWrangler(folder, { state });
    try {
      const { status, json } = await insert(first.url, 0, 600);
      assert.equal(status, 200, JSON.stringify(json));
      assert.equal((json as { durable: boolean }).durable, true);
      assert.equal((await insert(first.url, 600, ROWS)).status, 200);
      const refused = await insert(first.url, ROWS - 1, ROWS);
      assert.equal(refused.status, 400);
      const [error] = (refused.json as { errors: { index: number; code: string }[] }).errors;
      assert.deepEqual([error?.index, error?.code], [0, 'DUPLICATE_ID']);
      await assertFound(first.url);
      assert.deepEqual((await post(`${first.url}bob/search`, { vector: [...query(0)] })).json, []);
    } finally {
      // Ends the isolate without a word to the object, as an eviction does.
      await first.stop();
    }
    const second = await startWrangler(folder, { state });
    try {
      await assertFound(second.url);
    } finally {
      await second.stop();
    }
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
});

test('shards_write_and_answer_together_and_one_that_is_down_is_named', async () => {
  const folder = example('sharded');
  const state = newFolder();
  const search = async (url: string, i: number) =>
    (await post(`${url}search?k=10`, query(i))).json as {
      hits: { id: string }[];
      partial: boolean;
      missing: { shard: number; reason: string }[];
    };
  try {
    const first = await startWrangler(folder, { state });
    try {
      const rows = ids.map((_, i) => row(i));
      const whole = await post(`${first.url}insert?batchId=a`, rows);
      assert.deepEqual(whole.json, { written: ROWS, errors: [], missing: [] });
      // Sent again under its name, it is not written again, and is no error either.
      assert.deepEqual((await post(`${first.url}insert?batchId=a`, rows)).json, whole.json);
      const mixed = [row(7), { id: 'new 1', vector: [...vector(1)] }, { id: 'new 2', vector: [1] }];
      const { status, json } = await post(`${first.url}insert?batchId=b`, mixed);
      const report = json as { errors: { index: number; code: string }[] };
      assert.equal(status, 400);
      assert.deepEqual(
        report.errors.map(({ index, code }) => [index, code]),
        [
          [0, 'DUPLICATE_ID'],
          [2, 'DIMENSION_MISMATCH'],
        ],
      );
      for (let i = 0; i < QUERIES; i++) {
        const { hits, partial } = await search(first.url, i);
        assert.equal(partial, false);
        const found = hits.map(({ id }) => id).filter((id) => !id.startsWith('new'));
        assert.deepEqual(found, answers.all[i]?.slice(0, found.length));
      }
    } finally {
      await first.stop();
    }

    // The database of one shard becomes unreadable while nobody looks.
    const [damaged] = databases(state);
    assert.ok(damaged);
    for (const suffix of ['', '-wal', '-shm']) rmSync(damaged + suffix, { force: true });
    writeFileSync(damaged, 'this is no database, and long enough to be taken for one'.repeat(200));
    const second = await startWrangler(folder, { state });
    try {
      const { hits, partial, missing } = await search(second.url, 0);
      assert.equal(partial, true);
      assert.equal(missing.length, 1, JSON.stringify(missing));
      assert.ok(hits.length === 10 && missing[0]?.reason, JSON.stringify(missing));
      const expected = answers.all[0]?.filter((id) => hits.some((hit) => hit.id === id));
      assert.ok((expected?.length as number) >= 5, 'the other shards answer as before');
      const report = await post(
        `${second.url}insert?batchId=c`,
        Array.from({ length: 64 }, (_, i) => ({ id: `late ${i}`, vector: [...vector(i)] })),
      );
      const { written, missing: unwritten } = report.json as {
        written: number;
        missing: unknown[];
      };
      assert.equal(unwritten.length, 1);
      assert.ok(written > 32 && written < 64, `${written} written`);
    } finally {
      await second.stop();
    }
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
});

/** The databases of the objects, as workerd keeps them. */
function databases(state: string): string[] {
  return readdirSync(state, { recursive: true, encoding: 'utf8' })
    .filter((name) => /Shard.*[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => join(state, name));
}
