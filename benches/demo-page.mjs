// Measures the demo page as built by `npm start` or `npm test`, in Chromium: filling an empty profile, the page's
// long tasks meanwhile, and opening it again.
//
//   node benches/demo-page.mjs [rounds]
import { cpus } from 'node:os';
import { siteFolders } from '../scripts/build-site.mjs';
import { serve } from '../scripts/serve.mjs';
import { chromiumVersion, withFreshProfile } from './profile.mjs';

const rounds = Number(process.argv[2] ?? 5);
const server = await serve(siteFolders);
console.log(
  `${cpus().length} cores, Chromium ${await chromiumVersion()}, ${rounds} rounds, median (least to most)`,
);

try {
  const results = [];
  for (let round = 0; round < rounds; round++) results.push(await withFreshProfile(measure));
  for (const name of Object.keys(results[0])) {
    const values = results.map((result) => result[name]).sort((a, b) => a - b);
    const shown = values.map((value) => value.toFixed(0));
    const median = shown[Math.floor(values.length / 2)];
    console.log(`${name.padEnd(52)} ${median.padStart(6)}   (${shown[0]} to ${shown.at(-1)})`);
  }
} finally {
  await server.close();
}

async function measure(page) {
  await page.addInitScript(observe);
  await page.goto(server.url);
  await page.locator('#state', { hasText: /^Stored/ }).waitFor({ timeout: 120_000 });
  const filled = await page.evaluate(() => globalThis.demoMarks);
  // The next visit comes after the checkpoint, which is written when nothing else has been for a second.
  await page.waitForTimeout(6000);
  await page.goto('about:blank');
  await page.goto(server.url);
  await page.locator('#state', { hasText: /^Opened/ }).waitFor({ timeout: 60_000 });
  await page.getByRole('searchbox').fill('a person who repairs shoes');
  await page.locator('.entry').first().waitFor({ timeout: 60_000 });
  const opened = await page.evaluate(() => globalThis.demoMarks);
  return {
    'first visit: page start to all stored, ms': filled.stored,
    'first visit: inserting and committing alone, ms': filled.stored - filled.began,
    'first visit: long tasks of the page over 50 ms': filled.long.length,
    'first visit: longest of them, ms (0 = none)': Math.max(0, ...filled.long),
    'later visit: page start to open, ms': opened.opened,
    'later visit: page start to first described answer, ms': opened.answered,
  };
}

/** Runs in the page before its scripts: notes long tasks, and when the page first says what. */
function observe() {
  const marks = { long: [] };
  globalThis.demoMarks = marks;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) marks.long.push(duration);
  }).observe({ type: 'longtask', buffered: true });
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver(() => {
      const state = document.getElementById('state').textContent;
      if (state.startsWith('Storing')) marks.began ??= performance.now();
      if (state.startsWith('Stored')) marks.stored ??= performance.now();
      if (state.startsWith('Opened')) marks.opened ??= performance.now();
      if (document.querySelector('.entry')) marks.answered ??= performance.now();
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}
