import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchRows } from '../../ts/batch-rows.js';
import {
  type BatchOptions,
  type Collection,
  KindexError,
  LIMITS,
  type Metadata,
  type Row,
} from '../../ts/entrypoints/node.js';
import { empty, vector } from './support.js';

/** A text of that many UTF-8 bytes, most of them in characters of two. */
const bytes = (count: number) => 'é'.repeat(Math.floor(count / 2)) + 'x'.repeat(count % 2);
const row = (parts: Partial<Row>): Row => ({ id: 'a', vector: vector(1), ...parts });
const nested = (depth: number): Metadata =>
  depth <= 1 ? { end: 1 } : { down: nested(depth - 1) as never };
const keys = (count: number): Metadata =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
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
  'results wanted': {
    limit: LIMITS.k,
    attempt: (collection, k) => collection.search(vector(1), { k }),
  },
  beam: { limit: LIMITS.ef, attempt: (collection, ef) => collection.search(vector(1), { ef }) },
  dimension: {
    limit: LIMITS.dimension,
    attempt: async (_, dimension) => (await empty({ dimension })).close(),
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
