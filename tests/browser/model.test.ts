import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import type { Collection } from '../../ts/index.js';
import { crash, openPage, testsInChromium } from './support.js';

/**
 * The traces of the core's model test over the real IndexedDB: random batches with reopening, crashes, checkpoints and
 * compaction between them, against a `Map`.
 */

interface Row {
  readonly id: string;
  readonly n: number;
}
type Step =
  | {
      readonly kind: 'insert' | 'upsert' | 'update';
      readonly rows: readonly Row[];
      readonly atomic: boolean;
    }
  | { readonly kind: 'delete'; readonly ids: readonly string[]; readonly atomic: boolean }
  | { readonly kind: 'deleteWhere'; readonly below: number }
  | { readonly kind: 'compact' | 'reopen' | 'reload' | 'crash' };

const RUNS = 12;
const ID = fc.integer({ min: 0, max: 30 }).map((i) => `id-${i}`);
const ROW = fc.record({ id: ID, n: fc.integer({ min: 0, max: 999 }) });
const ROWS = fc.array(ROW, { minLength: 1, maxLength: 20 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('insert' as const, 'upsert' as const, 'update' as const),
      rows: ROWS,
      atomic: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      ids: fc.array(ID, { minLength: 1, maxLength: 10 }),
      atomic: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('deleteWhere' as const),
      below: fc.integer({ min: 0, max: 500 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'compact' as const,
        'reopen' as const,
        'reload' as const,
        'crash' as const,
      ),
    }),
  },
);

/** Applies a step as the documentation says it works. */
function expected(model: Map<string, number>, step: Step): void {
  if (step.kind === 'deleteWhere') {
    for (const [id, n] of model) if (n < step.below) model.delete(id);
    return;
  }
  if (!('atomic' in step)) return;
  const rows = 'rows' in step ? step.rows : step.ids.map((id) => ({ id, n: 0 }));
  const times = new Map<string, number>();
  for (const { id } of rows) times.set(id, (times.get(id) ?? 0) + 1);
  const good = rows.filter(({ id }) => {
    if (times.get(id) !== 1) return false;
    if (step.kind === 'insert') return !model.has(id);
    return step.kind === 'upsert' || model.has(id);
  });
  if (step.atomic && good.length < rows.length) return;
  for (const { id, n } of good) {
    if (step.kind === 'delete') model.delete(id);
    else model.set(id, n);
  }
}

const chromium = testsInChromium(false);

declare global {
  var modelled: Collection<{ n: number }>;
}

const open = (page: Page, name: string) =>
  page.evaluate(async (collection) => {
    globalThis.modelled = await (await kindex()).Collection.open(collection, { dimension: 3 });
  }, name);

/** Runs a step in the page. A batch that is refused as a whole is as good an answer as any: the model says which. */
const perform = (page: Page, step: Step) =>
  page.evaluate(async (given) => {
    const rowsOf = (rows: readonly { id: string; n: number }[]) =>
      rows.map(({ id, n }) => ({
        id,
        vector: [1, n, n % 7],
        metadata: { n },
        document: `${id} ${n}`,
      }));
    const { modelled } = globalThis;
    try {
      if (given.kind === 'compact') await modelled.compact();
      else if (given.kind === 'deleteWhere')
        await modelled.delete({ where: { n: { $lt: given.below } } });
      else if (given.kind === 'delete')
        await modelled.delete({ ids: given.ids }, { atomic: given.atomic });
      else if ('rows' in given)
        await modelled[given.kind](rowsOf(given.rows), { atomic: given.atomic });
    } catch (thrown) {
      if ((thrown as { code: string }).code !== 'BATCH') throw thrown;
    }
  }, step);

const read = (page: Page) =>
  page.evaluate(async () => {
    const { modelled } = globalThis;
    const records = await modelled.get({}, { include: ['metadata', 'document'] });
    const [first] = records;
    const [hit] = first
      ? await modelled.search([1, first.metadata?.n as number, (first.metadata?.n as number) % 7], {
          k: 1,
        })
      : [];
    return {
      records: records
        .map(
          ({ id, metadata, document }) => [id, metadata?.n as number, document as string] as const,
        )
        .sort(([a], [b]) => (a < b ? -1 : 1)),
      size: modelled.size,
      distance: hit?.distance ?? 0,
    };
  });

test('a_collection_in_indexeddb_is_the_model_whatever_happens_between_its_batches', async () => {
  const context = await chromium.browser.newContext();
  let page = await openPage(context, chromium.url);
  let run = 0;
  // A failure prints the seed and the shortest trace that fails.
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 4, maxLength: 16 }), async (steps) => {
      const name = `model-${run++}`;
      const model = new Map<string, number>();
      await open(page, name);
      for (const step of steps) {
        expected(model, step);
        if (step.kind === 'crash') {
          await crash(context, page);
          await page.close();
          page = await openPage(context, chromium.url);
        } else if (step.kind === 'reload') await page.reload();
        else if (step.kind === 'reopen') await page.evaluate(() => globalThis.modelled.close());
        else await perform(page, step);
        if (step.kind === 'crash' || step.kind === 'reload' || step.kind === 'reopen')
          await open(page, name);
        const found = await read(page);
        assert.deepEqual(
          found.records,
          [...model]
            .map(([id, n]) => [id, n, `${id} ${n}`] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        );
        assert.equal(found.size, model.size);
        assert.ok(found.distance < 1e-4, `the nearest to a record is at ${found.distance}`);
      }
      const { ok, parts } = await page.evaluate(
        async (collection) => (await kindex()).Collection.verify(collection),
        name,
      );
      assert.ok(ok, JSON.stringify(parts.filter((part) => !part.ok)));
      await page.evaluate(async (collection) => {
        await globalThis.modelled.close();
        await (await kindex()).Collection.destroy(collection);
      }, name);
    }),
    { numRuns: RUNS },
  );
  await context.close();
});
