import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchChromium, openPage, servePackage } from './support.js';

type Server = Awaited<ReturnType<typeof servePackage>>;

let browser: Browser;
let isolated: Server;
let plain: Server;

before(async () => {
  [browser, isolated, plain] = await Promise.all([
    launchChromium(),
    servePackage(true),
    servePackage(false),
  ]);
});
after(async () => {
  await Promise.all([browser?.close(), isolated?.close(), plain?.close()]);
});

/** Runs in the page: inserts 8,000 x 32 vectors of a seed and searches. */
async function insertAndSearch() {
  const { Collection } = await kindex();
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296 - 0.5;
  };
  const vectors = Float32Array.from({ length: 8000 * 32 }, random);
  const ids = Array.from({ length: 8000 }, (_, i) => `v${i}`);
  const documents = ids.map((id) => `document of ${id}`);
  const collection = await Collection.open('answers', { dimension: 32 });
  const result = await collection.insert({ ids, vectors, documents });
  const options = { k: 5, include: ['document'] as const };
  const hits = await collection.searchBatch(vectors.subarray(0, 32 * 40), options);
  const stats = await collection.stats();
  await collection.close();
  return { result, hits, stats, isolated: crossOriginIsolated, length: vectors.length };
}

test('threads_run_where_the_page_is_isolated_and_answers_do_not_depend_on_them', async () => {
  const [context, other] = [await browser.newContext(), await browser.newContext()];
  const threaded = await (await openPage(context, isolated.url)).evaluate(insertAndSearch);
  assert.equal(threaded.isolated, true);
  assert.ok(
    threaded.stats.threads > 1,
    `a pool was expected, ${threaded.stats.threads} threads ran`,
  );
  assert.equal(threaded.stats.storage, 'indexeddb');
  assert.deepEqual([threaded.result.written, threaded.result.durable], [8000, true]);
  assert.equal(threaded.hits[3]?.[0]?.id, 'v3');
  assert.equal(threaded.hits[3]?.[0]?.document, 'document of v3');

  const single = await (await openPage(other, plain.url)).evaluate(insertAndSearch);
  assert.equal(single.isolated, false);
  assert.equal(single.stats.threads, 1);
  assert.deepEqual(single.hits, threaded.hits);
  await Promise.all([context.close(), other.close()]);
});

test('what_was_acknowledged_is_there_after_the_page_is_closed_at_once', async () => {
  const context = await browser.newContext();
  const first = await openPage(context, isolated.url);
  const before = await first.evaluate(insertAndSearch);
  await first.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('answers');
    await collection.delete({ ids: ['v1', 'v2'] });
    await collection.update({ id: 'v3', metadata: { changed: true } });
  });
  await first.close();
  const second = await openPage(context, isolated.url);
  const found = await second.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('answers');
    const records = await collection.get(
      { ids: ['v0', 'v1', 'v3'] },
      { include: ['metadata', 'document', 'vector'] },
    );
    const [hits] = await collection.searchBatch([records[0]?.vector as Float32Array], {
      k: 5,
      include: ['document'],
    });
    return {
      size: collection.size,
      records: records.map(({ id, metadata, document }) => ({ id, metadata, document })),
      hits,
      names: await Collection.list(),
    };
  });
  assert.equal(found.size, 7998);
  assert.deepEqual(found.records, [
    { id: 'v0', metadata: undefined, document: 'document of v0' },
    { id: 'v3', metadata: { changed: true }, document: 'document of v3' },
  ]);
  const gone = new Set(['v1', 'v2']);
  const expected = before.hits[0]?.filter(({ id }) => !gone.has(id)).map(({ id }) => id) ?? [];
  assert.deepEqual(
    found.hits?.slice(0, expected.length).map(({ id }) => id),
    expected,
  );
  assert.deepEqual(found.names, ['answers']);
  await second.evaluate(async () => {
    const { Collection } = await kindex();
    await Collection.destroy('answers');
  });
  assert.deepEqual(await second.evaluate(async () => (await kindex()).Collection.list()), []);
  await context.close();
});

test('a_checkpoint_gives_the_same_collection_after_a_reload', async () => {
  const context = await browser.newContext();
  const page = await openPage(context, isolated.url);
  const before = await page.evaluate(insertAndSearch);
  const compacted = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('answers');
    await collection.compact();
    const { checkpoint, logBytes } = await collection.stats();
    return { checkpoint, logBytes };
  });
  assert.deepEqual(compacted, { checkpoint: 1, logBytes: 0 });
  await page.reload();
  const after = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('answers');
    const [record] = await collection.get({ ids: ['v3'] }, { include: ['vector'] });
    return collection.search(record?.vector as Float32Array, { k: 5, include: ['document'] });
  });
  assert.deepEqual(
    after.map(({ id, document }) => [id, document]),
    before.hits[3]?.map(({ id, document }) => [id, document]),
  );
  await context.close();
});

test('a_full_quota_is_reported_and_memory_and_disk_agree', async () => {
  const context = await browser.newContext();
  const page = await openPage(context, isolated.url);
  const session = await context.newCDPSession(page);
  const origin = new URL(isolated.url).origin;
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 6_000_000 });
  const state = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('quota', { dimension: 256 });
    let written = 0;
    for (let round = 0; round < 40; round++) {
      // Random numbers: what repeats would be compressed.
      const vectors = Float32Array.from({ length: 1000 * 256 }, () => Math.random() - 0.5);
      try {
        written += (await collection.insert({ vectors })).written;
      } catch (thrown) {
        const { code } = thrown as { code: string };
        return { code, written, size: collection.size, count: await collection.count() };
      }
    }
    return { code: 'none', written, size: 0, count: 0 };
  });
  assert.equal(state.code, 'QUOTA_EXCEEDED');
  assert.ok(state.written > 0, 'nothing fitted at all');
  assert.deepEqual([state.size, state.count], [state.written, state.written]);
  await page.reload();
  const count = () =>
    page.evaluate(async () => {
      const { Collection } = await kindex();
      return (await Collection.open('quota')).count();
    });
  assert.equal(await count(), state.written);
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  const more = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const collection = await Collection.open('quota');
    await collection.insert({
      vectors: Float32Array.from({ length: 1000 * 256 }, () => Math.random() - 0.5),
    });
    return collection.count();
  });
  assert.equal(more, state.written + 1000);
  await page.reload();
  assert.equal(await count(), more);
  await context.close();
});

test('a_worker_that_crashes_is_replaced_and_the_collection_reopened', async () => {
  const context = await browser.newContext();
  const page = await openPage(context, plain.url);
  await page.evaluate(async () => {
    const { Collection } = await kindex();
    const kept = await Collection.open('kept', { dimension: 2 });
    const gone = await Collection.open('gone', { dimension: 2, storage: 'memory' });
    await kept.insert({ id: 'a', vector: [1, 2] });
    await gone.insert({ id: 'a', vector: [1, 2] });
    Object.assign(globalThis, { kept, gone });
  });
  const [worker] = page.workers();
  assert.ok(worker);
  const ended = worker.waitForEvent('close');
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new WebAssembly.RuntimeError('unreachable');
    });
  });
  await ended;
  const outcome = await page.evaluate(async () => {
    const { kept, gone } = globalThis as unknown as Record<
      'kept' | 'gone',
      { count(): Promise<number> }
    >;
    const codes: (string | number)[] = [];
    for (const collection of [kept, gone]) {
      codes.push(await collection.count().catch((thrown: { code: string }) => thrown.code));
    }
    return codes;
  });
  assert.deepEqual(outcome, [1, 'CRASHED']);
  await context.close();
});

test('the_page_stays_free_during_a_large_insert', async (t) => {
  const context = await browser.newContext();
  const page = await openPage(context, isolated.url);
  const figures = await page.evaluate(async () => {
    const { Collection } = await kindex();
    const tasks: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) tasks.push(Math.round(entry.duration));
    });
    const vectors = Float32Array.from({ length: 20_000 * 384 }, () => Math.random() - 0.5);
    const metadatas = Array.from({ length: 20_000 }, (_, i) => ({ n: i, kind: `k${i % 7}` }));
    const collection = await Collection.open('large', { dimension: 384 });
    // What has piled up before is not the insert's.
    await new Promise((resolve) => setTimeout(resolve, 200));
    observer.observe({ type: 'longtask', buffered: false });
    const phases = new Set<string>();
    const result = await collection.insert(
      { vectors, metadatas },
      { onProgress: ({ phase }) => phases.add(phase) },
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    return {
      tasks,
      elapsedMs: Math.round(result.elapsedMs),
      written: result.written,
      phases: [...phases],
    };
  });
  assert.equal(figures.written, 20_000);
  assert.ok(figures.phases.includes('index'));
  const rate = Math.round((figures.written / figures.elapsedMs) * 1000);
  t.diagnostic(
    `20,000 x 384 durable in ${figures.elapsedMs} ms (${rate}/s); tasks over 50 ms: [${figures.tasks}]`,
  );
  await context.close();
});
