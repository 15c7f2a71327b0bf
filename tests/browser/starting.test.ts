import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type count, insert, open, pageWith } from './faulty.js';
import { askOwnWorker, openPage, testsInChromium } from './support.js';

/** What keeps an engine from starting as it should, in a page that may have threads. */
const chromium = testsInChromium(true);

const threads = async (page: Parameters<typeof count>[0]) =>
  (await page.evaluate(() => globalThis.faulty.stats())).threads;

for (const [name, script] of [
  ['whose_script_throws', "throw new Error('no thread today')"],
  ['that_never_answers', ''],
] as const) {
  test(`without_a_pool_${name}_the_engine_starts_with_one_thread`, async () => {
    const context = await chromium.browser.newContext();
    await context.route('**/thread.js', (route) =>
      route.fulfill({
        body: script,
        contentType: 'text/javascript',
        headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
      }),
    );
    // The first worker of a page is the engine's, the others are the threads of its pool.
    await context.addInitScript(`
      let workers = 0;
      globalThis.Worker = class extends Worker {
        constructor(script, options) {
          super(workers++ === 0 ? script : '/thread.js', options);
        }
      };`);
    const page = await openPage(context, chromium.url);
    assert.equal(await open(page), 0);
    assert.equal(await threads(page), 1);
    assert.equal(await insert(page, 0, 100), 100);
    await page.reload();
    assert.equal(await open(page), 100);
    await context.close();
  });
}

test('where_no_memory_can_be_shared_the_engine_starts_with_one_thread', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(
    context,
    chromium.url,
    `WebAssembly.Memory = class extends WebAssembly.Memory {
       constructor(given) {
         if (given.shared) throw new RangeError('could not allocate memory');
         super(given);
       }
     };`,
  );
  assert.equal(await open(page), 0);
  assert.equal(await threads(page), 1);
  assert.equal(await insert(page, 0, 10), 10);
  await context.close();
});

// While messages wait for a worker, Firefox may never return from `new Worker` in it.
test('threads_of_the_pool_are_started_by_the_page_and_not_by_the_worker_of_the_engine', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(context, chromium.url, 'delete globalThis.Worker;');
  assert.equal(await open(page), 0);
  assert.ok((await threads(page)) > 1);
  await context.close();
});

test('a_worker_of_the_page_has_threads_too', async () => {
  const context = await chromium.browser.newContext();
  const page = await openPage(context, chromium.url);
  assert.deepEqual(await page.evaluate(askOwnWorker), ['v10', 'threads', 'indexeddb']);
  await context.close();
});

test('a_thread_that_traps_ends_the_engine_that_waits_for_it', async () => {
  const context = await chromium.browser.newContext();
  const page = await pageWith(
    context,
    chromium.url,
    `WebAssembly.Instance = class extends WebAssembly.Instance {
       constructor(...given) {
         super(...given);
         const trap = () => { throw new WebAssembly.RuntimeError('unreachable'); };
         Object.defineProperty(this, 'exports', { value: { ...this.exports, wbg_rayon_start_worker: trap } });
       }
     };`,
  );
  assert.equal(await open(page), 0);
  const failure = page.evaluate(() => globalThis.faulty.stats().catch((thrown) => String(thrown)));
  assert.match(String(await failure), /CRASHED|a thread of its pool has trapped/);
  await context.close();
});

test('a_worker_script_that_fails_is_unsupported_and_the_next_attempt_begins_anew', async () => {
  const context = await chromium.browser.newContext();
  const script = /\/worker(-single)?\.js$/;
  for (const answer of [
    { status: 404, body: 'not found' },
    { contentType: 'text/javascript', body: "throw new Error('broken')" },
    { contentType: 'text/javascript', body: 'this is no script' },
  ]) {
    await context.route(script, (route) => route.fulfill(answer));
    const page = await openPage(context, chromium.url);
    assert.match(String(await open(page)), /^UNSUPPORTED the engine does not start/);
    await context.unroute(script);
    assert.equal(await open(page), 0);
    await page.close();
  }
  await context.close();
});
