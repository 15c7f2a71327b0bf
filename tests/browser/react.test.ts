import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { provideModules } from '../../scripts/consumers.mjs';
import { pkg, root } from '../../scripts/paths.mjs';
import type { App } from './react/app.js';
import { launchChromium, serveFolders } from './support.js';

declare const app: App;

let browser: Browser;
let server: Awaited<ReturnType<typeof serveFolders>>;

/** The React that the hooks are developed with, and the oldest that they are for. */
const VERSIONS = ['react_19', 'react_18'] as const;
type Version = (typeof VERSIONS)[number];

before(async () => {
  const old = await provideModules(join(root, 'tests', 'browser', 'react18'), 'React 18');
  const folders = {
    react_19: await bundle('react_19', root),
    react_18: await bundle('react_18', old),
  };
  [browser, server] = await Promise.all([
    launchChromium(),
    serveFolders({ '/react_19/': folders.react_19, '/react_18/': folders.react_18 }, false),
  ]);
});
after(async () => {
  await Promise.all([browser?.close(), server?.close()]);
});

/** The page with the React of a folder's `node_modules`. */
async function bundle(version: Version, modules: string): Promise<string> {
  const folder = join(root, 'target', 'react-test', version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="app.js"></script>',
  );
  await build({
    entryPoints: [join(root, 'tests', 'browser', 'react', 'app.ts')],
    outfile: join(folder, 'app.js'),
    bundle: true,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'warning',
    plugins: [
      {
        // The hooks as they are published, and the one package that they and the page import.
        name: 'the-built-package',
        setup({ onResolve, resolve }) {
          onResolve({ filter: /^react(-dom)?(\/|$)/ }, ({ path, kind, pluginData }) =>
            pluginData === version
              ? undefined
              : resolve(path, { kind, resolveDir: modules, pluginData: version }),
          );
          onResolve({ filter: /^kindex$/ }, () => ({ path: '/kindex/index.js', external: true }));
          onResolve({ filter: /^kindex\/react$/ }, () => ({ path: join(pkg, 'react.js') }));
        },
      },
    ],
  });
  return folder;
}

/** A page of its own storage; complaints of React and uncaught errors fail the test. */
async function open(
  context: BrowserContext,
  version: Version,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(`${server.url}${version}/`);
  return { page, complaints };
}

/** A paragraph without hits has no size, and counts as hidden. */
const ATTACHED = { state: 'attached', timeout: 10_000 } as const;

const ready = (page: Page) => page.waitForSelector('p[data-loading=false]', ATTACHED);
const shows = (page: Page, text: string) =>
  page.waitForFunction((wanted) => document.querySelector('p')?.textContent === wanted, text, {
    timeout: 10_000,
  });
const counts = (page: Page) => page.evaluate(() => app.counts());

function inPage(expectation: string, work: (page: Page) => Promise<void>): void {
  for (const version of VERSIONS) {
    test(`${expectation}_in_${version}`, async () => {
      const context = await browser.newContext();
      const { page, complaints } = await open(context, version);
      assert.ok((await page.evaluate(() => app.react)).startsWith(version.slice(-2)));
      await work(page);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}

inPage('results_appear_and_follow_the_collection', async (page) => {
  await ready(page);
  // Mounted twice by StrictMode, opened once.
  assert.equal((await counts(page)).opened, 1);
  await page.evaluate(() => app.insert([1, 5, 9]));
  await page.evaluate(() => app.set({ query: [1, 6, 0, 0] }));
  await shows(page, 'n5,n9,n1');
  await page.evaluate(() => app.insert([6]));
  await shows(page, 'n6,n5,n9');
  await page.evaluate(() => app.delete(['n5', 'n6']));
  await shows(page, 'n9,n1');
  await page.evaluate(() => app.insertElsewhere(7));
  await shows(page, 'n7,n9,n1');
  await page.evaluate(() => app.set({ query: undefined }));
  await shows(page, '');
});

inPage('what_is_written_inline_is_searched_for_once', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1, 2]));
  await page.evaluate(() => app.set({ query: [1, 2, 0, 0] }));
  await shows(page, 'n2,n1');
  const before = (await counts(page)).searches;
  for (let i = 0; i < 10; i++) await page.evaluate(() => app.set({ query: [1, 2, 0, 0] }));
  assert.deepEqual(await counts(page), { searches: before, opened: 1 });
  await page.evaluate(() => app.set({ least: 2 }));
  await shows(page, 'n2');
  assert.equal((await counts(page)).searches, before + 1);
  await page.evaluate(() => app.set({ live: false }));
  await page.evaluate(() => app.insert([3]));
  await page.evaluate(() => app.set({ live: false }));
  await shows(page, 'n2');
  await page.evaluate(() => app.set({ live: true }));
  await shows(page, 'n2,n3');
});

inPage('a_late_answer_does_not_replace_that_of_a_later_query', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1, 2, 8, 9]));
  await page.evaluate(() => app.set({ query: 'slow 1' }));
  await page.waitForFunction(() => app.awaits('slow 1'));
  await page.evaluate(() => app.set({ query: 'fast 9' }));
  await shows(page, 'n9,n8,n2');
  await page.evaluate(() => app.release('slow 1'));
  // The page asks something itself, and its answer comes after that of the released question.
  await page.evaluate(() => app.insert([100]));
  await page.evaluate(() => app.set({ query: 'fast 8' }));
  await shows(page, 'n8,n9,n2');
  assert.deepEqual(await page.evaluate(() => app.shown()), ['', 'n9,n8,n2', 'n8,n9,n2']);
});

inPage('typing_is_waited_for', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1, 2, 3]));
  await page.evaluate(() => app.set({ debounce: 200 }));
  const before = (await counts(page)).searches;
  await page.evaluate(async () => {
    for (const n of [1, 2, 3]) {
      app.set({ query: `word ${n}` });
      await new Promise((resolve) => setTimeout(resolve));
    }
  });
  await shows(page, 'n3,n2,n1');
  assert.equal((await counts(page)).searches, before + 1);
});

inPage('a_search_that_fails_says_why_and_the_next_one_works', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1]));
  await page.evaluate(() => app.set({ query: [1, 2] }));
  await shows(page, 'DIMENSION_MISMATCH ');
  await page.evaluate(() => app.set({ query: [1, 1, 0, 0] }));
  await shows(page, 'n1');
});

inPage('an_unmounted_component_lets_go_and_comes_back', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1, 2]));
  await page.evaluate(() => app.set({ query: 'slow 2' }));
  await page.waitForFunction(() => app.awaits('slow 2'));
  await page.evaluate(() => app.set({ mounted: false }));
  await page.evaluate(() => app.release('slow 2'));
  const isHeld = () =>
    page.evaluate(async () => {
      const { held = [] } = await navigator.locks.query();
      return held.some(({ name }) => name?.includes('notes'));
    });
  while (await isHeld()) await page.waitForTimeout(20);
  await page.evaluate(() => app.set({ mounted: true, query: [1, 2, 0, 0] }));
  await shows(page, 'n2,n1');
  assert.equal(await isHeld(), true);
  // Gone and back faster than it closes.
  for (let i = 0; i < 5; i++) {
    await page.evaluate(() => app.set({ mounted: false }));
    await page.evaluate(() => app.set({ mounted: true }));
  }
  await shows(page, 'n2,n1');
});

inPage('components_share_a_collection_and_another_name_is_another', async (page) => {
  await page.evaluate(() => app.set({ copies: 3 }));
  await ready(page);
  await page.evaluate(() => app.insert([4]));
  await page.evaluate(() => app.set({ query: [1, 4, 0, 0] }));
  await page.waitForFunction(() => document.querySelector('main')?.textContent === 'n4n4n4');
  assert.equal((await counts(page)).opened, 1);
  await page.evaluate(() => app.set({ copies: 1, name: 'others' }));
  await ready(page);
  await shows(page, '');
  await page.evaluate(() => app.set({ name: 'notes' }));
  await shows(page, 'n4');
});

inPage('a_collection_that_can_not_be_opened_says_why_and_is_tried_again', async (page) => {
  await ready(page);
  await page.evaluate(() => app.insert([1]));
  await page.evaluate(() => app.set({ metric: 'cosine', query: [1, 1, 0, 0] }));
  await shows(page, 'INVALID_ARGUMENT ');
  const { opened } = await counts(page);
  await page.click('p');
  await page.waitForFunction((before) => app.counts().opened > before, opened);
  await shows(page, 'INVALID_ARGUMENT ');
  await page.evaluate(() => app.set({ metric: 'euclidean' }));
  await shows(page, 'n1');
});
