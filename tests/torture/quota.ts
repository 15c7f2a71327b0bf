/** Lets storage run full at random places, and compares memory with what a reload finds. */
import type { Page } from 'puppeteer-core';
import { type Kind, Victim, within } from './browsers.js';
import type { Tally } from './tally.js';
import { LONG_SEEDS, Model, randomFrom, sameDigest } from './workload.js';

const PATIENCE_MS = 180_000;
const NAME = 'full';
/**
 * All storage in Firefox, of which a site gets a fifth, at least 10 MB. It can't be changed while Firefox runs: it is
 * filled, and batches free some of it again. With less, Firefox evicts the site as soon as no page has it open.
 */
const FIREFOX_KIB = 50 * 1024;
/** Bytes that a site gets in Chromium: least, and at random on top of it. The log alone of long records takes 16 MB. */
const ROOM = [300_000, 3_000_000] as const;
const LONG_ROOM = [16_000_000, 24_000_000] as const;
/** Failures in a row before the next begins with nothing stored, and another limit. */
const SAME_ORIGIN = 5;

export async function quota(
  kind: Kind,
  url: string,
  rounds: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = randomFrom(seed + 1);
  const victim = new Victim(kind, url, {
    'dom.quotaManager.temporaryStorage.fixedLimit': FIREFOX_KIB,
  });
  try {
    for (let failures = 0; failures < rounds; failures += SAME_ORIGIN) {
      const model = new Model(seed + failures);
      const page = await victim.page(() => {}, true);
      const [least, span] = seed < LONG_SEEDS ? ROOM : LONG_ROOM;
      await limit(page, url, kind, least + random() * span);
      await openIn(page, model);
      for (let i = 0; i < Math.min(SAME_ORIGIN, rounds - failures); i++)
        await untilFull(victim, page, model, tally);
      await page.evaluate((name) => globalThis.torture.destroy(name), NAME);
      await page.browserContext().close();
    }
  } finally {
    await victim.close();
  }
}

/** Goes on with the run until storage is full, and compares. */
async function untilFull(victim: Victim, page: Page, model: Model, tally: Tally): Promise<void> {
  const row = `${victim.kind} quota`;
  let code = '';
  while (code === '') {
    code = await within(PATIENCE_MS, 'a batch', write(page, model));
    if (code === '') model.advance();
  }
  const what = `seed ${model.seed}, batch ${model.batches}`;
  if (!code.startsWith('QUOTA_EXCEEDED')) tally.fail(row, 'wrong', `${what} failed with ${code}`);
  tally.count(row, 'quota');
  const inMemory = await page.evaluate(() => globalThis.torture.digest());
  await victim.load(page);
  await openIn(page, model);
  const onDisk = await page.evaluate(() => globalThis.torture.digest());
  const expected = model.digest();
  for (const [where, found] of [
    ['memory', inMemory],
    ['storage', onDisk],
  ] as const) {
    if (sameDigest(found, expected)) continue;
    const text = `${what}: ${found.records} records in ${where}, ${expected.records} expected`;
    tally.fail(row, found.records < expected.records ? 'lost' : 'half', text);
    throw new Error(text);
  }
  // Passed over: the next batch, of another size, is refused at another place.
  model.skip();
}

function openIn(page: Page, model: Model): Promise<void> {
  return page.evaluate((name, seed) => globalThis.torture.open(name, seed), NAME, model.seed);
}

/** Writes the next batch. Resolves to code and message of its failure, or to nothing. */
function write(page: Page, model: Model): Promise<string> {
  return page.evaluate(
    (seed, batch) =>
      globalThis.torture.write(seed, batch).then(
        () => '',
        (thrown: { code?: string; message?: string }) => `${thrown.code} ${thrown.message}`,
      ),
    model.seed,
    model.batches,
  );
}

/** Leaves the site that much room. Chromium believes what it measured last for a while, so this comes first. */
async function limit(page: Page, url: string, kind: Kind, quotaSize: number): Promise<void> {
  if (kind === 'firefox') return;
  const session = await page.createCDPSession();
  const origin = new URL(url).origin;
  await session.send('Storage.overrideQuotaForOrigin', {
    origin,
    quotaSize: Math.floor(quotaSize),
  });
}
