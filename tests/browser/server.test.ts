import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { pkg, root } from '../../scripts/paths.mjs';
import { launchChromium, serveFolders } from './support.js';

let browser: Browser;
let server: Awaited<ReturnType<typeof serveFolders>>;

before(async () => {
  const folder = join(root, 'target', 'service-worker-test');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,">');
  const example = join(root, 'examples', 'http', 'service-worker.js');
  copyFileSync(example, join(folder, 'service-worker.js'));
  [browser, server] = await Promise.all([
    launchChromium(),
    serveFolders({ '/': folder, '/kindex/': pkg }, false),
  ]);
});
after(async () => {
  await Promise.all([browser?.close(), server?.close()]);
});

test('a_service_worker_serves_its_pages_and_keeps_what_they_write', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('service-worker.js', { type: 'module' });
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  const ask = (path: string, body?: object) =>
    page.evaluate(
      async ({ path, body }) => {
        const response = await fetch(`/api/v1/collections/words/${path}`, {
          ...(body && {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          }),
        });
        return { status: response.status, body: await response.json() };
      },
      { path, body },
    );
  const rows = Array.from({ length: 100 }, (_, i) => ({
    id: `w${i}`,
    vector: [1, i, (i * 7) % 5, (i * i) % 11],
  }));
  const written = await ask('vectors/batch', { operation: 'insert', rows });
  assert.deepEqual([written.status, written.body.durable], [200, true]);
  const found = await ask('search', { query: rows[42]?.vector, k: 1 });
  assert.equal(found.body.hits[0].id, 'w42');
  assert.equal((await ask('search', { query: [1] })).body.error.code, 'DIMENSION_MISMATCH');
  assert.equal((await ask('stats')).body.storage, 'indexeddb');
  // Ended, and started anew by the next request.
  const session = await context.newCDPSession(page);
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  assert.equal((await ask('search', { query: rows[7]?.vector, k: 1 })).body.hits[0].id, 'w7');
  await context.close();
});
