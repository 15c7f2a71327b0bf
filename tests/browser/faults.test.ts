import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Collection } from '../../ts/index.js';
import { count, damage, insert, open, pageWith } from './faulty.js';
import { testsInChromium } from './support.js';

const chromium = testsInChromium(false);

/** The next transactions that write a batch or a claim, as the worker begins them, go wrong. */
const FAULTS = `
  const begin = IDBDatabase.prototype.transaction;
  globalThis.faults = [];
  globalThis.claimFaults = [];
  IDBDatabase.prototype.transaction = function (stores, mode, options) {
    const list = stores.includes('log') ? globalThis.faults : stores.length === 1 ? globalThis.claimFaults : [];
    const fault = mode === 'readwrite' ? list.shift() : undefined;
    if (fault === 'dead') throw new DOMException('the connection is closing', 'InvalidStateError');
    const transaction = begin.call(this, stores, mode, options);
    // What Firefox says on a full disk where a transaction ends under the hands of whoever makes its requests.
    if (fault === 'ended') transaction.objectStore = () => { throw new DOMException('no mutations', 'InvalidStateError'); };
    // No request of it fails by itself: only the transaction says so.
    if (fault === 'abort') setTimeout(() => transaction.abort());
    return transaction;
  };
`;

const fault = async (
  page: Page,
  faults: readonly string[],
  claimFaults: readonly string[] = [],
) => {
  const [worker] = page.workers();
  await worker?.evaluate((lists) => Object.assign(globalThis, lists), { faults, claimFaults });
};

test('a_transaction_that_aborts_and_a_connection_that_died_are_tried_again_and_nothing_is_doubled', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url, FAULTS);
  assert.equal(await open(page), 0);
  assert.equal(await insert(page, 0, 50), 50);
  for (const [i, faults] of [['abort'], ['dead', 'dead'], ['abort', 'dead', 'abort']].entries()) {
    await fault(page, faults);
    assert.equal(await insert(page, 100 * (i + 1), 50), 50);
  }
  // Every attempt fails, and every new connection too: the caller hears of it, and it is not there.
  await fault(page, Array<string>(200).fill('dead'));
  assert.equal(await insert(page, 1000, 50), 'STORAGE_UNAVAILABLE');
  await fault(page, []);
  assert.equal(await count(page), 200);
  assert.equal(await insert(page, 2000, 1), 1);
  await page.reload();
  assert.equal(await open(page), 201);
  await context.close();
});

test('a_claim_that_fails_for_a_moment_is_tried_again_like_a_batch', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url, FAULTS);
  assert.equal(await open(page), 0);
  assert.equal(await insert(page, 0, 5), 5);
  // Whoever opens what is there claims the right to write with its first batch.
  await page.reload();
  assert.equal(await open(page), 5);
  await fault(page, [], ['ended', 'abort', 'dead', 'ended']);
  assert.equal(await insert(page, 10, 5), 5);
  assert.equal(await count(page), 10);
  // One that always fails is no batch, and in nobody's way afterwards.
  await page.reload();
  assert.equal(await open(page), 10);
  await fault(page, [], Array<string>(50).fill('ended'));
  assert.equal(await insert(page, 20, 5), 'STORAGE_UNAVAILABLE');
  await fault(page, []);
  assert.equal(await insert(page, 30, 5), 5);
  assert.equal(await count(page), 15);
  await context.close();
});

test('where_indexeddb_is_missing_or_refused_it_runs_in_memory_and_says_so', async () => {
  for (const [prelude, reason] of [
    ["Object.defineProperty(globalThis, 'indexedDB', { value: undefined });", /no IndexedDB/],
    [
      "IDBFactory.prototype.open = () => { throw new DOMException('not here', 'SecurityError'); };",
      /refuses to open: not here/,
    ],
  ] as const) {
    const context = await chromium.browser.newContext();
    const page = await pageWith(context, chromium.url, prelude);
    assert.equal(await open(page), 0);
    assert.equal(await insert(page, 0, 5), 5);
    const stats = await page.evaluate(() => globalThis.faulty.stats());
    assert.equal(stats.storage, 'memory');
    assert.match(String(stats.storageReason), reason);
    assert.match(String(await open(page, { storage: 'indexeddb' })), /^STORAGE_UNAVAILABLE/);
    await context.close();
  }
});

test('a_full_disk_is_not_taken_for_an_empty_one', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(
    context,
    chromium.url,
    `{
       const open = IDBFactory.prototype.open;
       IDBFactory.prototype.open = function (name, version) {
         if (name === 'kindex-probe') throw new DOMException('no room', 'QuotaExceededError');
         return open.call(this, name, version);
       };
     }`,
  );
  assert.equal(await open(page), 0);
  assert.equal(await insert(page, 0, 5), 5);
  await page.reload();
  assert.equal(await open(page), 5);
  await context.close();
});

test('a_failure_without_a_name_is_a_full_disk_where_there_is_no_room', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(
    context,
    chromium.url,
    `globalThis.failing = '';
     globalThis.room = 0;
     navigator.storage.estimate = async () => ({ quota: 1e9, usage: 1e9 - globalThis.room });
     const begin = IDBDatabase.prototype.transaction;
     IDBDatabase.prototype.transaction = function (...given) {
       if (globalThis.failing === 'every connection' && given[1] === 'readwrite')
         throw new DOMException('the database is closed', 'InvalidStateError');
       return begin.apply(this, given);
     };
     for (const call of ['add', 'put', 'get']) {
       const before = IDBObjectStore.prototype[call];
       IDBObjectStore.prototype[call] = function (...given) {
         // Of a snapshot not the head, which is small.
         const large = call !== 'put' || given[0].length > 1e6;
         if (globalThis.failing === this.name + ' ' + call && large)
           throw new DOMException('The operation failed for reasons unrelated', 'UnknownError');
         return before.apply(this, given);
       };
     }`,
  );
  await open(page);
  await page.evaluate(() =>
    globalThis.faulty.insert(
      Array.from({ length: 1500 }, (_, i) => ({
        id: `m${i}`,
        vector: [1, i, 3, 4],
        metadata: { n: i, filler: 'abcd'.repeat(500) },
      })),
    ),
  );
  const [worker] = page.workers();
  const after = async (failing: string, room: number, call: 'compact' | 'insert') => {
    await worker?.evaluate((state) => Object.assign(globalThis, state), { failing, room });
    const code =
      call === 'insert'
        ? await insert(page, 0, 5)
        : await page.evaluate(() =>
            globalThis.faulty.compact().then(
              () => 'done',
              (thrown: { code: string }) => thrown.code,
            ),
          );
    await worker?.evaluate(() => Object.assign(globalThis, { failing: '' }));
    return code;
  };
  // More than nothing, and less than the part of the snapshot needs.
  assert.equal(await after('segments put', 2_000_000, 'compact'), 'QUOTA_EXCEEDED');
  assert.equal(await after('segments put', 100_000_000, 'compact'), 'STORAGE_UNAVAILABLE');
  assert.equal(await after('log add', 1000, 'insert'), 'QUOTA_EXCEEDED');
  assert.equal(await after('log add', 100_000_000, 'insert'), 'STORAGE_UNAVAILABLE');
  assert.equal(await after('manifest get', 1000, 'insert'), 'QUOTA_EXCEEDED');
  assert.equal(await after('every connection', 1000, 'insert'), 'QUOTA_EXCEEDED');
  assert.equal(await after('every connection', 100_000_000, 'insert'), 'STORAGE_UNAVAILABLE');
  assert.equal(await count(page), 1500);
  assert.equal(await insert(page, 0, 5), 5);
  assert.equal(await after('', 0, 'compact'), 'done');
  await page.reload();
  assert.equal(await open(page), 1505);
  await context.close();
});

test('cleared_site_data_closes_the_collection_and_leaves_an_empty_one', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url);
  await open(page);
  await insert(page, 0, 20);
  const session = await context.newCDPSession(page);
  await session.send('Storage.clearDataForOrigin', {
    origin: new URL(chromium.url).origin,
    storageTypes: 'indexeddb',
  });
  // At the latest the next batch finds out.
  assert.equal(await insert(page, 50, 3), 'CLOSED');
  await page.waitForFunction(() => globalThis.errors.includes('CLOSED'));
  assert.equal(await count(page), 'CLOSED');
  assert.equal(await open(page), 0);
  assert.equal(await insert(page, 0, 3), 3);
  await context.close();
});

for (const [change, answer] of [
  ['manifest flipped', /^CORRUPT the manifest of collection 'faulty'/],
  ['manifest missing', /^CORRUPT the manifest of collection 'faulty' is missing/],
  ['log flipped', /^CORRUPT log record 1 of collection 'faulty'/],
  ['log missing', /^CORRUPT log record 1 of collection 'faulty' is missing/],
  ['segment flipped', /^CORRUPT part 0 of the snapshot of collection 'faulty'/],
  ['segment missing', /^CORRUPT the snapshot of collection 'faulty' has 0 parts/],
  ['newer format', /^NEWER_VERSION/],
] as const) {
  test(`damage_is_named_and_nothing_is_deleted_${change.replace(' ', '_')}`, async () => {
    const context = await chromium.browser.newContext();
    const page = await pageWith(context, chromium.url);
    await open(page);
    for (let i = 0; i < 3; i++) await insert(page, 10 * i, 10);
    if (change.startsWith('segment')) await page.evaluate(() => globalThis.faulty.compact());
    if (change === 'manifest missing') await insert(page, 100, 1);
    await page.evaluate(() => globalThis.faulty.close());
    const stored = () =>
      page.evaluate(async () => {
        const opening = indexedDB.open('kindex:faulty');
        await new Promise((resolve) => {
          opening.onsuccess = resolve;
        });
        const transaction = opening.result.transaction(['log', 'segments', 'documents']);
        const counts = await Promise.all(
          ['log', 'segments', 'documents'].map(
            (store) =>
              new Promise<number>((resolve) => {
                const counting = transaction.objectStore(store).count();
                counting.onsuccess = () => resolve(counting.result);
              }),
          ),
        );
        opening.result.close();
        return counts;
      });
    await damage(page, change);
    const before = await stored();
    assert.match(String(await open(page)), answer);
    assert.deepEqual(await stored(), before);
    await context.close();
  });
}

test('calls_under_way_fail_when_the_worker_is_terminated_and_the_next_one_starts_another', async () => {
  const context = await chromium.browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(`
    globalThis.__name = (made) => made;
    globalThis.kindex = () => import('/kindex/index.js');
    globalThis.started = [];
    globalThis.Worker = class extends Worker {
      constructor(...given) { super(...given); globalThis.started.push(this); }
    };
  `);
  await page.goto(chromium.url);
  await open(page);
  await insert(page, 0, 20);
  const codes = await page.evaluate(async () => {
    const { faulty, started } = globalThis as unknown as {
      faulty: Collection<{ n: number }>;
      started: Worker[];
    };
    const vectors = Float32Array.from({ length: 4 * 30_000 }, (_, i) => Math.sin(i) + 2);
    const pending = [faulty.insert({ vectors }), faulty.search([1, 2, 3, 4])];
    await new Promise((resolve) => setTimeout(resolve, 5));
    started[0]?.terminate();
    const settled = await Promise.allSettled(pending);
    return settled.map((one) => (one.status === 'rejected' ? one.reason.code : 'settled'));
  });
  assert.equal(codes[0], 'CRASHED');
  const size = await count(page);
  // The batch was not acknowledged: it is there as a whole or not at all.
  assert.ok(size === 20 || size === 30_020, String(size));
  assert.equal(await insert(page, 100, 5), 5);
  await context.close();
});
