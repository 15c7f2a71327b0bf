import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { chromiumFlags } from '../../scripts/browsers.mjs';
import type {} from './page/page.js';
import type { Outcome, Task } from './page/task.js';

/** Runs tasks, each in a page of a browser of its own: nothing is warm, and its memory is its own. */

/** What a browser does on its own when it has started takes a third of the time of a short insertion. */
const SETTLE_MS = 1000;
/** The longest that a task may take. */
const LIMIT_MS = 15 * 60_000;

export interface Ran {
  readonly outcome: Outcome;
  /** The most memory that the page's process held, in bytes; undefined where the system does not say. */
  readonly peakBytes: number | undefined;
}

const launch = (executablePath: string) =>
  chromium.launch({ executablePath, args: chromiumFlags, headless: true });

export async function browserVersion(executablePath: string): Promise<string> {
  const browser = await launch(executablePath);
  const version = browser.version();
  await browser.close();
  return `Chromium ${version}`;
}

/** @throws Error with what the page reported, or that it took too long. */
export async function runInBrowser(executablePath: string, url: string, task: Task): Promise<Ran> {
  const browser = await launch(executablePath);
  try {
    const page = await browser.newPage();
    await sleep(SETTLE_MS);
    const said: string[] = [];
    page.on('pageerror', (error) => said.push(error.message));
    page.on('crash', () => said.push('the page has crashed'));
    await page.goto(url);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no end within ${LIMIT_MS / 60_000} min`)),
        LIMIT_MS,
      );
    });
    try {
      const outcome = await Promise.race([page.evaluate((what) => runTask(what), task), late]);
      return { outcome, peakBytes: await peakOfRenderers(browser) };
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown);
      throw new Error([message, ...said].join('; '));
    } finally {
      clearTimeout(timer);
    }
  } finally {
    await browser.close();
  }
}

/** Linux keeps the high-water mark of every process. */
async function peakOfRenderers(browser: Browser): Promise<number | undefined> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const peaks = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => {
      try {
        const status = readFileSync(`/proc/${id}/status`, 'utf8');
        return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
      } catch {
        return Number.NaN;
      }
    })
    .filter((bytes) => bytes > 0);
  return peaks.length > 0 ? Math.max(...peaks) : undefined;
}
