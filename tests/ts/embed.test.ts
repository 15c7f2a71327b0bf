import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchError,
  type BatchResult,
  Collection,
  KindexError,
  type OpenOptions,
} from '../../ts/entrypoints/node.js';
import { FailingStorage } from './failing-storage.js';
import { empty, vector, WASM } from './support.js';

const texts = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => ({ id: `e${first + i}`, document: String(first + i) }));
const embedText = (text: string) => vector(Number(text));

/** The errors of a batch that is refused. */
async function refused(writing: Promise<BatchResult>): Promise<string[]> {
  try {
    await writing;
  } catch (thrown) {
    assert.ok(thrown instanceof BatchError, String(thrown));
    return thrown.errors.map(({ index, code }) => `${index} ${code}`);
  }
  throw new Error('the batch was accepted');
}

test('texts_are_embedded_in_batches_on_the_way_in_and_in_queries', async () => {
  const calls: number[] = [];
  const embed = async (batch: readonly string[]) => {
    calls.push(batch.length);
    return batch.map(embedText);
  };
  const collection = await empty({ embed });
  await collection.insert(texts(70));
  assert.deepEqual(calls.splice(0), [32, 32, 6]);
  const [hit] = await collection.search('42', { k: 1 });
  assert.equal(hit?.id, 'e42');
  const found = await collection.searchBatch(['3', '4'], { k: 1 });
  assert.deepEqual(
    found.map(([first]) => first?.id),
    ['e3', 'e4'],
  );
  calls.length = 0;
  const together = await Promise.all(['5', '6', '7'].map((text) => collection.search(text)));
  assert.deepEqual(calls, [3]);
  assert.deepEqual(
    together.map(([first]) => first?.id),
    ['e5', 'e6', 'e7'],
  );
  calls.length = 0;
  await collection.update({ id: 'e1', document: '60' });
  await collection.upsert([{ id: 'given', vector: vector(1), document: '2' }]);
  assert.deepEqual(calls, [1]);
  const small = await empty({ embed, embedBatchSize: 5 });
  calls.length = 0;
  await small.insert(texts(12));
  assert.deepEqual(calls, [5, 5, 2]);
});

test('an_embedder_of_one_text_at_a_time_works_as_well', async () => {
  let calls = 0;
  const each = async (text: string, { signal }: { signal: AbortSignal }) => {
    assert.ok(signal instanceof AbortSignal);
    calls += 1;
    if (text === '3') throw new Error('not this one');
    return Float32Array.from(embedText(text));
  };
  const collection = await empty({ embed: { each } });
  const result = await collection.insert(texts(6), { atomic: false });
  assert.deepEqual([result.written, result.errors.map(({ index }) => index), calls], [5, [3], 6]);
  assert.equal((await collection.search('4'))[0]?.id, 'e4');
});

test('what_an_embedder_returns_is_checked_and_its_error_is_the_items', async () => {
  const wrong: [string, OpenOptions['embed']][] = [
    ['INVALID_ARGUMENT', async () => []],
    ['INVALID_ARGUMENT', async () => [vector(1), vector(2)]],
    ['INVALID_ARGUMENT', async () => 'vectors' as never],
    ['INVALID_ARGUMENT', async () => [null] as never],
    ['INVALID_ARGUMENT', async () => [['1', '2', '3', '4']] as never],
    ['DIMENSION_MISMATCH', async () => new Float32Array(3)],
    ['DIMENSION_MISMATCH', async () => [[1, 2]]],
    ['INVALID_ARGUMENT', async () => Promise.reject(new Error('no model'))],
    [
      'INVALID_ARGUMENT',
      () => {
        throw new TypeError('not even a promise');
      },
    ],
    [
      'STORAGE_UNAVAILABLE',
      async () => Promise.reject(new KindexError('STORAGE_UNAVAILABLE', 'no network')),
    ],
    ['NOT_FINITE', async () => [[1, Number.NaN, 0, 0]]],
    ['ZERO_VECTOR', async () => new Float32Array(4)],
    ['DIMENSION_MISMATCH', { each: async () => [1, 2, 3] }],
    ['INVALID_ARGUMENT', { each: async () => undefined as never }],
  ];
  for (const [expected, embed] of wrong) {
    const collection = await empty({ embed: embed as NonNullable<typeof embed> });
    assert.deepEqual(await refused(collection.insert(texts(1))), [`0 ${expected}`]);
    await assert.rejects(
      collection.search('1'),
      (thrown) => thrown instanceof KindexError && thrown.code === expected,
    );
    assert.equal(await collection.count(), 0);
    await collection.close();
  }
  for (const embed of ['model', {}, { each: 5 }, null]) {
    await assert.rejects(
      empty({ embed: embed as never }),
      (thrown) => thrown instanceof KindexError && thrown.code === 'INVALID_ARGUMENT',
    );
  }
});

test('a_batch_that_fails_is_tried_text_by_text_and_only_the_bad_ones_are_reported', async () => {
  const bad = new Set(['3', '40', '41']);
  const embed = async (batch: readonly string[]) => {
    if (batch.some((text) => bad.has(text))) throw new Error('the model chokes');
    return Float32Array.from(batch.flatMap(embedText));
  };
  const collection = await empty({ embed });
  assert.deepEqual(await refused(collection.insert(texts(70))), [
    '3 INVALID_ARGUMENT',
    '40 INVALID_ARGUMENT',
    '41 INVALID_ARGUMENT',
  ]);
  assert.equal(await collection.count(), 0);
  const result = await collection.insert(texts(70), { atomic: false });
  assert.deepEqual(
    [result.written, result.failed, result.errors.map(({ index, id }) => [index, id])],
    [
      67,
      3,
      [
        [3, 'e3'],
        [40, 'e40'],
        [41, 'e41'],
      ],
    ],
  );
  assert.equal((await collection.search('39'))[0]?.id, 'e39');
  const settled = await Promise.allSettled(['1', '40', '2'].map((text) => collection.search(text)));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('an_embedder_that_is_broken_is_not_asked_for_every_text', async () => {
  let calls = 0;
  const embed = async () => {
    calls += 1;
    throw new Error('no such model');
  };
  const collection = await empty({ embed });
  const errors = await refused(collection.insert(texts(500)));
  assert.deepEqual([errors.length, calls], [500, 33]);
});

test('an_embedder_that_hangs_is_given_up_after_its_time', async () => {
  const signals: AbortSignal[] = [];
  const embed = (batch: readonly string[], { signal }: { signal: AbortSignal }) => {
    signals.push(signal);
    if (batch.includes('3')) return new Promise<never>(() => {});
    return Promise.resolve(batch.map(embedText));
  };
  const collection = await empty({ embed, embedTimeoutMs: 20 });
  const result = await collection.insert(texts(5), { atomic: false });
  assert.deepEqual(
    [result.written, result.errors.map(({ index, code }) => [index, code])],
    [4, [[3, 'ABORTED']]],
  );
  assert.match(result.errors[0]?.message ?? '', /20 ms/);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false, false, false, true, false],
  );
  let calls = 0;
  const never = () => {
    calls += 1;
    return new Promise<never>(() => {});
  };
  const silent = await empty({ embed: never, embedTimeoutMs: 20 });
  const errors = await refused(silent.insert(texts(200)));
  // A batch, and two of its texts.
  assert.deepEqual([errors.length, calls], [200, 3]);
  for (const embedTimeoutMs of [0, 1.5, 3_600_001]) {
    await assert.rejects(
      empty({ embed, embedTimeoutMs }),
      (thrown) => thrown instanceof KindexError && thrown.code === 'INVALID_ARGUMENT',
    );
  }
});

test('a_signal_ends_the_embedding_even_if_the_embedder_does_not_listen', async () => {
  const controller = new AbortController();
  let heard: AbortSignal | undefined;
  const embed = (_: readonly string[], { signal }: { signal: AbortSignal }) => {
    heard = signal;
    setTimeout(() => controller.abort('enough'));
    return new Promise<never>(() => {});
  };
  const collection = await empty({ embed });
  await assert.rejects(
    collection.insert(texts(3), { signal: controller.signal }),
    (thrown) => thrown instanceof KindexError && thrown.code === 'ABORTED',
  );
  assert.ok(heard?.aborted);
  // The next write is not held up.
  await collection.insert({ id: 'a', vector: vector(1) });
  assert.equal(await collection.count(), 1);
});

test('the_next_part_is_embedded_while_the_last_is_written', async () => {
  const storage = new FailingStorage();
  const happened: string[] = [];
  const embed = async (batch: readonly string[]) => {
    happened.push(`embed ${batch[0]}`);
    return batch.map(embedText);
  };
  const options = { dimension: 4, storage, embed, embedBatchSize: 10, ...WASM };
  const collection = await Collection.open('pipeline', options);
  storage.onAppend = async (store) => {
    const part = storage.appends;
    happened.push(`store ${part}`);
    // The first part is not stored before the second is embedded: without a pipeline this would hang.
    while (part === 1 && !happened.includes('embed 10')) await new Promise((r) => setTimeout(r));
    await store();
    happened.push(`stored ${part}`);
  };
  const result = await collection.insert(texts(30), { atomic: false, batchSize: 10 });
  assert.deepEqual([result.written, result.ids.length, result.failed], [30, 30, 0]);
  assert.deepEqual(
    result.ids,
    texts(30).map(({ id }) => id),
  );
  assert.ok(happened.indexOf('embed 10') < happened.indexOf('stored 1'), happened.join());
  assert.equal((await collection.stats()).generation, 3);
});

test('an_id_that_is_twice_in_a_batch_is_refused_also_where_parts_are_written', async () => {
  const embed = async (batch: readonly string[]) => batch.map(embedText);
  const collection = await empty({ embed, embedBatchSize: 4 });
  const list = [...texts(20), { id: 'e0', document: '7' }];
  const result = await collection.upsert(list, { atomic: false, batchSize: 4 });
  assert.deepEqual(
    [result.written, result.errors.map(({ index, code }) => `${index} ${code}`)],
    [19, ['0 DUPLICATE_ID', '20 DUPLICATE_ID']],
  );
});
