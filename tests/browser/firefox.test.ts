import assert from 'node:assert/strict';
import { test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { findBrowser } from '../../scripts/browsers.mjs';
import { askOwnWorker, IN_PAGE, servePackage } from './support.js';

test('firefox_inserts_on_all_cores_finds_everything_after_a_reload_and_shares_it_between_tabs', async () => {
  const executablePath = findBrowser('firefox');
  assert.ok(executablePath, 'Firefox is not installed: run npm test');
  const server = await servePackage(true);
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
  try {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(IN_PAGE);
    await page.goto(server.url);
    const first = await page.evaluate(async () => {
      const { Collection } = await kindex();
      const collection = await Collection.open('firefox', { dimension: 16 });
      const vectors = Float32Array.from({ length: 6000 * 16 }, (_, i) => Math.sin(i * i));
      const result = await collection.insert({
        ids: Array.from({ length: 6000 }, (_, i) => `v${i}`),
        vectors,
      });
      const hits = await collection.search(vectors.subarray(160, 176), { k: 5 });
      return { written: result.written, threads: (await collection.stats()).threads, hits };
    });
    assert.equal(first.written, 6000);
    assert.ok(first.threads > 1, `a pool was expected, ${first.threads} threads ran`);
    assert.equal(first.hits[0]?.id, 'v10');
    await page.reload();
    const again = await page.evaluate(async () => {
      const { Collection } = await kindex();
      const collection = await Collection.open('firefox');
      const query = Float32Array.from({ length: 16 }, (_, i) => Math.sin((160 + i) * (160 + i)));
      return { size: collection.size, hits: await collection.search(query, { k: 5 }) };
    });
    assert.deepEqual(again, { size: 6000, hits: first.hits });

    // A second tab reads along, writes through the first, and takes over when that is gone.
    const second = await browser.newPage();
    await second.evaluateOnNewDocument(IN_PAGE);
    await second.goto(server.url);
    const write = (tab: typeof page, id: string) =>
      tab.evaluate(async (name) => {
        const { Collection } = await kindex();
        const collection = await Collection.open('firefox');
        await collection.insert({ id: name, vector: Array.from({ length: 16 }, (_, i) => i + 1) });
        const { writing } = await collection.stats();
        return [writing, await collection.count()];
      }, id);
    assert.deepEqual(await write(second, 'forwarded'), [false, 6001]);
    assert.deepEqual(await write(page, 'own'), [true, 6002]);
    await page.close();
    assert.deepEqual(await write(second, 'inherited'), [true, 6003]);
  } finally {
    await browser.close();
    await server.close();
  }
});

test('firefox_has_the_engine_in_place_in_a_worker_of_the_page', async () => {
  const server = await servePackage(true);
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: findBrowser('firefox') ?? '',
    headless: true,
  });
  try {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(IN_PAGE);
    await page.goto(server.url);
    assert.deepEqual(await page.evaluate(askOwnWorker), ['v10', 'one thread', 'indexeddb']);
  } finally {
    await browser.close();
    await server.close();
  }
});
