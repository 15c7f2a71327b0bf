import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { count, insert, open, pageWith } from './faulty.js';
import { testsInChromium } from './support.js';

/** Traps inside the real wasm. */
const chromium = testsInChromium(false);

/** Keeps the memories that the wasm gets, and destroys what is in them when the test says so. */
const DESTRUCTION = `
  const memories = [];
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...given) { super(...given); memories.push(this.exports.memory); }
  };
  // Pointers that lead out of the memory: whatever the engine does next, it traps.
  globalThis.destroy = () => {
    for (const { buffer } of memories) new Uint8Array(buffer).fill(0xff);
  };
  // Only log records are added; everything else is put. The listener must be the first of the transaction.
  const batches = new WeakSet();
  const add = IDBObjectStore.prototype.add;
  IDBObjectStore.prototype.add = function (...given) {
    batches.add(this.transaction);
    return add.apply(this, given);
  };
  const begin = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (...given) {
    const transaction = begin.apply(this, given);
    transaction.addEventListener('complete', () => {
      if (globalThis.destroyAtCommit && batches.has(transaction)) globalThis.destroy();
    });
    return transaction;
  };
`;

const engineOf = (page: Page) => {
  const engine = page.workers().at(-1);
  if (!engine) throw new Error('the page has no worker');
  return engine;
};

const destroy = (page: Page) =>
  engineOf(page).evaluate(() => (globalThis as unknown as { destroy(): void }).destroy());

/** The code of a search's failure, or the id that it finds. */
const search = (page: Page) =>
  page.evaluate(() =>
    globalThis.faulty.search([1, 3, 3, 2], { k: 1 }).then(
      ([hit]) => hit?.id,
      (thrown: { code: string }) => thrown.code,
    ),
  );

test('a_trap_in_the_wasm_ends_what_is_pending_and_the_next_call_reopens', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url, DESTRUCTION);
  await open(page);
  await insert(page, 0, 200);
  for (let round = 1; round <= 3; round++) {
    await destroy(page);
    assert.equal(await search(page), 'CRASHED');
    assert.equal(await search(page), 'r3');
    assert.equal(await insert(page, 200 * round, 200), 200);
    assert.equal(await count(page), 200 * (round + 1));
  }
  await context.close();
});

test('a_batch_whose_application_traps_was_committed_and_one_that_traps_before_was_not', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url, DESTRUCTION);
  await open(page);
  await insert(page, 0, 100);
  await destroy(page);
  assert.equal(await insert(page, 100, 50), 'CRASHED');
  assert.equal(await count(page), 100);
  await engineOf(page).evaluate(() => Object.assign(globalThis, { destroyAtCommit: true }));
  assert.equal(await insert(page, 200, 50), 'CRASHED');
  assert.equal(await count(page), 150);
  await page.reload();
  assert.equal(await open(page), 150);
  await context.close();
});
