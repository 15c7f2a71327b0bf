/** `npm run torture`: see {@link HELP}. */
import { parseArgs } from 'node:util';
import { type Kind, serveTorture } from './browsers.js';
import { kills } from './kills.js';
import { quota } from './quota.js';
import { tabs } from './tabs.js';
import { Tally } from './tally.js';

const HELP = `npm run torture -- [options]

  --rounds N      kills (default 20); as many quota failures, and for the tabs 20 writes a round
  --only NAME     kills, quota or tabs (may be repeated; default all)
  --browser NAME  chromium or firefox (may be repeated; default both)
  --seed N        repeats a run's choices; the default is printed. From 1000000 on records are long,
                  and checkpoints are written beside batches. Odd ones have threads

Writes mixed batches in real browsers and ends them: tab crash, SIGKILL of the page's process or of the
whole browser, termination of the worker, reload, a full quota. Afterwards everything that was
acknowledged must be there, no batch in part, and every search must find what it looks for.`;

/** Runs what the arguments ask for. Resolves to whether nothing was wrong. */
export async function torture(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '20' },
      only: { type: 'string', multiple: true, default: ['kills', 'quota', 'tabs'] },
      browser: { type: 'string', multiple: true, default: ['chromium', 'firefox'] },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  console.log(`torture: seed ${seed}, ${rounds} rounds`);
  const tally = new Tally();
  const server = await serveTorture(seed % 2 === 1);
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (thrown) {
      tally.failures.push(`${what}: ${thrown instanceof Error ? thrown.stack : thrown}`);
    }
    console.log(`\n${tally.table()}`);
  };
  try {
    for (const kind of values.browser as Kind[]) {
      if (values.only.includes('kills'))
        await attempt(`${kind} kills`, () => kills(kind, server.url, rounds, seed, tally));
      if (values.only.includes('quota'))
        await attempt(`${kind} quota`, () => quota(kind, server.url, rounds, seed, tally));
    }
    if (values.only.includes('tabs') && values.browser.includes('chromium')) {
      const deaths = Math.ceil(rounds / 25);
      await attempt('tabs', () => tabs(server.url, rounds * 20, deaths, seed, tally));
    }
  } finally {
    await server.close();
  }
  for (const failure of tally.failures) console.error(failure);
  console.log(
    tally.failures.length === 0 ? '\nnothing lost' : `\n${tally.failures.length} failures`,
  );
  return tally.failures.length === 0;
}
