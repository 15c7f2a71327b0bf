/** Tabs that write in turn, while the one that writes for all is killed again and again. */
import type { Page } from 'puppeteer-core';
import { Victim, within } from './browsers.js';
import type { Tally } from './tally.js';
import { randomFrom } from './workload.js';

const PATIENCE_MS = 120_000;
const NAME = 'shared';
const ROWS = 4;

interface Tab {
  readonly name: string;
  readonly page: Page;
  readonly ended: Promise<void>;
  /** Batches that it has still to write. */
  left: number;
}

/**
 * @param writes records in all, of tabs that live and tabs that die
 * @param deaths how often the tab that writes is killed
 */
export async function tabs(
  url: string,
  writes: number,
  deaths: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = randomFrom(seed + 2);
  const victim = new Victim('chromium', url);
  const acknowledged = new Set<string>();
  const begun = new Set<string>();
  let number = 0;
  let left = Math.ceil(writes / ROWS);
  const share = Math.ceil(left / (deaths + 3));

  const openTab = async (): Promise<Tab> => {
    const name = `t${seed}-${number++}`;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const batches = Math.min(share, left);
    left -= batches;
    const page = await victim.page((what, value) => {
      if (what === 'begins') begun.add(value);
      else if (what === 'acknowledges') {
        acknowledged.add(value);
        tab.left -= 1;
      } else if (what === 'fails') tally.fail('tabs', 'wrong', `batch ${value}`);
      else if (what === 'ends') end();
    });
    await within(
      PATIENCE_MS,
      'opening a tab',
      page.evaluate((name, of) => globalThis.torture.open(name, of), NAME, seed),
    );
    const tab: Tab = { name, page, ended, left: batches };
    page
      .evaluate(
        (tab, count, rows) => globalThis.torture.writeOwn(tab, 0, count, rows),
        name,
        batches,
        ROWS,
      )
      .catch(() => {});
    return tab;
  };

  try {
    const first = await openTab();
    const open = [first];
    // Every record belongs to the view, which is made among the writes of the first tab.
    await within(
      PATIENCE_MS,
      'making a view',
      first.page.evaluate((of) => globalThis.torture.write(of, 0), seed),
    );
    for (let death = 0; death < deaths; death++) {
      const wanted = 2 + Math.floor(random() * 3);
      while (open.length < wanted) open.push(await openTab());
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 400));
      const writer = await writerOf(open);
      const [dying] = open.splice(writer, 1);
      if (!dying) throw new Error('there is no tab');
      const session = await dying.page.createCDPSession();
      const crashed = new Promise((resolve) => dying.page.once('error', resolve));
      session.send('Page.crash').catch(() => {});
      await within(PATIENCE_MS, 'the crash', crashed);
      await dying.page.close().catch(() => {});
      left += dying.left;
      tally.count('tabs', 'kills');
    }
    while (left > 0) open.push(await openTab());
    await within(PATIENCE_MS, 'the tabs to end', Promise.all(open.map(({ ended }) => ended)));
    await compare(open, acknowledged, begun, tally);
  } finally {
    await victim.close();
  }
}

async function writerOf(open: readonly Tab[]): Promise<number> {
  for (;;) {
    for (const [at, { page }] of open.entries()) {
      const { writing } = await within(
        PATIENCE_MS,
        'a tab to answer',
        page.evaluate(() => globalThis.torture.stats()),
      );
      if (writing) return at;
    }
  }
}

/** What every tab has, and what a page that opens now finds. */
async function compare(
  open: readonly Tab[],
  acknowledged: ReadonlySet<string>,
  begun: ReadonlySet<string>,
  tally: Tally,
): Promise<void> {
  tally.count('tabs', 'writes', acknowledged.size * ROWS);
  for (const { page } of open) {
    const { generation, ids, view } = await page.evaluate(async () => ({
      ids: await globalThis.torture.ids(),
      view: (await globalThis.torture.digest()).view,
      generation: (await globalThis.torture.stats()).generation,
    }));
    const rows = new Map<string, number>();
    for (const id of ids) {
      const batch = id.slice(0, id.lastIndexOf('/'));
      rows.set(batch, (rows.get(batch) ?? 0) + 1);
    }
    const lost = [...acknowledged].filter((batch) => !rows.has(batch));
    const half = [...rows].filter(([, count]) => count !== ROWS);
    const strange = [...rows.keys()].filter((batch) => !begun.has(batch));
    if (lost.length > 0) tally.fail('tabs', 'lost', lost.join(' '), lost.length);
    if (half.length > 0) tally.fail('tabs', 'half', String(half), half.length);
    if (strange.length > 0) tally.fail('tabs', 'wrong', String(strange), strange.length);
    if (view !== ids.length)
      tally.fail('tabs', 'wrong', `${view} records in the view of ${ids.length}`);
    // Every batch has made one generation, and the view one: more would be one that was written twice.
    const doubled = generation - 1 - rows.size + (ids.length - new Set(ids).size);
    if (doubled !== 0)
      tally.fail('tabs', 'doubled', `${generation} generations, ${rows.size} batches`);
  }
}
