import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { root } from '../../scripts/paths.mjs';

const folder = mkdtempSync(join(tmpdir(), 'kindex-http-'));
let server: ChildProcess;
let base: string;

async function start(): Promise<void> {
  server = spawn(process.execPath, [join(root, 'examples', 'http', 'node.mjs')], {
    // Its collection is in the working directory.
    cwd: folder,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!server.stdout) throw new Error('the server has no output');
  for await (const line of createInterface(server.stdout)) {
    base = line;
    return;
  }
  throw new Error('the server did not say where it is');
}

async function stop(): Promise<unknown> {
  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  return code;
}

before(start);
after(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

const vector = (i: number) => Array.from({ length: 384 }, (_, j) => Math.sin(i * 384 + j));
const post = (path: string, body: object) =>
  fetch(`${base}/collections/words/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('the_example_serves_and_keeps_what_was_written', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => ({ id: `w${i}`, vector: vector(i) }));
  assert.equal((await post('vectors/batch', { operation: 'insert', rows })).status, 200);
  assert.equal((await fetch(`${base}/collections/other/stats`)).status, 404);
  assert.equal(await stop(), 0);
  await start();
  const found = await post('search', { query: vector(7), k: 1 });
  assert.equal((await found.json()).hits[0].id, 'w7');
});
