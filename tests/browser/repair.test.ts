import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { damage, insert, open, pageWith } from './faulty.js';
import { testsInChromium } from './support.js';

const chromium = testsInChromium(false);

const repair = (page: Page) =>
  page.evaluate(async () => {
    const address = new URL('/kindex/repair.js', location.href).href;
    const mended = (await import(address)) as typeof import('../../ts/entrypoints/repair.js');
    return mended
      .repair('faulty')
      .catch((thrown: { code: string; message: string }) => `${thrown.code} ${thrown.message}`);
  });

for (const [change, options, left] of [
  // Codes stand for vectors: without either, what the segment has of a record is not enough.
  ['vectors flipped', { quantization: 'int8' }, 40],
  ['vectors flipped', { quantization: 'none' }, 20],
  ['second segment missing', {}, 20],
  ['log flipped', {}, 30],
] as const) {
  const kept = Object.values(options).map((value) => `_of_${value}`);
  test(`a_collection_with_${change.replaceAll(' ', '_')}${kept}_is_made_anew_of_what_is_whole`, async () => {
    const context = await chromium.browser.newContext();
    const page = await pageWith(context, chromium.url);
    await open(page, options);
    for (let i = 0; i < 4; i++) {
      await insert(page, 10 * i, 10);
      if (i === 1 && change !== 'log flipped')
        await page.evaluate(() => globalThis.faulty.compact());
    }
    await page.evaluate(() => globalThis.faulty.close());
    await damage(page, change);
    assert.match(String(await open(page)), /^CORRUPT/);
    const report = await repair(page);
    assert.equal(typeof report, 'object', String(report));
    assert.equal(await open(page), left);
    const hits = await page.evaluate(() =>
      globalThis.faulty.search([1, 35, 5, 2], { k: 1, include: ['document', 'metadata'] }),
    );
    assert.deepEqual([hits[0]?.id, hits[0]?.document], ['r35', 'document 35']);
    assert.equal(await insert(page, 100, 5), 5);
    const { ok } = await page.evaluate(async () => {
      await globalThis.faulty.close();
      return (await kindex()).Collection.verify('faulty');
    });
    assert.ok(ok);
    await context.close();
  });
}

test('a_repair_waits_for_a_tab_that_is_closing_and_not_for_one_that_stays', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url);
  await open(page);
  await insert(page, 0, 10);
  assert.match(String(await repair(page)), /^LOCKED/);
  // What a worker lets go of, the browser hears of a moment later.
  await page.evaluate(async () => {
    await globalThis.faulty.close();
    let held = () => {};
    const holds = new Promise<void>((resolve) => {
      held = resolve;
    });
    navigator.locks.request('kindex:faulty', () => {
      held();
      return new Promise((resolve) => setTimeout(resolve, 300));
    });
    await holds;
  });
  assert.equal(((await repair(page)) as { state: string }).state, 'ok');
  await context.close();
});
