// The demo as a visitor meets it: from an empty profile to an answer, back after a reload, and without a model.
// Screenshots go to test-results/.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { provideBrowser } from '../../scripts/browsers.mjs';
import { siteFolders } from '../../scripts/build-site.mjs';
import { modelIsComplete } from '../../scripts/fetch-model.mjs';
import { root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';
import { readTexts, readVectorFile, unitVectors } from '../../www/wordnet.js';

const MINUTE = 60_000;
const COBBLER = 'n09952556';
const results = join(root, 'test-results');
const noModel = modelIsComplete()
  ? false
  : 'the sentence model is not here: node scripts/fetch-model.mjs';

let server: { url: string; close(): Promise<void> };
let browser: Browser;

before(async () => {
  mkdirSync(results, { recursive: true });
  server = await serve(siteFolders);
  browser = await chromium.launch({
    executablePath: await provideBrowser('chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

describe('the demo page', () => {
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let requests: string[];

  before(async () => {
    context = await browser.newContext({
      viewport: { width: 1200, height: 900 },
      colorScheme: 'light',
    });
    ({ page, complaints, requests } = await watchedPage(context));
  });

  after(() => context?.close());

  test('an empty profile is filled in batches', { timeout: 2 * MINUTE }, async () => {
    await page.goto(server.url);
    await page.locator('#progress').waitFor();
    await page.locator('#state', { hasText: 'Stored 27,210 words' }).waitFor({ timeout: MINUTE });
    assert.equal(await page.locator('#progress').isHidden(), true);
    assert.equal(await fact(page, 'words'), '27,210');
    assert.equal(await fact(page, 'storage'), 'IndexedDB');
    assert.ok(
      Number(await fact(page, 'threads')) > 1,
      'an isolated page uses more than one thread',
    );
  });

  test('a description finds its word', { timeout: MINUTE, skip: noModel }, async () => {
    await ask(page, 'a person who repairs shoes');
    const ids = await entryIds(page);
    assert.ok(
      ids.slice(0, 5).includes(COBBLER),
      `cobbler is not among the first five: ${ids.slice(0, 5)}`,
    );
    assert.match(
      (await page.locator('#announcement').textContent()) ?? '',
      /24 words found, first: cobbler/,
    );
    await page.screenshot({ path: join(results, 'demo-light.png') });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: join(results, 'demo-dark.png') });
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('the model in the page makes the vectors that are stored', {
    timeout: MINUTE,
    skip: noModel,
  }, async () => {
    const data = (name: string) => new Uint8Array(readFileSync(join(root, 'www', 'data', name)));
    const file = readVectorFile(data('vectors.bin'));
    const texts = await readTexts(data('synsets.json.gz'));
    const row = texts.ids.indexOf(COBBLER);
    const start = row * file.dimension;
    const stored = unitVectors(file.codes.slice(start, start + file.dimension), file.dimension);
    const embedded = await embedInPage(page, `${texts.words[row]}: ${texts.glosses[row]}`);
    assert.equal(embedded.length, stored.length);
    const cosine = embedded.reduce((sum, value, i) => sum + value * (stored[i] ?? 0), 0);
    assert.ok(cosine > 0.98, `the cosine of stored and embedded vector is ${cosine}`);
  });

  test('filters narrow what is found', { timeout: MINUTE, skip: noModel }, async () => {
    await ask(page, 'to walk slowly and without purpose');
    await page.getByRole('radio', { name: 'verb', exact: true }).check();
    await page.waitForFunction(() => {
      const parts = [...document.querySelectorAll('.entry .pos')];
      return parts.length > 0 && parts.every((part) => part.textContent === 'v.');
    });
    const domains = await page
      .locator('#domain optgroup')
      .evaluateAll((all) => all.map((each) => each.getAttribute('label')));
    assert.deepEqual(domains, ['verbs']);
    await page.getByLabel('Domain').selectOption('verb.motion');
    await page.waitForFunction(() => {
      const names = [...document.querySelectorAll('.entry .domain-name')];
      return names.length > 0 && names.every((name) => name.textContent === 'motion');
    });
    await page.getByRole('radio', { name: 'all' }).check();
    await page.getByLabel('Domain').selectOption('');
  });

  test('a phone shows it without sideways scrolling', {
    timeout: MINUTE,
    skip: noModel,
  }, async () => {
    await page.setViewportSize({ width: 360, height: 760 });
    await ask(page, 'a person who repairs shoes');
    await page.screenshot({ path: join(results, 'demo-phone.png') });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    await page.setViewportSize({ width: 1200, height: 900 });
  });

  test('a reload opens the words from the device, without fetching them', {
    timeout: MINUTE,
  }, async () => {
    requests.length = 0;
    await page.reload();
    await page.locator('#state', { hasText: /^Opened 27,210 words from this device/ }).waitFor();
    assert.deepEqual(
      requests.filter((url) => url.includes('/data/')),
      [],
    );
    assert.equal(await fact(page, 'words'), '27,210');
  });

  test('similar words are found from the keyboard', {
    timeout: MINUTE,
    skip: noModel,
  }, async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('a person who repairs shoes');
    const first = page.getByRole('button', { name: 'Words similar to cobbler' });
    await first.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Words like cobbler' }).waitFor();
    const ids = await entryIds(page);
    assert.ok(ids.length > 5 && !ids.includes(COBBLER), 'a word is not similar to itself');
  });

  test('clearing asks first, and then builds the dictionary again', {
    timeout: 2 * MINUTE,
  }, async () => {
    const button = page.getByRole('button', { name: 'Clear and rebuild…' });
    await button.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.match((await page.locator('#state').textContent()) ?? '', /^Opened/);

    requests.length = 0;
    await button.press('Enter');
    await page.getByRole('button', { name: 'Clear and rebuild', exact: true }).press('Enter');
    await page.locator('#state', { hasText: 'Stored 27,210 words' }).waitFor({ timeout: MINUTE });
    assert.ok(
      requests.some((url) => url.endsWith('/data/vectors.bin')),
      'the vectors were fetched again',
    );
  });

  test('nothing was refused by the policy or complained of', () => {
    assert.deepEqual(complaints, []);
  });
});

describe('the demo page without a sentence model', () => {
  test('says so, and finds words like a given one', { timeout: 2 * MINUTE }, async () => {
    const context = await browser.newContext();
    await context.route(/\/models\/|huggingface\.co|hf\.co/, (route) =>
      route.fulfill({ status: 404 }),
    );
    try {
      const page = await context.newPage();
      await page.goto(server.url);
      await page.locator('#state', { hasText: 'Stored 27,210 words' }).waitFor({ timeout: MINUTE });
      await page
        .locator('#query-note', { hasText: 'no sentence model' })
        .waitFor({ timeout: MINUTE });
      await ask(page, 'cobbler');
      const ids = await entryIds(page);
      assert.ok(ids.length > 5 && !ids.includes(COBBLER));
      await page.getByRole('searchbox').fill('xyzzyx');
      await page.getByRole('heading', { name: 'No such word' }).waitFor();
    } finally {
      await context.close();
    }
  });
});

/** A page that writes down errors, refusals of its policy, and what it asks the server for. */
async function watchedPage(context: BrowserContext) {
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  context.on('request', (request) => requests.push(request.url()));
  await page.exposeFunction('noteViolation', (violation: string) => complaints.push(violation));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      const { noteViolation } = globalThis as unknown as { noteViolation(violation: string): void };
      noteViolation(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  return { page, complaints, requests };
}

/** Asks, and waits for the answer. Enter does not wait for the typing to rest. */
async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole('searchbox').fill(text);
  await page.getByRole('searchbox').press('Enter');
  await page.locator('#answer[aria-busy="false"] .entry').first().waitFor({ timeout: MINUTE });
}

function entryIds(page: Page): Promise<string[]> {
  return page
    .locator('.entry')
    .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.id ?? ''));
}

function fact(page: Page, name: string): Promise<string | null> {
  return page
    .locator('#facts div', { has: page.getByText(name, { exact: true }) })
    .locator('dd')
    .textContent();
}

/** One text through the demo's own worker. */
function embedInPage(page: Page, text: string): Promise<number[]> {
  return page.evaluate(async (input) => {
    const worker = new Worker(new URL('embed.worker.js', location.href), { type: 'module' });
    try {
      const answer = await new Promise<{ output?: { vectors: Float32Array }; failure?: string }>(
        (resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage({ call: 1, input: [input] });
        },
      );
      if (!answer.output) throw new Error(answer.failure);
      return [...answer.output.vectors];
    } finally {
      worker.terminate();
    }
  }, text);
}
