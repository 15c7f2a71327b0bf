import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'puppeteer-core';
import { Victim } from '../torture/browsers.js';
import { count, insert, open } from './faulty.js';
import { IN_PAGE, launchChromium, openPage, servePackage } from './support.js';

/** Pages that the browser stops and goes on with. */
const ROWS = 20_000;

test('a_frozen_tab_loses_the_right_to_write_and_thaws_without_a_trace_of_what_was_old', async () => {
  const server = await servePackage(false);
  // Playwright keeps its pages in focus, which can't be frozen.
  const victim = new Victim('chromium', server.url);
  const tab = async (): Promise<Page> => {
    const page = await (await victim.browser()).newPage();
    await page.evaluateOnNewDocument(IN_PAGE);
    await page.goto(server.url);
    await page.evaluate(async () => {
      const { Collection } = await kindex();
      globalThis.faulty = await Collection.open('faulty', { dimension: 4 });
    });
    return page;
  };
  const write = (page: Page, prefix: string, rows: number) =>
    page.evaluate(
      (name, length) => {
        const vectors = Float32Array.from({ length: 4 * length }, (_, i) => Math.sin(i) + 2);
        const ids = Array.from({ length }, (_, i) => `${name}${i}`);
        return globalThis.faulty.insert({ ids, vectors }).then(
          ({ written }) => written,
          (thrown: { code: string }) => thrown.code,
        );
      },
      prefix,
      rows,
    );
  const state = (page: Page) =>
    page.evaluate(async () => ({
      count: await globalThis.faulty.count(),
      writing: (await globalThis.faulty.stats()).writing,
    }));
  try {
    const frozen = await tab();
    assert.equal(await write(frozen, 'before', 10), 10);
    const session = await frozen.createCDPSession();
    await session.send('Page.enable');
    const underWay = write(frozen, 'during', ROWS);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    const other = await tab();
    assert.equal(await write(other, 'other', 10), 10);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    // Handed to the new writer, committed before the freeze, or refused: but whole, and once.
    const outcome = await underWay;
    const expected = 20 + (outcome === ROWS ? ROWS : 0);
    assert.ok(outcome === ROWS || typeof outcome === 'string', String(outcome));
    assert.equal(await write(frozen, 'after', 10), 10);
    const [one, two] = [await state(frozen), await state(other)];
    assert.deepEqual([one.count, two.count], [expected + 10, expected + 10], String(outcome));
    assert.equal([one, two].filter(({ writing }) => writing).length, 1);
  } finally {
    await Promise.all([victim.close(), server.close()]);
  }
});

test('a_page_comes_back_from_the_back_forward_cache_and_goes_on', async () => {
  const [browser, server] = await Promise.all([
    launchChromium(['--disable-back-forward-cache']),
    servePackage(false),
  ]);
  try {
    const context = await browser.newContext();
    const page = await openPage(context, server.url);
    const away = () => page.goto(`${server.url}?elsewhere`);
    const back = async () => {
      await page.goBack({ waitUntil: 'commit' });
      return page.evaluate(() => 'faulty' in globalThis);
    };
    await open(page);
    await insert(page, 0, 10);
    await away();
    assert.equal(await back(), true, 'the page was not kept');
    assert.equal(await count(page), 10);
    assert.equal(await insert(page, 10, 10), 10);

    // A tab that wants to write meanwhile need not wait: the browser gives up the page that is kept aside.
    await away();
    const other = await openPage(context, server.url);
    assert.equal(await open(other), 20);
    assert.equal(await insert(other, 20, 10), 10);
    if (!(await back())) assert.equal(await open(page), 30);
    assert.equal(await count(page), 30);
    assert.equal(await insert(page, 30, 10), 10);
    await other.waitForFunction(() => globalThis.faulty.size === 40);
    await context.close();
  } finally {
    await Promise.all([browser.close(), server.close()]);
  }
});
