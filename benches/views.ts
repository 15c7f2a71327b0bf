// Measures views beside the filtered search that they stand for: 50,000 x 384 of WordNet, conditions that hold for a
// tenth, a hundredth and a thousandth of the records. In turns, so that a slow moment of the machine meets both.
// With `batches`: what views of a tenth add to batches of 1,000.
//
//   node --import tsx benches/views.ts [rounds] [batches]
import { readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { Collection } from '../ts/entrypoints/node.js';

const ROWS = 50_000;
const QUERIES = 200;
const K = 10;
const EF = 64;
/** By how much of the records: the field `part` is spread evenly over 0 to 999. */
const PARTS = [100, 10, 1];

const rounds = Number(process.argv[2] ?? 7);

/** The codes of a data file as float vectors; `www/data/README.md` is its specification. */
async function vectorsOf(path: string): Promise<{ rows: number; vectors: Float32Array }> {
  const bytes = await readFile(new URL(path, import.meta.url));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [rows, dimension] = [view.getUint32(4, true), view.getUint32(8, true)];
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset + 16 + rows * 7, rows * dimension);
  return { rows, vectors: Float32Array.from(codes) };
}

async function dataset(): Promise<{ vectors: Float32Array; queries: Float32Array }> {
  const files = await Promise.all(
    ['../www/data/vectors.bin', './data/vectors.bin'].map((path) => vectorsOf(path)),
  );
  const all = new Float32Array(files.reduce((sum, { vectors }) => sum + vectors.length, 0));
  let at = 0;
  for (const { vectors } of files) {
    all.set(vectors, at);
    at += vectors.length;
  }
  if (all.length < ROWS * 384) throw new Error(`only ${all.length / 384} rows`);
  const step = Math.floor(ROWS / QUERIES);
  const queries = new Float32Array(QUERIES * 384);
  for (let i = 0; i < QUERIES; i++)
    queries.set(all.subarray(i * step * 384, (i * step + 1) * 384), i * 384);
  return { vectors: all.subarray(0, ROWS * 384), queries };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Microseconds a query: of each way the median of the rounds. */
async function compare(
  ways: Record<string, (query: Float32Array) => unknown>,
  queries: Float32Array,
): Promise<Record<string, number>> {
  const taken = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const started = performance.now();
      for (let i = 0; i < QUERIES; i++) await way(queries.slice(i * 384, (i + 1) * 384));
      const each = ((performance.now() - started) / QUERIES) * 1000;
      // The first round compiles.
      if (round > 0) taken.get(name)?.push(each);
    }
  }
  return Object.fromEntries([...taken].map(([name, values]) => [name, Math.round(median(values))]));
}

const { vectors, queries } = await dataset();
const metadatas = Array.from({ length: ROWS }, (_, i) => ({
  part: (i * 7919) % 1000,
  kind: `kind ${i % 20}`,
}));
const load = loadavg()[0]?.toFixed(1);
console.log(`${cpus().length} cores (load ${load}), Node ${process.version}, ${rounds} rounds`);

const options = {
  dimension: 384,
  storage: 'memory',
  threads: 1,
  wasmUrl: new URL('../ts/generated/', import.meta.url),
} as const;

/** Milliseconds of batches of 1,000, the medians of the rounds: without a view, with one and with four of a tenth each. */
async function batches(): Promise<void> {
  const size = 1000;
  const counts = [0, 1, 4];
  const ids = Array.from({ length: ROWS }, (_, i) => `${i}`);
  const sides = [];
  for (const count of counts) {
    const collection = await Collection.open(`views ${count}`, options);
    await collection.insert({ ids, vectors, metadatas });
    for (let i = 0; i < count; i++) {
      const where = { part: { $gte: i * 100, $lt: (i + 1) * 100 } };
      await collection.createView(`${i}`, { where });
    }
    const taken = { insert: [], upsert: [], delete: [] } as Record<string, number[]>;
    sides.push({ count, collection, taken });
  }
  for (let round = 0; round <= rounds; round++) {
    // Every round has other rows, and brings back what it deletes at last.
    const first = ((round * 7 + 3) % 50) * size;
    const rows = { vectors: vectors.slice(first * 384, (first + size) * 384) };
    const there = ids.slice((first + size) % ROWS, ((first + size) % ROWS) + size);
    const fresh = there.map((id) => `fresh ${id}`);
    const parts = metadatas.slice(first, first + size);
    for (const { collection, taken } of sides) {
      const steps = {
        insert: () =>
          collection.insert({ ids: fresh, vectors: rows.vectors.slice(), metadatas: parts }),
        upsert: () =>
          collection.upsert({ ids: there, vectors: rows.vectors.slice(), metadatas: parts }),
        delete: () => collection.delete({ ids: fresh }),
      };
      for (const [name, step] of Object.entries(steps)) {
        const started = performance.now();
        await step();
        if (round > 0) taken[name]?.push(performance.now() - started);
      }
    }
  }
  for (const { count, collection, taken } of sides) {
    const medians = Object.entries(taken).map(([name, all]) => `${name} ${median(all).toFixed(1)}`);
    console.log(`${count} views: ${medians.join(', ')} ms`);
    await collection.close();
  }
}

if (process.argv[3] === 'batches') {
  await batches();
  process.exit();
}
const collection = await Collection.open('views', options);
await collection.insert({ vectors, metadatas });
for (const part of PARTS) {
  const started = performance.now();
  await collection.createView(`${part}`, { where: { part: { $lt: part } } });
  console.log(`made a view of ${part / 10} % in ${Math.round(performance.now() - started)} ms`);
}
for (const { name, size, graph, bytes } of await collection.listViews())
  console.log(`view ${name}: ${size} records, graph ${graph}, ${bytes} bytes`);
const snapshot = await collection.snapshot();

// The engine by itself, without the way to its thread and back.
const wasm = await WebAssembly.compile(
  await readFile(new URL('../ts/generated/kindex.wasm', import.meta.url)),
);
// An instance of its own: the collection above has the other.
const glue: typeof import('../ts/generated/single.js') = await import(
  `../ts/generated/${'single.js?engine'}`
);
glue.initSync({ module: wasm });
const loader = glue.Engine.load();
loader.push(snapshot);
const engine = loader.finish();
const answer = (where: string | undefined, view: string | undefined) => (query: Float32Array) =>
  engine.search(query, K, EF, false, where, undefined, undefined, 0, false, view).free();

console.log('\nmicroseconds a query, k 10, ef 64');
for (const part of PARTS) {
  const where = { part: { $lt: part } };
  const name = `${part}`;
  const json = JSON.stringify(where);
  const direct = await compare(
    { filter: answer(json, undefined), view: answer(undefined, name) },
    queries,
  );
  const plain = { k: K, ef: EF, include: [] };
  const through = await compare(
    {
      filter: (query) => collection.search(query, { ...plain, where }),
      view: (query) => collection.view(name).search(query, plain),
    },
    queries,
  );
  let found = 0;
  for (let i = 0; i < QUERIES; i++) {
    const query = queries.slice(i * 384, (i + 1) * 384);
    const [hits, truth] = [
      await collection.view(name).search(query, plain),
      await collection.search(query, { ...plain, where, exact: true }),
    ];
    const ids = new Set(truth.map(({ id }) => id));
    found += hits.filter(({ id }) => ids.has(id)).length / ids.size;
  }
  const recall = (found / QUERIES).toFixed(3);
  console.log(`${part / 10} %: engine`, direct, 'collection', through, `recall ${recall}`);
}
await collection.close();
