import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumFlags, findBrowser } from '../scripts/browsers.mjs';

/**
 * Runs `work` with a page of a Chromium of its own, whose new profile is on disk, in the system's folder for temporary
 * files. In a context of `browser.newContext()` Chromium keeps IndexedDB in memory: nothing is durable there, and
 * nothing waits for a disk.
 */
export async function withFreshProfile(work) {
  const profile = await mkdtemp(join(tmpdir(), 'kindex-bench-'));
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: findBrowser('chromium'),
      args: chromiumFlags,
    });
    try {
      const page = context.pages()[0] ?? (await context.newPage());
      page.on('pageerror', (error) => console.error('page:', error.message));
      return await work(page);
    } finally {
      await context.close();
    }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** The version of that Chromium. */
export const chromiumVersion = () =>
  withFreshProfile(async (page) => {
    const session = await page.context().newCDPSession(page);
    const { product } = await session.send('Browser.getVersion');
    return product.split('/')[1];
  });
