/** Tabs that freeze while they write for others, and thaw when another has taken over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { deferred } from '../../ts/deferred.js';
import { count, insert, open, pageWith } from './faulty.js';
import { openPage, testsInChromium } from './support.js';

const chromium = testsInChromium(false);

/** Stands for the freezing of a tab by the browser: its worker waits for an answer, and gives none itself. */
const FREEZE = `
  globalThis.freeze = () => {
    const request = new XMLHttpRequest();
    request.open('GET', '/thaw', false);
    request.send();
  };
`;

/** What resolves when a worker is frozen; to answer thaws it. */
async function freezes(context: BrowserContext): Promise<{ readonly promise: Promise<Route> }> {
  const asked = deferred<Route>();
  await context.route('**/thaw', (route) => asked.resolve(route));
  return asked;
}

/** A page that writes, with ten records, and one that follows it; `prelude` runs first in the worker of the first. */
async function twoTabs(prelude: string) {
  const context = await chromium.browser.newContext();
  const first = await pageWith(context, chromium.url, prelude);
  await open(first);
  await insert(first, 0, 10);
  const second = await openPage(context, chromium.url);
  await open(second);
  const [worker] = first.workers();
  assert.ok(worker);
  return { context, first, second, worker };
}

/** Each record is there once, and each batch was committed once. */
async function allHave(pages: readonly Page[], records: number, generation: number) {
  for (const page of pages) {
    await page.waitForFunction((size) => globalThis.faulty.size === size, records);
    assert.equal(await count(page), records);
    const stats = await page.evaluate(() => globalThis.faulty.stats());
    assert.equal(stats.generation, generation);
  }
}

test('a_frozen_page_that_writes_for_others_is_relieved_and_writes_nothing_old_afterwards', async () => {
  const { context, first, second, worker } = await twoTabs(FREEZE);
  const freezing = await freezes(context);
  await worker.evaluate(() => {
    setTimeout(Reflect.get(globalThis, 'freeze'));
  });
  const frozen = await freezing.promise;
  assert.equal(await insert(second, 100, 10), 10);
  assert.equal((await second.evaluate(() => globalThis.faulty.stats())).writing, true);
  // Asked before it hears that it was relieved.
  const asking = insert(first, 200, 10);
  await frozen.fulfill({ body: '' });
  assert.equal(await asking, 10);
  await first.waitForFunction(async () => !(await globalThis.faulty.stats()).writing);
  await allHave([first, second], 30, 3);
  await context.close();
});

test('a_batch_in_the_middle_of_which_a_tab_froze_goes_once_to_the_tab_that_took_over', async () => {
  const { context, first, second, worker } = await twoTabs(
    `${FREEZE} {
       globalThis.aborted = 0;
       globalThis.freezing = false;
       const begin = IDBDatabase.prototype.transaction;
       IDBDatabase.prototype.transaction = function (stores, mode, options) {
         if (globalThis.freezing && mode === 'readwrite' && stores.includes('log')) {
           globalThis.freezing = false;
           globalThis.freeze();
         }
         return begin.call(this, stores, mode, options);
       };
       const abort = IDBTransaction.prototype.abort;
       IDBTransaction.prototype.abort = function () {
         globalThis.aborted += 1;
         return abort.call(this);
       };
     }`,
  );
  await worker.evaluate(() => Object.assign(globalThis, { freezing: true }));
  const freezing = await freezes(context);
  // Calls that share one batch, of which the other tab makes one impossible; then one with a name.
  const calls = first.evaluate(async () => {
    const row = (n: number) => ({ id: `r${n}`, vector: [1, n, 3, 4], metadata: { n } });
    const named = () =>
      globalThis.faulty.insert([row(300), row(301), row(101)], { batchId: 'b', atomic: false });
    const writing = [200, 100, 201].map((n) => globalThis.faulty.insert(row(n)));
    const settled = await Promise.allSettled([...writing, named(), named()]);
    return settled.map((one) =>
      one.status === 'fulfilled'
        ? `${one.value.written} of ${one.value.written + one.value.failed}`
        : `${one.reason.code} ${one.reason.errors[0].id}`,
    );
  });
  const frozen = await freezing.promise;
  assert.equal(await insert(second, 100, 10), 10);
  await frozen.fulfill({ body: '' });
  assert.deepEqual(await calls, ['1 of 1', 'BATCH r100', '1 of 1', '2 of 3', '2 of 3']);
  assert.equal(await worker.evaluate(() => Reflect.get(globalThis, 'aborted')), 1);
  await allHave([first, second], 24, 4);
  await context.close();
});

test('the_tab_that_has_the_lock_takes_the_claim_back_from_one_that_thawed_and_loses_no_batch', async () => {
  const context = await chromium.browser.newContext();
  const page = await openPage(context, chromium.url);
  await open(page);
  assert.equal(await insert(page, 0, 10), 10);
  // What a tab does that thaws with a batch to write, before it hears that it was relieved.
  await page.evaluate(async () => {
    const opening = indexedDB.open('kindex:faulty');
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const transaction = opening.result.transaction('manifest', 'readwrite');
    transaction.objectStore('manifest').put(1000, 1);
    await new Promise((resolve) => {
      transaction.oncomplete = resolve;
    });
    opening.result.close();
  });
  assert.equal(await insert(page, 10, 10), 10);
  await allHave([page], 20, 2);
  await context.close();
});
