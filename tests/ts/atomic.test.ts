import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BatchError,
  type BatchResult,
  Collection,
  KindexError,
  MemoryStorage,
  type Row,
} from '../../ts/entrypoints/node.js';
import { FailingStorage } from './failing-storage.js';
import { vector, WASM } from './support.js';

/** `KINDEX_ATOMIC_BATCHES=10000` runs as many; the seed is printed, and `KINDEX_SEED` repeats it. */
const BATCHES = Number(process.env.KINDEX_ATOMIC_BATCHES ?? 500);
const SEED = Number(process.env.KINDEX_SEED ?? Date.now() % 2 ** 31);
const IDS = 40;

/** What the collection must hold. */
type Model = Map<string, { metadata: object | undefined; document: string | undefined }>;
type Verb = 'insert' | 'upsert' | 'update' | 'delete';

interface Step {
  readonly verb: Verb;
  /** Ids that the batch names, as numbers. */
  readonly ids: readonly number[];
  /** What is wrong with one of its items, by kind; undefined: nothing. */
  readonly bad: number | undefined;
  /** Which item it is. */
  readonly at: number;
  readonly columns: boolean;
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;

/** Ways in which a row that carries data can be bad. */
const BAD_ROWS: readonly ((row: Row) => Row)[] = [
  (row) => ({ ...row, vector: [1, 2, 3] }),
  (row) => ({ ...row, vector: [] }),
  (row) => ({ ...row, vector: [1, Number.NaN, 2, 3] }),
  (row) => ({ ...row, vector: [1, 2, Number.POSITIVE_INFINITY, 3] }),
  (row) => ({ ...row, vector: [1e38, 1e38, 1e38, 4e38] }),
  (row) => ({ ...row, vector: [0, 0, 0, 0] }),
  (row) => ({ ...row, vector: ['1', 2, 3, 4] as never }),
  (row) => ({ ...row, vector: 'vector' as never }),
  (row) => ({ ...row, id: '' }),
  (row) => ({ ...row, id: 7 as never }),
  (row) => ({ ...row, id: 'x'.repeat(513) }),
  (row) => ({ ...row, id: '\ud800' }),
  (row) => ({ ...row, metadata: cyclic as never }),
  (row) => ({ ...row, metadata: { n: Number.NaN } }),
  (row) => ({ ...row, metadata: { n: 1n as never } }),
  (row) => ({ ...row, metadata: { d: new Date(Number.NaN) } }),
  (row) => ({ ...row, metadata: JSON.parse('{"__proto__": {"a": 1}}') }),
  (row) => ({ ...row, metadata: { text: 'x'.repeat(70_000) } }),
  (row) => ({ ...row, metadata: { mixed: [1, 'a', {}] as never } }),
  (row) => ({ ...row, metadata: 'text' as never }),
  (row) => ({ ...row, document: 5 as never }),
];
/** Kinds that are about ids: one that is there or is not, and one that is twice in the batch. */
const KINDS = BAD_ROWS.length + 2;

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom<Verb>('insert', 'upsert', 'update', 'delete'),
  ids: fc.uniqueArray(fc.nat(IDS - 1), { minLength: 1, maxLength: 12 }),
  bad: fc.option(fc.nat(KINDS - 1), { nil: undefined, freq: 4 }),
  at: fc.nat(),
  columns: fc.boolean(),
});

/** The rows of a step that the model accepts, with at most one made bad. */
function batchOf({ verb, ids, bad, at }: Step, model: Model): { rows: Row[]; spoiled: boolean } {
  const known = verb === 'update' || verb === 'delete';
  const names = ids
    .map((id) => `id ${id}`)
    .filter((id) => verb === 'upsert' || model.has(id) === known);
  const rows = names.map((id, i): Row => {
    if (verb === 'delete') return { id };
    const row = { id, metadata: { n: i, verb }, document: `${verb} ${id} ${at}` };
    return verb === 'update' && i % 2 === 0 ? row : { ...row, vector: vector(i + (at % 100)) };
  });
  const place = rows.length === 0 ? 0 : at % rows.length;
  const row = rows[place];
  if (bad === undefined || !row) return { rows, spoiled: false };
  if (verb === 'delete' && bad < BAD_ROWS.length) {
    // A row that is deleted carries nothing but its id.
    rows[place] = { id: 'nobody' };
  } else if (bad < BAD_ROWS.length) {
    rows[place] = (BAD_ROWS[bad] as (row: Row) => Row)(row);
  } else if (bad === BAD_ROWS.length || verb === 'upsert') {
    rows.push({ ...row });
  } else {
    const other = known ? 'nobody' : [...model.keys()][0];
    if (other === undefined) rows.push({ ...row });
    else rows[place] = { ...row, id: other };
  }
  return { rows, spoiled: true };
}

function send(collection: Collection, { verb, columns }: Step, rows: Row[]): Promise<BatchResult> {
  if (verb === 'delete') return collection.delete({ ids: rows.map(({ id }) => id as string) });
  const whole = verb !== 'update' && columns;
  if (!whole) return collection[verb](rows);
  return collection[verb]({
    ids: rows.map(({ id }) => id as string),
    vectors: rows.map((row) => row.vector as number[]),
    metadatas: rows.map(({ metadata }) => metadata),
    documents: rows.map(({ document }) => document),
  });
}

function apply({ verb }: Step, rows: readonly Row[], model: Model): void {
  for (const { id, metadata, document } of rows) {
    if (verb === 'delete') model.delete(id as string);
    else
      model.set(id as string, { metadata: metadata ?? undefined, document: document ?? undefined });
  }
}

async function assertEqual(collection: Collection, model: Model): Promise<void> {
  const records = await collection.get();
  const held = new Map(records.map(({ id, metadata, document }) => [id, { metadata, document }]));
  assert.deepEqual(
    [...held].sort(([a], [b]) => (a < b ? -1 : 1)),
    [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test(`of ${BATCHES} atomic batches every one with a bad item is refused whole (seed ${SEED})`, async () => {
  console.log(`seed ${SEED}`);
  const perRun = 25;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: perRun, maxLength: perRun }), async (steps) => {
      const storage = new MemoryStorage({ retain: true });
      const options = { dimension: 4, storage, ...WASM };
      const collection = await Collection.open('model', options);
      const model: Model = new Map();
      for (const one of steps) {
        const { rows, spoiled } = batchOf(one, model);
        const before = (await collection.stats()).generation;
        if (spoiled) {
          refused += 1;
          await assert.rejects(send(collection, one, rows), (thrown) => {
            assert.ok(thrown instanceof BatchError, String(thrown));
            assert.equal(thrown.written, 0);
            const places = thrown.errors.map(({ index }) => index);
            assert.ok(places.length >= 1 && places.length <= 2, `errors at ${places}`);
            return true;
          });
          assert.equal((await collection.stats()).generation, before);
        } else {
          const { written, success } = await send(collection, one, rows);
          assert.deepEqual([written, success], [rows.length, true]);
          apply(one, rows, model);
        }
        await assertEqual(collection, model);
      }
      await collection.close();
      const again = await Collection.open('model', options);
      await assertEqual(again, model);
      await again.close();
    }),
    { seed: SEED, numRuns: Math.ceil(BATCHES / perRun) },
  );
  console.log(`${refused} of them had a bad item`);
  assert.ok(refused > BATCHES / 4, `only ${refused} batches had a bad item`);
});

test(`a storage that fails half-way leaves memory and storage as they were (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.nat(3)), { maxLength: 15 }), async (steps) => {
      const storage = new FailingStorage();
      const options = { dimension: 4, storage, ...WASM };
      const collection = await Collection.open('model', options);
      const model: Model = new Map();
      for (const [one, fault] of steps) {
        const { rows } = batchOf({ ...one, bad: undefined }, model);
        if (rows.length === 0) continue;
        storage.onAppend = async (store) => {
          if (fault === 1) throw new KindexError('QUOTA_EXCEEDED', 'full');
          await store();
        };
        if (fault === 1) {
          await assert.rejects(
            send(collection, one, rows),
            (thrown) => thrown instanceof KindexError && thrown.code === 'QUOTA_EXCEEDED',
          );
        } else {
          await send(collection, one, rows);
          apply(one, rows, model);
        }
        await assertEqual(collection, model);
      }
      await collection.close();
      const again = await Collection.open('model', options);
      await assertEqual(again, model);
      await again.close();
    }),
    { seed: SEED, numRuns: 10 },
  );
});
