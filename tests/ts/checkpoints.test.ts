import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Deferred, deferred } from '../../ts/deferred.js';
import { Collection, KindexError, type StorageAdapter } from '../../ts/entrypoints/node.js';
import { GatedStorage, type Step } from './gated-storage.js';
import { clustered, WASM } from './support.js';

/** A checkpoint in the background does not keep the process alive. */
const alive = setInterval(() => {}, 60_000);
after(() => clearInterval(alive));

const DIMENSION = 1024;
/** As many as make a log that is folded into a checkpoint while batches keep coming. */
const MANY = 4400;
const VECTORS = clustered(MANY, DIMENSION, 1);

const reopen = (storage: StorageAdapter) =>
  Collection.open('gated', { dimension: DIMENSION, storage, ...WASM });

/**
 * A collection whose long log is being folded into a checkpoint: the first part was written while a batch waited, that
 * batch was written, and the second part is at the gate, which opens with `open`.
 */
async function inTheMiddle(storage: GatedStorage) {
  const collection = await reopen(storage);
  const [first, second] = [deferred<void>(), deferred<void>()];
  const gates: Deferred<void>[] = [deferred(), deferred()];
  storage.before = async (step, part) => {
    if (step !== 'part') return;
    [first, second][part]?.resolve();
    await gates[part]?.promise;
  };
  await collection.insert({ vectors: VECTORS });
  await first.promise;
  const waiting = collection.insert({ id: 'meanwhile', vector: row(0) });
  // It has to be at the engine before the part is written: the same way is taken by whatever is asked after it.
  await collection.count();
  gates[0]?.resolve();
  await second.promise;
  await waiting;
  return { collection, open: () => gates[1]?.resolve(), refuse: gates[1]?.reject };
}

const row = (i: number) => VECTORS.slice(i * DIMENSION, (i + 1) * DIMENSION);

/** Records after each batch of {@link change}, which follow the first and the one that waits. */
const SIZES = [0, MANY, MANY + 1, MANY + 2, MANY + 1, MANY + 1, MANY + 2];

/** The batch that comes after that generation. */
async function change(collection: Collection, generation: number): Promise<void> {
  const record = (id: string) => ({ id, vector: row(generation) });
  if (generation === 2) await collection.insert(record('later'));
  else if (generation === 3) await collection.delete({ ids: ['meanwhile'] });
  else if (generation === 4) await collection.upsert(record('later'));
  else if (generation === 5) await collection.insert(record('last'));
}

async function assertIsAt(generation: number, collection: Collection): Promise<void> {
  assert.equal((await collection.stats()).generation, generation);
  assert.equal(await collection.count(), SIZES[generation]);
  const has = async (id: string) => (await collection.get({ ids: [id] })).length === 1;
  assert.equal(await has('meanwhile'), generation === 2 || generation === 3);
  assert.equal(await has('later'), generation >= 3);
  assert.equal(await has('last'), generation >= 6);
  if (generation < 3) return;
  // Found where it was last put.
  const at = row(generation < 5 ? 2 : 4);
  const found = await collection.search(at, { k: 2 });
  assert.ok(found.some(({ id }) => id === 'later'));
}

test('batches_go_on_while_the_rest_of_a_checkpoint_is_written', async () => {
  const storage = new GatedStorage();
  const { collection, open } = await inTheMiddle(storage);
  await change(collection, 2);
  await change(collection, 3);
  assert.equal((await collection.stats()).checkpoint, undefined);
  open();
  await collection.close();
  const again = await reopen(storage);
  const { checkpoint, logBytes } = await again.stats();
  assert.equal(checkpoint, 1);
  // What came meanwhile is in the log, and nothing else.
  assert.ok(logBytes > 2 * DIMENSION * 4 && logBytes < 4 * DIMENSION * 4, `${logBytes} bytes`);
  await assertIsAt(4, again);
});

test('wherever_a_process_ends_while_batches_and_a_checkpoint_are_written_no_batch_is_lost', async () => {
  const storage = new GatedStorage();
  const { collection, open } = await inTheMiddle(storage);
  let acknowledged = 2;
  const left: { step: Step; acknowledged: number; storage: StorageAdapter }[] = [];
  const [swept, before] = [deferred<void>(), storage.before];
  storage.before = async (step, part) => {
    await before(step, part);
    // A batch before every part.
    if (step !== 'part' || acknowledged === 6) return;
    await change(collection, acknowledged);
    acknowledged += 1;
  };
  storage.after = async (step) => {
    left.push({ step, acknowledged, storage: await storage.asItIs('gated') });
    if (step === 'sweep') swept.resolve();
  };
  open();
  await swept.promise;
  const steps = left.map(({ step }) => step);
  assert.deepEqual(steps.slice(-2), ['manifest', 'sweep']);
  assert.ok(steps.lastIndexOf('part') > steps.indexOf('append'), steps.join());
  for (const { step, acknowledged, storage } of left) {
    const found = await reopen(storage);
    // The append that has just been done is not acknowledged yet.
    await assertIsAt(step === 'append' ? acknowledged + 1 : acknowledged, found);
    await found.close();
  }
  await collection.close();
});

test('the_manifest_is_replaced_between_batches', async () => {
  const storage = new GatedStorage();
  const { collection, open } = await inTheMiddle(storage);
  const [appending, go, swept] = [deferred<void>(), deferred<void>(), deferred<void>()];
  storage.before = async (step) => {
    if (step !== 'append') return;
    appending.resolve();
    await go.promise;
  };
  storage.after = async (step) => {
    if (step === 'sweep') swept.resolve();
  };
  const { manifest, part } = storage.taken;
  const batch = change(collection, 2);
  await appending.promise;
  open();
  while (storage.taken.part < part + 4) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(storage.taken.manifest, manifest);
  go.resolve();
  await batch;
  await swept.promise;
  assert.equal(storage.taken.manifest, manifest + 1);
  await assertIsAt(3, await reopen(await storage.asItIs('gated')));
  await collection.close();
});

const FAILURES: [Step, 'before' | 'after'][] = [
  ['part', 'before'],
  ['part', 'after'],
  ['manifest', 'before'],
  ['manifest', 'after'],
  ['sweep', 'before'],
  ['sweep', 'after'],
];
for (const [step, when] of FAILURES) {
  test(`a_checkpoint_beside_batches_that_fails_${when}_a_${step}_is_reported_and_loses_nothing`, async () => {
    const storage = new GatedStorage();
    const { collection, open } = await inTheMiddle(storage);
    const before = storage.before;
    let failed = false;
    storage[when] = async (reached, number) => {
      if (when === 'before') await before(reached, number);
      if (failed || reached !== step) return;
      failed = true;
      throw new Error('the test lets it fail');
    };
    const reported = new Promise<Error>((resolve) => collection.on('error', resolve));
    open();
    assert.match((await reported).message, /the test lets it fail/);
    for (let generation = 2; generation < 6; generation++) {
      await change(collection, generation);
      const found = await reopen(await storage.asItIs('gated'));
      await assertIsAt(generation + 1, found);
      await found.close();
    }
    await collection.close();
    await assertIsAt(6, await reopen(storage));
  });
}

test('compacting_ends_a_checkpoint_that_is_being_written_and_begins_another', async () => {
  const storage = new GatedStorage();
  const { collection, open } = await inTheMiddle(storage);
  const before = storage.taken.manifest;
  const compacted = collection.compact();
  await collection.count();
  open();
  await compacted;
  assert.equal(storage.taken.manifest, before + 1);
  const { checkpoint, logBytes } = await collection.stats();
  // The generation of the new one, which has the batch that came meanwhile.
  assert.deepEqual([checkpoint, logBytes], [2, 0]);
  await collection.close();
  await assertIsAt(2, await reopen(storage));
});

for (const when of ['under_way', 'just_written'] as const) {
  test(`a_batch_for_which_a_checkpoint_${when}_leaves_no_room_is_written_in_its_place`, async () => {
    const storage = new GatedStorage();
    const { collection, open } = await inTheMiddle(storage);
    const [before, asked] = [storage.before, deferred<void>()];
    let [attempts, sweeps] = [0, 0];
    storage.before = async (step, number) => {
      await before(step, number);
      if (step !== 'append') return;
      attempts += 1;
      if (attempts > 1) return assert.ok(storage.taken.sweep > sweeps);
      sweeps = storage.taken.sweep;
      throw new KindexError('QUOTA_EXCEEDED', 'the checkpoint has taken all that there is');
    };
    const ask = async () => {
      change(collection, 2).then(asked.resolve, asked.reject);
      // Once it waits for its turn, which comes before anything that the checkpoint has replaced is deleted.
      await collection.count();
    };
    if (when === 'under_way') await ask();
    else
      storage.after = async (step) => {
        if (step !== 'manifest') return;
        storage.after = async () => {};
        await ask();
      };
    open();
    await await asked.promise;
    assert.equal(attempts, 2);
    await assertIsAt(3, await reopen(await storage.asItIs('gated')));
    await collection.close();
  });
}

test('a_batch_for_which_there_is_no_room_at_all_is_refused_once', async () => {
  const storage = new GatedStorage();
  const collection = await reopen(storage);
  let attempts = 0;
  storage.before = async (step) => {
    if (step !== 'append') return;
    attempts += 1;
    throw new KindexError('QUOTA_EXCEEDED', 'there is no room');
  };
  await assert.rejects(collection.insert({ vectors: row(0) }), { code: 'QUOTA_EXCEEDED' });
  assert.equal(attempts, 1);
  assert.equal(await collection.count(), 0);
  await collection.close();
});
