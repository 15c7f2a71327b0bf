/** Kills pages, workers, renderers and browsers while batches are written, and looks at what is left. */
import type { Page } from 'puppeteer-core';
import { type Kind, Victim, within } from './browsers.js';
import type { Tally } from './tally.js';
import { Model, randomFrom, sameDigest } from './workload.js';

const WAYS = {
  chromium: ['crash', 'renderer', 'worker', 'reload', 'browser'],
  firefox: ['reload', 'browser'],
} as const;
type Way = (typeof WAYS)[Kind][number];

/** Records after which a run begins anew: the point is many kills, not a large collection. */
const MOST_RECORDS = 12_000;
const PATIENCE_MS = 180_000;
const NAME = 'torture';

export async function kills(
  kind: Kind,
  url: string,
  rounds: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = randomFrom(seed);
  const victim = new Victim(kind, url);
  let model = new Model(seed);
  let page: Page | undefined;
  try {
    for (let round = 0; round < rounds; round++) {
      const ways = WAYS[kind];
      const way = ways[Math.floor(random() * ways.length)] as Way;
      if (model.records.size > MOST_RECORDS && page) {
        model = new Model(seed + round + 1);
        await page.evaluate(
          async (name, of) => {
            await globalThis.torture.destroy(name);
            await globalThis.torture.open(name, of);
          },
          NAME,
          model.seed,
        );
      }
      page = await oneKill(
        victim,
        page ?? (await openPage(victim, seed)),
        way,
        model,
        random,
        tally,
      );
      if ((round + 1) % 50 === 0) console.log(`\n${tally.table()}`);
    }
  } finally {
    await victim.close();
  }
}

/** A browser whose processes were just killed may hang before it has a page; then it is killed as a whole. */
async function newPage(victim: Victim): Promise<Page> {
  for (let tries = 0; ; tries++) {
    try {
      return await within(
        30_000,
        'a new page',
        victim.page(() => {}),
      );
    } catch (thrown) {
      if (tries === 3) throw thrown;
      await victim.kill();
    }
  }
}

async function openPage(victim: Victim, seed: number): Promise<Page> {
  const page = await newPage(victim);
  await open(page, seed, 'opening the first page');
  return page;
}

function open(page: Page, seed: number, what: string): Promise<void> {
  return within(
    PATIENCE_MS,
    what,
    page.evaluate((name, of) => globalThis.torture.open(name, of), NAME, seed),
  );
}

/**
 * Lets the run go on from where it is, kills it, and reads what is there. Resolves to a page that has it open, for
 * the next.
 */
async function oneKill(
  victim: Victim,
  before: Page,
  way: Way,
  model: Model,
  random: () => number,
  tally: Tally,
): Promise<Page> {
  let acknowledged = model.batches - 1;
  let failure: string | undefined;
  let page = before;
  victim.listen(page, (what, value) => {
    if (what === 'acknowledges') acknowledged = Number(value);
    else if (what === 'fails') failure = value;
  });
  page
    .evaluate((seed, from) => globalThis.torture.writeOn(seed, from), model.seed, model.batches)
    .catch(() => {});
  // Mostly early, when the first batches and the checkpoint fall; sometimes late.
  await new Promise((resolve) => setTimeout(resolve, 20 + random() ** 2 * 1500));
  await end(victim, page, way);
  tally.count(`${victim.kind} ${way}`, 'kills');

  // A page whose worker has ended gets another by itself, and may write on.
  if (way === 'worker')
    await within(
      PATIENCE_MS,
      'the last batch',
      page.evaluate(() => globalThis.torture.stop()),
    );
  victim.listen(page, () => {});
  if (way === 'crash' || way === 'renderer' || way === 'browser') {
    await shut(page);
    page = await newPage(victim);
  }
  if (way !== 'worker') await open(page, model.seed, `opening after ${way}`);
  const found = await within(
    PATIENCE_MS,
    `reading after ${way}`,
    page.evaluate(() => globalThis.torture.digest()),
  );
  // The page notices that its worker has ended, and says so to whoever waits.
  if (failure && !(way === 'worker' && failure.includes(' CRASHED ')))
    tally.fail(`${victim.kind} ${way}`, 'wrong', `batch ${failure}`);
  // What was acknowledged is there; the batch that was under way is there whole or not at all.
  while (model.batches <= acknowledged) model.advance();
  const same = () => sameDigest(model.digest(), found);
  if (!same()) model.advance();
  if (!same()) {
    const { records } = model.digest();
    const what = `seed ${model.seed}: ${found.records} records where batch ${acknowledged} was acknowledged and ${records} were expected of the next`;
    tally.fail(`${victim.kind} ${way}`, found.records < records ? 'lost' : 'half', what);
    throw new Error(what);
  }
  const wrong = await page.evaluate(
    (seed, count) => globalThis.torture.wrongAnswers(seed, count),
    model.seed,
    5,
  );
  if (wrong > 0)
    tally.fail(`${victim.kind} ${way}`, 'wrong', `seed ${model.seed}: ${wrong} searches`);
  return page;
}

/** Closes a page that may be dead, with its browser, and may then never answer. */
async function shut(page: Page): Promise<void> {
  if (!page.browser().connected) return;
  await within(5000, 'closing a page', page.close()).catch(() => {});
}

async function end(victim: Victim, page: Page, way: Way): Promise<void> {
  if (way === 'browser') return victim.kill();
  if (way === 'renderer') return victim.killRenderers();
  if (way === 'reload') return victim.load(page);
  const session = await page.createCDPSession();
  if (way === 'crash') {
    const crashed = new Promise((resolve) => page.once('error', resolve));
    session.send('Page.crash').catch(() => {});
    await within(PATIENCE_MS, 'the crash', crashed);
    return;
  }
  // Ends the engine's worker alone, from outside. It may be gone before it has answered.
  const [worker] = page.workers();
  await worker?.close().catch(() => {});
  await session.detach();
}
