import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, testsInChromium } from './support.js';

const chromium = testsInChromium(true);

/** A page of a profile of its own. */
async function freshPage() {
  const context = await chromium.browser.newContext();
  return { context, page: await openPage(context, chromium.url) };
}

test('single_calls_and_a_stream_are_all_there_after_a_reload', async () => {
  const { context, page } = await freshPage();
  const written = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('gathered', { dimension: 4 });
    const row = (i: number) => ({ id: `r${i}`, vector: [1, i, i % 7, 2], document: `text ${i}` });
    const single = await Promise.all(
      Array.from({ length: 2000 }, (_, i) => collection.insert(row(i))),
    );
    let next = 2000;
    const stream = new ReadableStream({
      pull(controller) {
        if (next < 5000) controller.enqueue([row(next++), row(next++)]);
        else controller.close();
      },
    });
    const streamed = await collection.insert(stream, { batchSize: 1000 });
    const { generation } = await collection.stats();
    const found = await Promise.all([7, 8].map((i) => collection.search(row(i).vector)));
    return {
      single: single.filter(({ written, durable }) => written === 1 && durable).length,
      streamed: streamed.written,
      generation,
      found: found.map(([hit]) => hit?.id),
    };
  });
  assert.deepEqual(written, {
    single: 2000,
    streamed: 3000,
    generation: 4,
    found: ['r7', 'r8'],
  });
  await page.reload();
  const size = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('gathered');
    const [last] = await collection.get({ ids: ['r4999'] });
    return [collection.size, last?.document];
  });
  assert.deepEqual(size, [5000, 'text 4999']);
  await context.close();
});

test('workers_and_parallel_change_nothing_but_the_time', async () => {
  const { context, page } = await freshPage();
  const snapshots = await page.evaluate(async () => {
    const { Collection } = await kindex();
    let state = 11;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 4_294_967_296 - 0.5;
    };
    const vectors = Float32Array.from({ length: 9000 * 16 }, random);
    const ids = Array.from({ length: 9000 }, (_, i) => `v${i}`);
    const part = (first: number, end: number) => ({
      ids: ids.slice(first, end),
      vectors: vectors.subarray(first * 16, end * 16),
    });
    const made: { threads: number; digest: string }[] = [];
    for (const options of [
      {},
      { parallel: false },
      { workers: 1 },
      { parallel: true, workers: 2 },
    ]) {
      const collection = await Collection.open(`w${made.length}`, {
        dimension: 16,
        storage: 'memory',
      });
      // Once at once, and once by batches.
      await collection.insert(part(0, 7000), options);
      await collection.insert(part(7000, 9000), options);
      const { threads } = await collection.stats();
      const hash = await crypto.subtle.digest('SHA-256', await collection.snapshot());
      made.push({ threads, digest: Array.from(new Uint8Array(hash)).join() });
      await collection.close();
    }
    return made;
  });
  assert.ok(snapshots.every(({ threads }) => threads > 1));
  assert.equal(new Set(snapshots.map(({ digest }) => digest)).size, 1);
  await context.close();
});

test('a_connection_that_dies_and_a_transaction_that_aborts_are_tried_again', async () => {
  const { context, page } = await freshPage();
  const outcome = await page.evaluate(async () => {
    // Without workers the engine, and with it IndexedDB, is in this page, where the test reaches it.
    Reflect.deleteProperty(globalThis, 'Worker');
    const { Collection } = await kindex();
    const collection = await Collection.open('dying', { dimension: 4 });
    const row = (i: number) => ({ id: `r${i}`, vector: [1, i, 2, 3] });
    await collection.insert(row(0));
    const { transaction } = IDBDatabase.prototype;
    /** How many faults each attempt met. */
    const faults: number[] = [];
    /** What becomes of the next writes to the log: `throw` as on a dead connection, `abort` in the middle. */
    let left: ('throw' | 'abort')[] = [];
    IDBDatabase.prototype.transaction = function (this: IDBDatabase, stores, mode, options) {
      const writes = mode === 'readwrite' && [stores].flat().includes('log');
      const fault = writes ? left.shift() : undefined;
      if (fault) faults.push((faults.pop() ?? 0) + 1);
      if (fault === 'throw')
        throw new DOMException('The database connection is closing.', 'InvalidStateError');
      const made = transaction.call(this, stores, mode, options);
      if (fault === 'abort') queueMicrotask(() => made.abort());
      return made;
    };
    const codes: string[] = [];
    const attempt = async (i: number, fault: typeof left) => {
      left = fault;
      faults.push(0);
      await collection.insert(row(i)).then(
        ({ written }) => codes.push(`written ${written}`),
        ({ code }) => codes.push(code),
      );
    };
    await attempt(1, ['throw', 'throw']);
    await attempt(2, ['abort', 'throw', 'abort']);
    await attempt(3, new Array(30).fill('throw'));
    left = [];
    await attempt(4, []);
    const records = await collection.get();
    await collection.close();
    const again = await Collection.open('dying');
    const { storage, threads } = await again.stats();
    return { codes, faults, ids: records.map(({ id }) => id), kept: again.size, storage, threads };
  });
  assert.deepEqual(outcome.codes, ['written 1', 'written 1', 'STORAGE_UNAVAILABLE', 'written 1']);
  const [thrown, aborted, dead = 0, none] = outcome.faults;
  assert.deepEqual([thrown, aborted, none], [2, 3, 0]);
  // Several times, and not for ever.
  assert.ok(dead >= 4 && dead < 30, `${dead} attempts`);
  assert.deepEqual(outcome.ids, ['r0', 'r1', 'r2', 'r4']);
  assert.deepEqual([outcome.kept, outcome.storage, outcome.threads], [4, 'indexeddb', 1]);
  await context.close();
});
