import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchRows } from '../../ts/batch-rows.js';
import {
  type BatchOptions,
  Collection,
  KindexError,
  LIMITS,
  type Metadata,
  type Row,
} from '../../ts/entrypoints/node.js';
import { empty, rows, vector, WASM } from './support.js';

/** A text of that many UTF-8 bytes, most of them in characters of two. */
const bytes = (count: number) => 'é'.repeat(Math.floor(count / 2)) + 'x'.repeat(count % 2);
const row = (parts: Partial<Row>): Row => ({ id: 'a', vector: vector(1), ...parts });
const nested = (depth: number): Metadata =>
  depth <= 1 ? { end: 1 } : { down: nested(depth - 1) as never };
const keys = (count: number): Metadata =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
/** Records that have so many fields together, none the same. */
const recordsOf = (fields: number): Row[] =>
  Array.from({ length: Math.ceil(fields / LIMITS.metadataKeys) }, (_, record) => {
    const first = record * LIMITS.metadataKeys;
    const count = Math.min(LIMITS.metadataKeys, fields - first);
    const names = Array.from({ length: count }, (_, i) => `f${first + i}`);
    return row({
      id: `fields ${record}`,
      metadata: Object.fromEntries(names.map((name) => [name, 1])),
    });
  });
const textOf = (jsonBytes: number): Metadata => ({ t: bytes(jsonBytes - '{"t":""}'.length) });
const conditions = (count: number) => ({
  $or: Array.from({ length: count - 1 }, (_, i) => ({ n: i })),
});
const inside = (depth: number): object => (depth <= 1 ? { n: 1 } : { $not: inside(depth - 1) });

/** Passes at the limit, and one past it is refused with `INVALID_ARGUMENT`. */
interface Edge {
  readonly limit: number;
  attempt(collection: Collection, size: number): Promise<unknown>;
}
const insert = (parts: (size: number) => Partial<Row>) => (collection: Collection, size: number) =>
  collection.upsert([row(parts(size))]);
const withOption =
  (option: (size: number) => BatchOptions) => (collection: Collection, size: number) =>
    collection.upsert([row({})], option(size));
const filtered = (where: (size: number) => object) => (collection: Collection, size: number) =>
  collection.count({ where: where(size) as never });

const edges: Record<string, Edge> = {
  'bytes of an id': { limit: LIMITS.idBytes, attempt: insert((n) => ({ id: bytes(n) })) },
  'bytes of metadata': {
    limit: LIMITS.metadataBytes,
    attempt: insert((n) => ({ metadata: textOf(n) })),
  },
  'depth of metadata': {
    limit: LIMITS.metadataDepth,
    attempt: insert((n) => ({ metadata: nested(n) })),
  },
  'keys of metadata': {
    limit: LIMITS.metadataKeys,
    attempt: insert((n) => ({ metadata: keys(n) })),
  },
  'keys of metadata, nested ones included': {
    limit: LIMITS.metadataKeys,
    attempt: insert((n) => ({ metadata: { inner: keys(n - 1) as never } })),
  },
  'fields of a collection': {
    limit: LIMITS.fields,
    attempt: (collection, count) => collection.upsert(recordsOf(count)),
  },
  'bytes of a document': {
    limit: LIMITS.documentBytes,
    attempt: insert((n) => ({ document: bytes(n) })),
  },
  'bytes of a batchId': {
    limit: LIMITS.batchIdBytes,
    attempt: withOption((n) => ({ batchId: bytes(n) })),
  },
  'rows of a part': { limit: LIMITS.batchRows, attempt: withOption((n) => ({ batchSize: n })) },
  workers: { limit: LIMITS.workers, attempt: withOption((n) => ({ workers: n })) },
  'conditions of a filter': { limit: LIMITS.filterNodes, attempt: filtered(conditions) },
  'depth of a filter': { limit: LIMITS.filterDepth, attempt: filtered(inside) },
  'bytes of a filter': {
    limit: LIMITS.filterBytes,
    attempt: filtered((n) => ({ t: bytes(n - '{"t":""}'.length) })),
  },
  'bytes of a text in documents': {
    limit: LIMITS.filterBytes,
    attempt: (collection, n) => collection.count({ whereDocument: { $contains: bytes(n) } }),
  },
  'values of facets': {
    limit: LIMITS.facets,
    attempt: (collection, limit) => collection.facets({ field: 'n', limit }),
  },
  'bytes of a name': {
    limit: LIMITS.nameBytes,
    attempt: async (_, n) =>
      (await Collection.open(bytes(n), { dimension: 4, storage: 'memory', ...WASM })).close(),
  },
  'results wanted': {
    limit: LIMITS.k,
    attempt: (collection, k) => collection.search(vector(1), { k }),
  },
  beam: { limit: LIMITS.ef, attempt: (collection, ef) => collection.search(vector(1), { ef }) },
  dimension: {
    limit: LIMITS.dimension,
    attempt: async (_, dimension) => (await empty({ dimension })).close(),
  },
  "texts of an embedder's batch": {
    limit: LIMITS.batchRows,
    attempt: async (_, embedBatchSize) =>
      (await empty({ embed: async () => [], embedBatchSize })).close(),
  },
  "an embedder's time": {
    limit: LIMITS.embedTimeoutMs,
    attempt: async (_, embedTimeoutMs) =>
      (await empty({ embed: async () => [], embedTimeoutMs })).close(),
  },
};

/** The code of a call's error, or of its one item's. */
function codeOf(thrown: unknown): string {
  assert.ok(thrown instanceof KindexError, String(thrown));
  return (thrown as { errors?: { code: string }[] }).errors?.[0]?.code ?? thrown.code;
}

for (const [what, { limit, attempt }] of Object.entries(edges)) {
  test(`the limit for the ${what} is ${limit}`, async () => {
    const collection = await empty();
    await collection.insert({ id: 'before', vector: vector(2) });
    await attempt(collection, limit);
    const size = await collection.count();
    await assert.rejects(attempt(collection, limit + 1), (thrown) => {
      assert.equal(codeOf(thrown), 'INVALID_ARGUMENT', String(thrown));
      return true;
    });
    assert.equal(await collection.count(), size);
    await collection.close();
  });
}

test('the limit of rows counts for every form of a batch', () => {
  const ids = new Array<string>(LIMITS.batchRows).fill('a');
  const ofRows = new Array<Row>(LIMITS.batchRows).fill({ id: 'a' });
  assert.equal(batchRows('delete', { ids }, 4).length, LIMITS.batchRows);
  assert.equal(batchRows('insert', ofRows, 4).length, LIMITS.batchRows);
  const flat = new Float32Array(LIMITS.batchRows + 1);
  for (const tooMany of [{ ids: [...ids, 'b'] }, [...ofRows, {}], { vectors: flat }]) {
    assert.throws(
      () => batchRows('insert', tooMany, 1),
      (thrown) => codeOf(thrown) === 'INVALID_ARGUMENT',
    );
  }
});

test('a stream lists so many errors, and counts all', async () => {
  const collection = await empty();
  async function* source() {
    for (let i = 0; i < LIMITS.streamErrors + 2; i++) yield { id: `r${i}`, vector: [1] };
    yield* rows(3);
  }
  const result = await collection.insert(source(), { atomic: false });
  assert.deepEqual(
    [result.written, result.failed, result.errors.length, result.errors.at(-1)?.index],
    [3, LIMITS.streamErrors + 2, LIMITS.streamErrors, LIMITS.streamErrors - 1],
  );
});

test('a batch of gathered calls has so many of them', async () => {
  const collection = await empty();
  const list = rows(LIMITS.gatheredCalls + 1);
  const results = await Promise.all(list.map((one) => collection.insert(one)));
  const generations = results.map(({ generation }) => generation);
  assert.deepEqual([new Set(generations.slice(0, -1)), generations.at(-1)], [new Set([1]), 2]);
});
