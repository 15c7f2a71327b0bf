import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchChromium, openPage, servePackage } from './support.js';

let browser: Browser;
let server: Awaited<ReturnType<typeof servePackage>>;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), servePackage(true)]);
});
after(async () => {
  await Promise.all([browser?.close(), server?.close()]);
});

/** Runs in the page: opens the collection, does one thing, and says what view and filter find. */
async function step(what: string) {
  const { Collection } = await kindex();
  let state = what === 'insert' ? 11 : 7;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296 - 0.5;
  };
  const rows = (first: number, count: number) => ({
    ids: Array.from({ length: count }, (_, i) => `v${first + i}`),
    vectors: Float32Array.from({ length: count * 16 }, random),
    metadatas: Array.from({ length: count }, (_, i) => ({ third: i % 3 === 0, n: first + i })),
  });
  const where = { third: true };
  const collection = await Collection.open('views', { dimension: 16 });
  if (what === 'make') {
    await collection.insert(rows(0, 9000));
    await collection.createView('thirds', { where });
  }
  if (what === 'insert') {
    await collection.insert(rows(9000, 300));
    await collection.delete({ where: { n: { $lt: 600 } } });
  }
  if (what === 'make another')
    await collection.createView('late', { where: { n: { $gte: 9000 } } });
  if (what === 'drop') await collection.dropView('thirds');
  const views = (await collection.listViews()).map(({ name, size, graph }) => ({
    name,
    size,
    graph,
  }));
  const query = Float32Array.from({ length: 16 }, random);
  const found = await collection
    .search(query, { view: 'thirds', ef: 300 })
    .then((hits) => hits.map(({ id }) => id))
    .catch((thrown) => thrown.code as string);
  const wanted = (await collection.search(query, { where, exact: true })).map(({ id }) => id);
  const { writing } = await collection.stats();
  await collection.close();
  return { views, found, wanted, writing };
}

/** A graph need not find every one of the nearest. */
function near(found: string | string[], wanted: string[]) {
  const shared = wanted.filter((id) => found.includes(id)).length;
  assert.ok(found.length === 10 && shared >= 8, `${found}; ${wanted} was expected`);
}

test('a_view_lives_through_batches_reloads_and_other_tabs_until_it_is_dropped', async () => {
  const context = await browser.newContext();
  const page = await openPage(context, server.url);
  const made = await page.evaluate(step, 'make');
  assert.deepEqual(made.views, [{ name: 'thirds', size: 3000, graph: true }]);
  near(made.found, made.wanted);
  await page.reload();
  const grown = await page.evaluate(step, 'insert');
  assert.deepEqual(grown.views, [{ name: 'thirds', size: 2900, graph: true }]);
  near(grown.found, grown.wanted);

  // A tab that does not write: it sees the view, and makes another through the one that does.
  await page.evaluate(async () => {
    const { Collection } = await kindex();
    Object.assign(globalThis, { held: await Collection.open('views') });
  });
  const other = await openPage(context, server.url);
  const guest = await other.evaluate(step, 'make another');
  assert.equal(guest.writing, false);
  const late = { name: 'late', size: 300, graph: false };
  assert.deepEqual(guest.views, [...grown.views, late]);
  near(guest.found, guest.wanted);
  await page.reload();
  const looked = await page.evaluate(step, 'look');
  assert.deepEqual(looked, { ...guest, writing: true });
  const dropped = await page.evaluate(step, 'drop');
  assert.deepEqual(dropped.views, [late]);
  assert.equal(dropped.found, 'NOT_FOUND');
  await context.close();
});
