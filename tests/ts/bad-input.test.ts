import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Index } from '../../ts/entrypoints/core.js';
import { BatchError, Collection, KindexError, type Row } from '../../ts/entrypoints/node.js';
import {
  type OpenAiCompatibleOptions,
  openAiCompatibleEmbedder,
} from '../../ts/entrypoints/openai-compatible.js';
import { repair } from '../../ts/entrypoints/repair.js';
import { transformersEmbedder } from '../../ts/entrypoints/transformers.js';
import { createHandler, type HandlerOptions } from '../../ts/server/index.js';
import { code, empty, rows, vector, WASM } from './support.js';

/** Metadata that can't be stored, and what the error says about it. */
const BAD_METADATA: Record<string, [() => unknown, RegExp]> = {
  'the key __proto__': [() => JSON.parse('{"__proto__": {"polluted": 1}}'), /__proto__/],
  'the key __proto__ further down': [() => JSON.parse('{"a": {"__proto__": 1}}'), /metadata\.a/],
  'the key constructor': [() => ({ constructor: { prototype: 1 } }), /constructor/],
  'the key prototype': [() => ({ a: { prototype: 1 } }), /prototype/],
  'a cycle': [
    () => {
      const cyclic: Record<string, unknown> = { name: 'me' };
      cyclic.self = { again: cyclic };
      return cyclic;
    },
    /nests at most/,
  ],
  'an invalid Date': [() => ({ at: new Date('yesterday-ish') }), /metadata\.at.*invalid Date/],
  'a BigInt': [() => ({ big: { n: 10n } }), /metadata\.big\.n is 10n/],
  NaN: [() => ({ n: Number.NaN }), /metadata\.n is NaN/],
  'an infinity': [() => ({ n: Number.NEGATIVE_INFINITY }), /metadata\.n is -Infinity/],
  'NaN in an array': [() => ({ list: [1, Number.NaN] }), /metadata\.list\[1\] is NaN/],
  'a function': [() => ({ f: () => 1 }), /metadata\.f/],
  'a symbol': [() => ({ s: Symbol('s') }), /metadata\.s/],
  'a Map': [() => new Map([['a', 1]]), /plain object/],
  'a Map inside': [() => ({ map: new Map() }), /metadata\.map/],
  'a typed array': [() => ({ v: new Float32Array(2) }), /metadata\.v/],
  'an array': [() => [1, 2], /plain object/],
  'a text': [() => 'text', /plain object/],
  'a getter that throws': [
    () => ({
      get trap(): number {
        throw new RangeError('not for you');
      },
    }),
    /not for you/,
  ],
  'a toJSON that lies': [() => ({ a: { toJSON: () => ({ b: 1 }) } }), /metadata\.a\.toJSON/],
};

for (const [what, [make, message]] of Object.entries(BAD_METADATA)) {
  test(`metadata with ${what} is refused and named`, async () => {
    const collection = await empty();
    const batch = [...rows(2), { id: 'bad', vector: vector(3), metadata: make() as never }];
    await assert.rejects(collection.insert(batch), (thrown) => {
      assert.ok(thrown instanceof BatchError);
      const [error, ...more] = thrown.errors;
      assert.deepEqual([error?.index, error?.id, error?.code], [2, 'bad', 'INVALID_ARGUMENT']);
      assert.match(error?.message ?? '', message);
      assert.equal(more.length, 0);
      return true;
    });
    assert.equal(await collection.count(), 0);
    const result = await collection.insert(batch as Row[], { atomic: false });
    assert.deepEqual([result.written, result.errors.length], [2, 1]);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
}

test('metadata_that_json_would_change_is_refused', async () => {
  const collection = await empty();
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const bad = [
    cyclic,
    { f: () => 1 },
    { n: Number.NaN },
    { d: new Date(Number.NaN) },
    JSON.parse('{"__proto__": {"x": 1}}'),
    { list: [1, {}] },
    { text: 'x'.repeat(70_000) },
    new Map(),
    'text',
  ];
  const result = await collection.insert(
    bad.map((metadata, i) => ({ id: `b${i}`, vector: vector(i), metadata: metadata as never })),
    { atomic: false },
  );
  assert.deepEqual(
    result.errors.map(({ index }) => index),
    bad.map((_, i) => i),
  );
  assert.equal(({} as { x?: number }).x, undefined);
});

test('a filter can not reach prototypes either', async () => {
  const collection = await empty();
  await collection.insert(rows(3));
  for (const where of [
    JSON.parse('{"__proto__": 1}'),
    { 'a.__proto__.b': 1 },
    { constructor: 1 },
    { $and: [{ 'a.prototype': 1 }] },
    { n: { $gt: new Date(Number.NaN) } },
    { n: 1n },
  ]) {
    await assert.rejects(collection.count({ where }), code('INVALID_ARGUMENT'));
  }
});

test('detached buffers are refused, not taken for empty', async () => {
  const collection = await empty();
  await collection.insert(rows(3));
  const detached = () => {
    const vectors = Float32Array.from([...vector(1), ...vector(2)]);
    structuredClone(vectors.buffer, { transfer: [vectors.buffer] });
    return vectors;
  };
  for (const attempt of [
    () => collection.insert({ vectors: detached() }),
    () => collection.insert({ ids: ['x', 'y'], vectors: detached() }),
    () => collection.search(detached()),
    () => collection.searchBatch(detached()),
    () => collection.searchBatch([vector(1), detached()]),
  ]) {
    await assert.rejects(attempt(), code('INVALID_ARGUMENT'));
  }
  await assert.rejects(collection.insert([{ id: 'x', vector: detached() }]), (thrown) => {
    assert.ok(thrown instanceof BatchError);
    assert.equal(thrown.errors[0]?.code, 'INVALID_ARGUMENT');
    return true;
  });
  // What the caller gave stays the caller's.
  const own = Float32Array.from([...vector(5), ...vector(6)]);
  await collection.insert({ ids: ['x', 'y'], vectors: own });
  await collection.search(own.subarray(0, 4));
  await collection.searchBatch(own);
  assert.deepEqual(Array.from(own), [...vector(5), ...vector(6)]);
  assert.equal(await collection.count(), 5);
});

test('a signal that has fired already lets nothing begin', async () => {
  const collection = await empty({ embed: () => assert.fail('the embedder was called') });
  await collection.insert(rows(3));
  const signal = AbortSignal.abort(new Error('the user left'));
  const attempts: (() => Promise<unknown>)[] = [
    () => collection.insert(rows(2, 3), { signal }),
    () => collection.insert({ id: 'x', document: 'text' }, { signal }),
    () => collection.upsert([{ id: 'x', document: 'text' }], { signal }),
    () => collection.insert(rows(2, 3).values(), { signal }),
    () => collection.update({ id: 'r0', metadata: {} }, { signal }),
    () => collection.delete({ ids: ['r0', 'r1'] }, { signal }),
    () => collection.delete({ ids: ['r0'] }, { signal }),
    () => collection.delete({ where: {} }, { signal }),
    () => collection.search(vector(1), { signal }),
    () => collection.search('text', { signal }),
    () => collection.searchBatch([vector(1)], { signal }),
    () => collection.get({ ids: ['r0'] }, { signal }),
    () => collection.get({}, { signal }),
    () => collection.iterate({}, { signal }).next(),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt(), (thrown) => {
      assert.ok(thrown instanceof KindexError, String(thrown));
      assert.deepEqual(
        [thrown.code, (thrown.cause as Error).message],
        ['ABORTED', 'the user left'],
      );
      return true;
    });
  }
  assert.equal((await collection.stats()).generation, 1);
});

test('bad_arguments_are_typed_and_change_nothing', async () => {
  const collection = await empty();
  await collection.insert(rows(3));
  const where = (filter: unknown) => collection.count({ where: filter as never });
  const attempts: [string, () => Promise<unknown>][] = [
    ['INVALID_ARGUMENT', () => collection.insert({ ids: ['a'], vectors: [] })],
    ['DIMENSION_MISMATCH', () => collection.insert({ ids: ['a'], vectors: new Float32Array(5) })],
    ['DIMENSION_MISMATCH', () => collection.insert({ vectors: new Float32Array(5) })],
    ['INVALID_ARGUMENT', () => collection.insert('text' as never)],
    ['DIMENSION_MISMATCH', () => collection.search([1, 2])],
    ['NOT_FINITE', () => collection.search([1, 2, 3, Number.POSITIVE_INFINITY])],
    ['ZERO_VECTOR', () => collection.search([0, 0, 0, 0])],
    ['INVALID_ARGUMENT', () => collection.search('text')],
    ['INVALID_ARGUMENT', () => collection.search(vector(1), { k: 0 })],
    ['INVALID_ARGUMENT', () => collection.search(vector(1), { k: 1.5 })],
    ['INVALID_ARGUMENT', () => collection.search(vector(1), { include: ['all'] as never })],
    ['INVALID_ARGUMENT', () => where({ n: { $near: 1 } })],
    ['INVALID_ARGUMENT', () => where({ n: undefined })],
    ['INVALID_ARGUMENT', () => where({ '__proto__.x': 1 })],
    ['INVALID_ARGUMENT', () => where({ n: { $gt: Number.NaN } })],
    ['INVALID_ARGUMENT', () => where(5)],
    ['INVALID_ARGUMENT', () => collection.delete({} as never)],
    ['INVALID_ARGUMENT', () => collection.get({ ids: [1] as never })],
    ['INVALID_ARGUMENT', () => empty({ dimension: 0 })],
    ['INVALID_ARGUMENT', () => empty({ dimension: 5000 })],
    ['INVALID_ARGUMENT', () => empty({ metric: 'manhattan' as never })],
    ['INVALID_ARGUMENT', () => Collection.open('', { dimension: 3, ...WASM })],
    ['INVALID_ARGUMENT', () => empty({ storage: 7 as never })],
    ['INVALID_ARGUMENT', () => empty({ storage: {} as never })],
    ['INVALID_ARGUMENT', () => Collection.load('words.kindex', WASM)],
    ['INVALID_ARGUMENT', async () => collection.on('changed' as never, () => {})],
    ['INVALID_ARGUMENT', async () => collection.on('change', undefined as never)],
    ['STORAGE_UNAVAILABLE', () => empty({ storage: 'indexeddb' })],
    ['STORAGE_UNAVAILABLE', () => Collection.load(new URL('file:///words.kindex'), WASM)],
    ['CORRUPT', () => Collection.load(new Uint8Array(100), WASM)],
    ['CORRUPT', () => Collection.load(new Uint8Array(0), WASM)],
  ];
  for (const [expected, attempt] of attempts)
    await assert.rejects(attempt, code(expected), String(attempt));
  assert.equal(await collection.count(), 3);
});

test('options of the wrong kind are refused', async () => {
  const collection = await empty();
  const options: object[] = [
    { atomic: 'yes' },
    { batchSize: 0 },
    { batchSize: 1.5 },
    { batchSize: 'large' },
    { parallel: 2 },
    { workers: 0 },
    { workers: '2' },
    { durability: 'eventual' },
    { batchId: '' },
    { batchId: 7 },
  ];
  for (const option of options) {
    for (const batch of [rows(1), rows(2), rows(2).values()]) {
      await assert.rejects(
        collection.insert(batch, option),
        code('INVALID_ARGUMENT'),
        JSON.stringify(option),
      );
    }
  }
  assert.equal(await collection.count(), 0);
  for (const parallel of [true, false, 'auto'] as const) {
    const { ids } = await collection.insert(
      rows(100).map(({ id: _, ...rest }) => rest),
      { parallel, workers: 1 },
    );
    assert.equal(ids.length, 100);
  }
});

test('an option that a call does not know is refused, not passed over', async () => {
  const collection = await empty();
  await collection.insert(rows(3));
  const query = vector(1);
  const as = (options: unknown) => options as object;
  const calls: Record<string, () => Promise<unknown>> = {
    filter: () => collection.search(query, as({ filter: { a: 1 } })),
    topK: () => collection.searchBatch([query], as({ topK: 3 })),
    distance: () => collection.view('v').search(query, as({ distance: 1 })),
    order: () => collection.get(as({ order: 'a' })),
    includes: () => collection.get({}, as({ includes: [] })),
    limit: () => collection.count(as({ limit: 3 })),
    and: () => collection.delete(as({ ids: ['w0'], and: 1 }) as { ids: string[] }),
    batch: () => collection.insert(rows(1), as({ batch: 3 })),
    chunk: () => collection.upsert(rows(2), as({ chunk: 3 })),
    none: () => collection.insert(rows(1), as({ none: undefined })),
    dim: () => Collection.open('new', as({ dim: 3 })),
    M: () => Collection.open('new', { dimension: 3, graph: as({ M: 32 }) }),
    collection: () => Collection.load(new Uint8Array(0), as({ collection: 'new' })),
    path: () => Collection.list(as({ path: 'data' })),
    force: () => Collection.destroy('new', as({ force: true })),
    repair: () => Collection.verify('new', as({ repair: true })),
    column: () => collection.facets(as({ field: 'a', column: 1 }) as { field: string }),
    distances: () =>
      collection.findDuplicates(as({ distances: 1 }) as { threshold: number }).next(),
    orderby: () => collection.get(as({ orderby: 'a' })),
    descending: () => collection.get({ orderBy: as({ field: 'a', descending: true }) as never }),
    halflife: () => collection.search(query, { decay: as({ field: 'a', halflife: 1 }) as never }),
    atomic: () => collection.createView('v', as({ where: { a: 1 }, atomic: true }) as never),
    keep: () => collection.dropView('v', as({ keep: true })),
    full: () => collection.compact(as({ full: true })),
    efSearch: async () => new Index(as({ dimension: 3, efSearch: 3 }) as { dimension: number }),
    authorise: async () => createHandler(as({ authorise: () => true }) as HandlerOptions),
    origin: async () => createHandler(as({ cors: { origin: '*' } }) as HandlerOptions),
    database: () => repair('new', as({ database: 'x' })),
    key: async () => openAiCompatibleEmbedder(as({ key: 'x' }) as OpenAiCompatibleOptions),
    dtype: async () => transformersEmbedder(as({ dtype: 'q8' })),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call, (thrown) => {
      assert.match(String(thrown), new RegExp(`takes the options .*, but there is '${name}'`));
      return code('INVALID_ARGUMENT')(thrown);
    });
  }
  for (const none of [null, 3, 'a', ['w0']]) {
    await assert.rejects(() => collection.get(as(none)), code('INVALID_ARGUMENT'));
    await assert.rejects(() => collection.search(query, as(none)), code('INVALID_ARGUMENT'));
    await assert.rejects(() => collection.insert(rows(1, 5), as(none)), code('INVALID_ARGUMENT'));
    await assert.rejects(() => collection.facets(as(none) as never), code('INVALID_ARGUMENT'));
    await assert.rejects(() => Collection.list(as(none)), code('INVALID_ARGUMENT'));
  }
  assert.equal(await collection.count(), 3);
});
