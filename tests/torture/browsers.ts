/** Browsers that can be killed: puppeteer drives both, and tells their process. */
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { findBrowser } from '../../scripts/browsers.mjs';
import { pkg, root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';

export type Kind = 'chromium' | 'firefox';

/** The package, an empty page, and the torture's own half. */
export async function serveTorture(
  isolated: boolean,
): Promise<{ url: string; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'kindex-torture-'));
  await build({
    entryPoints: [join(root, 'tests', 'torture', 'page.ts')],
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  const page = join(root, 'tests', 'browser', 'page');
  const server = await serve({ '/': page, '/kindex/': pkg, '/torture/': folder }, { isolated });
  return {
    url: server.url,
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A browser with a profile that outlives its processes. */
export class Victim {
  readonly kind: Kind;
  readonly #url: string;
  readonly #profile: string;
  readonly #preferences: Record<string, number | boolean>;
  readonly #heard = new WeakMap<Page, (what: string, value: string) => void>();
  #browser: Browser | undefined;

  constructor(kind: Kind, url: string, preferences: Record<string, number | boolean> = {}) {
    this.kind = kind;
    this.#url = url;
    this.#preferences = preferences;
    this.#profile = mkdtempSync(join(tmpdir(), `kindex-${kind}-`));
  }

  async browser(): Promise<Browser> {
    if (this.#browser?.connected) return this.#browser;
    const executablePath = findBrowser(this.kind);
    if (!executablePath) throw new Error(`${this.kind} is not installed: run npm test`);
    const chromium = this.kind === 'chromium';
    if (!chromium) await this.#restoreFiles();
    this.#browser = await puppeteer.launch({
      browser: chromium ? 'chrome' : 'firefox',
      executablePath,
      userDataDir: this.#profile,
      headless: true,
      handleSIGINT: false,
      extraPrefsFirefox: this.#preferences,
      args: chromium
        ? ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync']
        : [],
    });
    return this.#browser;
  }

  /** A page with the torture's half loaded; `apart` with storage of its own, which ends with its context. */
  async page(onSay: (what: string, value: string) => void, apart = false): Promise<Page> {
    const browser = await this.browser();
    const page = await (apart ? await browser.createBrowserContext() : browser).newPage();
    // Other work on the machine may make everything slow; that is no failure.
    page.setDefaultTimeout(120_000);
    this.listen(page, onSay);
    await page.exposeFunction('tortureHears', (what: string, value: string) =>
      this.#heard.get(page)?.(what, value),
    );
    await this.load(page);
    return page;
  }

  /** Hears what the page says from now on, instead of whoever heard it before. */
  listen(page: Page, onSay: (what: string, value: string) => void): void {
    this.#heard.set(page, onSay);
  }

  async load(page: Page): Promise<void> {
    await page.goto(this.#url);
    // As a text: the test runner compiles functions with a helper, `__name`, that is not in the page yet.
    await page.evaluate(
      `globalThis.__name = (made) => made;
       import('/torture/page.js').then((module) => { globalThis.torture = module; })`,
    );
  }

  /** Puppeteer backs up two files of a Firefox profile, fails without them, and takes a while to put them back. */
  async #restoreFiles(): Promise<void> {
    for (const file of ['user.js', 'prefs.js']) {
      const path = join(this.#profile, file);
      for (let i = 0; i < 40 && existsSync(`${path}.puppeteer`); i++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      appendFileSync(path, '');
    }
  }

  /** SIGKILL to the browser and all that belongs to it. */
  async kill(): Promise<void> {
    const child = this.#browser?.process();
    this.#browser = undefined;
    if (!child?.pid) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // Puppeteer starts the browser as the head of a process group of its own.
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
    await gone;
  }

  /** SIGKILL to the processes that run pages. */
  async killRenderers(): Promise<void> {
    const session = await (await this.browser()).target().createCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    for (const { type, id } of processInfo) {
      if (type !== 'renderer') continue;
      try {
        process.kill(id, 'SIGKILL');
      } catch {
        // It has ended by itself since.
      }
    }
    await session.detach();
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** What the promise gives, or a failure that says what took too long. */
export async function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: nothing after ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
