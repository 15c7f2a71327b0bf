import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveTorture } from '../torture/browsers.js';
import { kills } from '../torture/kills.js';
import { quota } from '../torture/quota.js';
import { tabs } from '../torture/tabs.js';
import { Tally } from '../torture/tally.js';

/** A short run of `npm run torture`. A failure prints the seed with which that repeats it. */
const seed = Date.now() % 1_000_000;

for (const [name, run] of [
  ['kills_in_chromium', (url, tally) => kills('chromium', url, 6, seed, tally)],
  ['kills_in_firefox', (url, tally) => kills('firefox', url, 1, seed, tally)],
  ['a_full_quota_in_chromium', (url, tally) => quota('chromium', url, 4, seed, tally)],
  ['a_full_quota_in_firefox', (url, tally) => quota('firefox', url, 2, seed, tally)],
  ['the_death_of_the_writing_tab', (url, tally) => tabs(url, 400, 2, seed, tally)],
] as [string, (url: string, tally: Tally) => Promise<void>][]) {
  test(`nothing_is_lost_by_${name}`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const server = await serveTorture(true);
    const tally = new Tally();
    try {
      await run(server.url, tally);
    } finally {
      await server.close();
      t.diagnostic(tally.table());
    }
    assert.deepEqual(tally.failures, []);
  });
}
