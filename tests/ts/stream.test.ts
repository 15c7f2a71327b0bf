import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchError,
  Collection,
  KindexError,
  PartialWriteError,
  type Progress,
} from '../../ts/entrypoints/node.js';
import { PartSizer } from '../../ts/part-size.js';
import { FailingStorage } from './failing-storage.js';
import { clustered, empty, rows, vector, WASM } from './support.js';

const MB = 1024 * 1024;

async function* slowly<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve();
    yield item;
  }
}

/** The error of a write that ends early. */
async function partial(writing: Promise<unknown>): Promise<PartialWriteError> {
  try {
    await writing;
  } catch (thrown) {
    assert.ok(thrown instanceof PartialWriteError, String(thrown));
    return thrown;
  }
  throw new Error('the write did not end early');
}

test('rows_and_batches_of_a_stream_are_written_in_parts', async () => {
  const list = rows(1000);
  const columns = {
    ids: list.map(({ id }) => id),
    vectors: Float32Array.from(list.flatMap((row) => row.vector)),
    metadatas: list.map(({ metadata }) => metadata),
    documents: list.map(({ document }) => document),
  };
  const half = (from: number, to: number) => list.slice(from, to);
  const readable = () =>
    new ReadableStream({
      start(controller) {
        for (const row of list) controller.enqueue(row);
        controller.close();
      },
    });
  const withoutIterator = () =>
    new Proxy(readable(), {
      has: (stream, key) => key !== Symbol.asyncIterator && Reflect.has(stream, key),
      get: (stream, key) => {
        const value = Reflect.get(stream, key, stream);
        return typeof value === 'function' ? value.bind(stream) : value;
      },
    });
  const streams = [
    () => slowly(list),
    () => list.values(),
    () => new Set(list),
    () => slowly([half(0, 7), half(7, 900), half(900, 1000)]),
    () => [columns].values(),
    () => slowly([half(0, 500), list[500], half(501, 1000)] as never),
    readable,
    withoutIterator,
  ];
  const whole = await empty();
  await whole.insert(list);
  const expected = await whole.search(vector(7), { k: 20, include: ['metadata', 'document'] });
  for (const stream of streams) {
    const collection = await empty();
    const result = await collection.insert(stream() as never, { batchSize: 300 });
    assert.deepEqual([result.written, result.failed, result.success], [1000, 0, true]);
    assert.deepEqual([result.generation, result.ids], [4, []]);
    assert.deepEqual(
      await collection.search(vector(7), { k: 20, include: ['metadata', 'document'] }),
      expected,
    );
    await collection.close();
  }
});

test('no_more_is_read_than_two_parts_ahead_of_what_is_stored', async () => {
  const storage = new FailingStorage();
  const collection = await Collection.open('pressure', { dimension: 4, storage, ...WASM });
  let read = 0;
  let stored = 0;
  let most = 0;
  async function* source() {
    for (const row of rows(2000)) {
      read += 1;
      most = Math.max(most, read - stored);
      yield row;
    }
  }
  storage.onAppend = async (store) => {
    // Plenty of time to read on, if anything would.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store();
    stored += 100;
  };
  await collection.insert(source(), { batchSize: 100 });
  assert.deepEqual([read, stored], [2000, 2000]);
  assert.ok(most <= 301, `${most} rows were read and not stored`);
});

test('a_source_may_fill_its_arrays_anew', async () => {
  const scratch = new Float32Array(4);
  function* source() {
    for (let i = 0; i < 50; i++) {
      scratch.set(vector(i));
      yield { id: `r${i}`, vector: scratch };
    }
  }
  const collection = await empty();
  await collection.insert(source(), { batchSize: 7 });
  for (const i of [0, 13, 49])
    assert.equal((await collection.search(vector(i), { k: 1 }))[0]?.id, `r${i}`);
});

test('an_abort_ends_the_stream_between_parts_and_says_what_is_there', async () => {
  const controller = new AbortController();
  let returned = false;
  async function* source() {
    try {
      for (const row of rows(1000)) {
        if (row.id === 'r555') controller.abort();
        yield row;
      }
    } finally {
      returned = true;
    }
  }
  const collection = await empty();
  const error = await partial(
    collection.insert(source(), { batchSize: 100, signal: controller.signal }),
  );
  assert.equal(error.code, 'ABORTED');
  assert.equal(error.result.success, false);
  assert.ok(error.result.written >= 300 && error.result.written % 100 === 0);
  assert.equal(await collection.count(), error.result.written);
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(returned);
  // Also where the source never gives anything again.
  const hanging = new AbortController();
  const before = collection.size;
  async function* hangs() {
    yield* rows(150, 5000);
    while (collection.size < before + 100) await new Promise((resolve) => setTimeout(resolve));
    setTimeout(() => hanging.abort());
    await new Promise(() => {});
  }
  const hung = await partial(
    collection.insert(hangs(), { batchSize: 100, signal: hanging.signal }),
  );
  assert.deepEqual([hung.code, hung.result.written], ['ABORTED', 100]);
  await assert.rejects(
    collection.insert(slowly(rows(5, 9000)), { signal: AbortSignal.abort() }),
    (thrown) => thrown instanceof KindexError && thrown.code === 'ABORTED',
  );
});

test('a_part_with_a_bad_row_is_refused_whole_and_ends_the_stream', async () => {
  const collection = await empty();
  const list = rows(500).map((row) => (row.id === 'r250' ? { ...row, vector: [1] } : row));
  const error = await partial(collection.insert(slowly(list), { batchSize: 100 }));
  assert.deepEqual([error.code, error.result.written], ['BATCH', 200]);
  assert.ok(error.cause instanceof BatchError);
  assert.deepEqual(
    error.cause.errors.map(({ index, id, code }) => [index, id, code]),
    [[250, 'r250', 'DIMENSION_MISMATCH']],
  );
  assert.equal(await collection.count(), 200);
  // In the first part nothing was written, which is the ordinary error.
  await assert.rejects(
    collection.insert(slowly([{ id: 'x', vector: [1] }])),
    (thrown) => thrown instanceof BatchError && thrown.written === 0,
  );
});

test('item_by_item_the_good_are_written_and_the_bad_counted_at_their_place', async () => {
  const collection = await empty();
  const list = rows(500).map((row, i) => (i % 100 === 99 ? { ...row, vector: [1] } : row));
  const result = await collection.insert(slowly(list), { batchSize: 70, atomic: false });
  assert.deepEqual([result.written, result.failed, result.success], [495, 5, false]);
  assert.deepEqual(
    result.errors.map(({ index, id }) => [index, id]),
    [99, 199, 299, 399, 499].map((i) => [i, `r${i}`]),
  );
});

test('a_source_that_fails_or_gives_something_else_ends_the_stream', async () => {
  const collection = await empty();
  const broken = new RangeError('the file is cut off');
  async function* source(last: unknown) {
    yield* rows(250);
    if (last === broken) throw broken;
    yield last as never;
  }
  const failed = await partial(collection.insert(source(broken), { batchSize: 100 }));
  assert.deepEqual([failed.code, failed.result.written], ['ABORTED', 200]);
  assert.equal((failed.cause as Error).cause, broken);
  await collection.delete({ where: {} });
  for (const other of [5, 'text', null, { name: 'x' }, { ids: ['a'], vectors: [] }, [7]]) {
    const strange = await partial(collection.insert(source(other), { batchSize: 100 }));
    assert.deepEqual([strange.code, strange.result.written], ['INVALID_ARGUMENT', 200]);
    await collection.delete({ where: {} });
  }
  await assert.rejects(
    collection.insert(new Float32Array(8) as never),
    (thrown) => thrown instanceof KindexError && thrown.code === 'INVALID_ARGUMENT',
  );
  assert.equal((await collection.insert(slowly([]))).written, 0);
});

test('other_writes_take_their_turns_between_the_parts', async () => {
  const collection = await empty();
  async function* source() {
    for (let i = 0; i < 5; i++) {
      yield rows(100, 100 * i);
      // Would never come to its end if the stream kept the collection for itself.
      if (i === 2) await collection.insert({ id: 'between', vector: vector(1) });
    }
  }
  const result = await collection.insert(source(), { batchSize: 100 });
  assert.deepEqual([result.written, await collection.count()], [500, 501]);
});

test('a_stream_under_a_batch_id_goes_on_where_it_was_cut_off', async () => {
  const collection = await empty();
  const options = { batchId: 'import', batchSize: 100 };
  async function* source(until: number) {
    yield* rows(until);
    if (until < 400) throw new Error('the connection is gone');
  }
  const first = await partial(collection.insert(source(250), options));
  assert.equal(first.result.written, 200);
  const again = await collection.insert(source(400), options);
  assert.deepEqual([again.written, again.failed, await collection.count()], [400, 0, 400]);
  await assert.rejects(
    collection.insert(source(400), { batchId: 'import' }),
    (thrown) => thrown instanceof KindexError && thrown.code === 'INVALID_ARGUMENT',
  );
});

test('progress_of_a_stream_counts_on_from_part_to_part', async () => {
  const collection = await empty({ embed: async (texts) => texts.map(() => vector(1)) });
  const seen: Progress[] = [];
  const list = rows(2000).map(({ id, document }) => ({ id, document }));
  await collection.insert(slowly(list), {
    batchSize: 500,
    onProgress: (progress) => seen.push(progress),
  });
  const last = seen.at(-1);
  assert.deepEqual([last?.phase, last?.done, last?.total], ['index', 2000, 2000]);
  for (const { done, total, rate, etaMs } of seen) {
    assert.ok(done <= total);
    assert.ok(rate >= 0);
    // Nobody knows how much a stream will give.
    assert.equal(etaMs, undefined);
  }
});

test('the_size_of_parts_follows_memory_and_the_time_they_take', () => {
  const sizer = new PartSizer('auto', 1024 * MB);
  assert.equal(sizer.bytes, 2 * MB);
  sizer.written(10);
  sizer.written(10);
  assert.equal(sizer.bytes, 4 * MB);
  for (let i = 0; i < 5; i++) sizer.written(1000);
  assert.equal(sizer.bytes, MB);
  sizer.written(200);
  assert.equal(sizer.bytes, MB);
  assert.equal(new PartSizer('auto', 32 * MB).bytes, MB);
  assert.equal(new PartSizer('auto', 96 * MB).bytes, 1.5 * MB);
  const fixed = new PartSizer(123);
  fixed.written(1000);
  assert.deepEqual([fixed.rows, fixed.bytes], [123, Number.POSITIVE_INFINITY]);
});

test('parts_of_large_rows_have_fewer_of_them', async () => {
  const collection = await empty({ dimension: 1024 });
  const vectors = clustered(3000, 1024, 7);
  async function* source() {
    for (let i = 0; i < 3000; i++) yield { vector: vectors.subarray(i * 1024, i * 1024 + 1024) };
  }
  const { generation, written } = await collection.insert(source());
  assert.equal(written, 3000);
  // 12 MB in parts of at most 4.
  assert.ok(generation >= 3 && generation <= 12, `${generation} parts`);
});
