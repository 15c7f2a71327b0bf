import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import type { Collection } from '../../ts/index.js';
import { crash, openPage, testsInChromium } from './support.js';

const chromium = testsInChromium(false);

declare global {
  var collection: Collection<{ n: number }>;
  /** What the page's listener for `change` has heard. */
  var heard: { generation: number; operation: string; written: number; at: number }[];
}

/** A page that has the collection open as `collection`. */
async function openTab(context: BrowserContext, name: string): Promise<Page> {
  const page = await openPage(context, chromium.url);
  await page.evaluate(async (collectionName) => {
    const { Collection } = await kindex();
    globalThis.heard = [];
    globalThis.collection = await Collection.open(collectionName, { dimension: 4 });
    globalThis.collection.on('change', (change) =>
      globalThis.heard.push({ ...change, at: Date.now() }),
    );
  }, name);
  return page;
}

/** Inserts `count` rows with ids `${prefix}${i}`; resolves to when it was acknowledged. */
function insert(page: Page, prefix: string, count: number) {
  return page.evaluate(
    async ([name, rows]) => {
      const result = await globalThis.collection.insert(
        Array.from({ length: rows }, (_, i) => ({
          id: `${name}${i}`,
          vector: [1, i + 1, name.length, i % 5],
          metadata: { n: i },
          document: `document ${name}${i}`,
        })),
      );
      return { written: result.written, generation: result.generation, at: Date.now() };
    },
    [prefix, count] as const,
  );
}

const facts = (page: Page) =>
  page.evaluate(async () => ({
    size: globalThis.collection.size,
    count: await globalThis.collection.count(),
    writing: (await globalThis.collection.stats()).writing,
    hits: await globalThis.collection.search([1, 3, 2, 2], { k: 3, include: ['document'] }),
  }));

const settled = (page: Page, generation: number) =>
  page.waitForFunction(
    (wanted) => globalThis.heard.some((h) => h.generation >= wanted),
    generation,
  );

test('one_tab_writes_for_all_and_every_tab_sees_what_was_committed', async (t) => {
  const context = await chromium.browser.newContext();
  const first = await openTab(context, 'tabs');
  const second = await openTab(context, 'tabs');
  const own = await insert(first, 'a', 500);
  await settled(second, own.generation);
  const [heard] = await second.evaluate(() => globalThis.heard);
  assert.deepEqual(
    [heard?.generation, heard?.operation, heard?.written],
    [own.generation, 'insert', 500],
  );
  t.diagnostic(
    `another tab has the batch ${(heard?.at ?? 0) - own.at} ms after its acknowledgement`,
  );

  const forwarded = await insert(second, 'b', 500);
  assert.equal(forwarded.written, 500);
  // Who writes sees it at once, and so does who has asked for it.
  const [one, two] = [await facts(first), await facts(second)];
  assert.deepEqual([one.size, two.size, one.count, two.count], [1000, 1000, 1000, 1000]);
  assert.deepEqual([one.writing, two.writing], [true, false]);
  assert.deepEqual(two.hits, one.hits);
  assert.match(two.hits[0]?.document ?? '', /^document /);

  const refused = await second.evaluate(async () => {
    const bad = [{ id: 'a1', vector: [1, 2, 3, 4], metadata: { n: 0 } }];
    return globalThis.collection.insert(bad).then(
      () => 'written',
      (error: { errors: { index: number; code: string }[] }) => error.errors,
    );
  });
  assert.deepEqual(
    (refused as { index: number; code: string }[]).map(({ index, code }) => [index, code]),
    [[0, 'DUPLICATE_ID']],
  );
  const deleted = await second.evaluate(async () =>
    globalThis.collection.delete({ where: { n: { $gte: 250 } } }),
  );
  assert.equal(deleted.written, 500);
  await settled(first, deleted.generation);
  assert.equal((await facts(first)).count, 500);

  await first.evaluate(() => globalThis.collection.close());
  const later = await insert(second, 'c', 10);
  assert.equal(later.written, 10);
  assert.deepEqual((await facts(second)).writing, true);
  await context.close();
});

test('when_the_writing_tab_dies_another_takes_over_and_no_batch_is_lost_or_doubled', async () => {
  const context = await chromium.browser.newContext();
  const tabs = [await openTab(context, 'heirs')];
  for (let i = 1; i < 3; i++) tabs.push(await openTab(context, 'heirs'));
  for (let round = 0; round < 3; round++) {
    const [writer, ...readers] = tabs;
    assert.ok(writer);
    // Each acknowledged batch of the readers is there in the end, each once; the writer dies in between.
    const acknowledged = readers.map((page, at) =>
      page.evaluate(
        async ([from, batches]) => {
          let generation = 0;
          for (let i = 0; i < batches; i++) {
            const rows = Array.from({ length: 20 }, (_, row) => ({
              id: `${from}-${i}-${row}`,
              vector: [1, i + 1, row, 2],
              metadata: { n: i },
            }));
            ({ generation } = await globalThis.collection.insert(rows));
          }
          return generation;
        },
        [`r${round}-${at}`, 15] as const,
      ),
    );
    await writer.waitForTimeout(40 + 30 * round);
    await crash(context, writer);
    const generations = await Promise.all(acknowledged);
    tabs.shift();
    tabs.push(await openTab(context, 'heirs'));
    const expected = (round + 1) * 2 * 15 * 20;
    for (const page of tabs) {
      await page.waitForFunction((wanted) => globalThis.collection.size === wanted, expected);
    }
    assert.equal(Math.max(...generations), (round + 1) * 2 * 15);
    const roles = await Promise.all(tabs.map(async (page) => (await facts(page)).writing));
    assert.equal(roles.filter(Boolean).length, 1);
    // The next round begins with the one that writes.
    tabs.unshift(...tabs.splice(roles.indexOf(true), 1));
  }
  await context.close();
});

test('without_web_locks_the_tab_whose_state_is_old_gets_a_conflict_and_nothing_is_overwritten', async () => {
  const context = await chromium.browser.newContext();
  await context.route(/\/worker(-single)?\.js$/, async (route) => {
    const response = await route.fetch();
    const body = `Object.defineProperty(navigator, 'locks', { value: undefined });
      globalThis.BroadcastChannel = undefined;
      ${await response.text()}`;
    await route.fulfill({ response, body });
  });
  const first = await openTab(context, 'unlocked');
  const second = await openTab(context, 'unlocked');
  assert.equal((await insert(first, 'a', 10)).written, 10);
  assert.equal((await insert(second, 'b', 10)).written, 10);
  const code = await insert(first, 'c', 10).catch((error: Error) => error.message);
  assert.match(String(code), /another tab writes to it now/);
  // The tab has read what the other wrote by then, and can go on.
  assert.equal((await insert(first, 'd', 10)).written, 10);
  assert.equal((await facts(first)).count, 30);
  const third = await openTab(context, 'unlocked');
  assert.equal((await facts(third)).count, 30);
  await context.close();
});

test('a_collection_that_one_tab_destroys_is_closed_in_the_others', async () => {
  const context = await chromium.browser.newContext();
  const first = await openTab(context, 'ended');
  const second = await openTab(context, 'ended');
  await insert(first, 'a', 10);
  await second.evaluate(async () => (await kindex()).Collection.destroy('ended'));
  for (const page of [first, second]) {
    const code = await page.evaluate(() =>
      globalThis.collection.count().catch((error: { code: string }) => error.code),
    );
    assert.equal(code, 'CLOSED');
  }
  const third = await openTab(context, 'ended');
  assert.equal((await facts(third)).count, 0);
  await context.close();
});
