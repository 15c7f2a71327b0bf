import { join } from 'node:path';
import { after, before } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumFlags, findBrowser } from '../../scripts/browsers.mjs';
import { pkg, root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';

/** The package as it was built, and an empty page, on the loopback. */
export function servePackage(isolated: boolean): Promise<{ url: string; close(): Promise<void> }> {
  return serveFolders({}, isolated);
}

/** The same with folders of a test's own, by the prefix of their addresses. */
export function serveFolders(
  folders: Record<string, string>,
  isolated = true,
): Promise<{ url: string; close(): Promise<void> }> {
  const page = join(root, 'tests', 'browser', 'page');
  return serve({ '/': page, '/kindex/': pkg, ...folders }, { isolated });
}

/** Chromium and the package's server, for all tests of the file that calls this. */
export function testsInChromium(isolated: boolean): {
  readonly browser: Browser;
  readonly url: string;
} {
  let started: readonly [Browser, { url: string; close(): Promise<void> }] | undefined;
  const get = () => {
    if (!started) throw new Error('the browser is there while tests run');
    return started;
  };
  before(async () => {
    started = await Promise.all([launchChromium(), servePackage(isolated)]);
  });
  after(async () => {
    await Promise.all(started?.map((part) => part.close()) ?? []);
  });
  return {
    get browser() {
      return get()[0];
    },
    get url() {
      return get()[1].url;
    },
  };
}

/** The built package in a page, where functions that a test evaluates can reach it. */
declare global {
  function kindex(): Promise<typeof import('../../ts/index.js')>;
}

/** Runs in every page first. The test runner compiles functions with a helper that keeps their names: `__name`. */
export const IN_PAGE = `
  globalThis.__name = (made) => made;
  globalThis.kindex = () => import('/kindex/index.js');
`;

/** Runs in a page: what a worker of the page's own says of its collection, while the page goes on sending messages. */
export function askOwnWorker(): Promise<unknown> {
  const worker = new Worker('/own-worker.js', { type: 'module' });
  const talking = setInterval(() => worker.postMessage('and another'), 1);
  return new Promise<unknown>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }).finally(() => {
    clearInterval(talking);
    worker.terminate();
  });
}

export function launchChromium(ignoreDefaultArgs: string[] = []): Promise<Browser> {
  const executablePath = findBrowser('chromium');
  if (!executablePath) throw new Error('Chromium is not installed: run npm test');
  return chromium.launch({ executablePath, ignoreDefaultArgs, args: chromiumFlags });
}

/** An open page of the server; what it reports as an error goes to the test's output. */
export async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.addInitScript(IN_PAGE);
  page.on('pageerror', (error) => console.error('page:', error.message));
  await page.goto(url);
  return page;
}

/** Ends the page's process; the page stays, dead. */
export async function crash(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  const crashed = new Promise((resolve) => page.once('crash', resolve));
  session.send('Page.crash').catch(() => {});
  await crashed;
}
