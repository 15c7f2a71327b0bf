import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { copyConsumer } from '../../scripts/consumers.mjs';
import { root } from '../../scripts/paths.mjs';
import { newFolder, programs } from './support.js';
import { startWrangler } from './wrangler.js';

const TOKEN = 'a-token-that-only-the-tests-know';
const folder = copyConsumer(join(root, 'examples', 'http'), 'example-http');

/** What every runtime must do alike. */
async function assertServes(base: string, token?: string): Promise<void> {
  const vector = (i: number) => Array.from({ length: 384 }, (_, j) => Math.sin(i * 384 + j));
  const headers = {
    'content-type': 'application/json',
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const post = (path: string, body: object, more: Record<string, string> = {}) =>
    fetch(`${base}/api/v1/collections/words/${path}`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    });
  const rows = Array.from({ length: 200 }, (_, i) => ({ id: `w${i}`, vector: vector(i) }));
  const accept = { accept: 'application/x-ndjson' };
  const inserted = await post('vectors/batch', { operation: 'insert', rows }, accept);
  const lines = (await inserted.text()).trimEnd().split('\n');
  assert.equal(JSON.parse(lines.at(-1) ?? '').result.written, 200);
  const found = await post('search', { query: vector(42), k: 1 });
  assert.equal((await found.json()).hits[0].id, 'w42');
  const again = await post('vectors/batch', { operation: 'insert', rows: rows.slice(0, 1) });
  assert.deepEqual([again.status, (await again.json()).error.code], [409, 'BATCH']);
  const wrong = await post('search', { query: [1] });
  assert.deepEqual([wrong.status, (await wrong.json()).error.code], [422, 'DIMENSION_MISMATCH']);
  const other = await fetch(`${base}/api/v1/collections/other/stats`, { headers });
  assert.equal(other.status, 404);
  const record = await fetch(`${base}/api/v1/collections/words/vectors/w7`, { headers });
  assert.equal((await record.json()).id, 'w7');
}

const runtimes = {
  deno: [programs.deno, 'run', '--allow-all', '--node-modules-dir=manual', 'deno.mjs'],
  bun: [programs.bun, 'bun.mjs'],
  node_24: [programs.node24, 'node.mjs'],
};

for (const [name, [program = '', ...args]] of Object.entries(runtimes)) {
  test(`${name}_serves_collections_over_http`, async () => {
    const data = newFolder();
    const script = args.map((arg) => (arg.endsWith('.mjs') ? join(folder, arg) : arg));
    const child = spawn(program, script, {
      // The collection is kept in the working directory.
      cwd: data,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      for await (const line of createInterface(child.stdout)) {
        const port = /(\d+)(\/|$)/.exec(line)?.[1];
        await assertServes(`http://127.0.0.1:${port}`);
        break;
      }
    } finally {
      child.kill('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    }
  });
}

test('workerd_serves_collections_over_http_to_who_has_the_token', async () => {
  const worker = await startWrangler(join(folder, 'worker'), { variables: { TOKEN } });
  try {
    const base = worker.url.replace(/\/$/, '');
    const refused = await fetch(`${base}/api/v1/collections/words/stats`);
    assert.deepEqual([refused.status, (await refused.json()).error.code], [401, 'UNAUTHORIZED']);
    await assertServes(base, TOKEN);
  } finally {
    await worker.stop();
  }
});
