// Measures batches in Chromium, with the package as built by `npm run build`: one durable batch of 10,000 x 384 with
// metadata and documents beside awaited single inserts, with relaxed and strict durability, the same in memory, and
// single calls that are gathered; then mixed operations on 50,000 records. Every figure comes from a fresh profile on
// disk.
//
//   node benches/batches.mjs [rounds]      (0: mixed operations only)
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { pkg, root } from '../scripts/paths.mjs';
import { serve } from '../scripts/serve.mjs';
import { chromiumVersion, withFreshProfile } from './profile.mjs';

const rounds = Number(process.argv[2] ?? 5);
const server = await serve({
  '/': join(root, 'tests', 'browser', 'page'),
  '/kindex/': pkg,
  '/words/': join(root, 'www', 'data'),
  '/rest/': join(root, 'benches', 'data'),
});

try {
  const load = loadavg()[0].toFixed(1);
  console.log(
    `${cpus().length} cores (load ${load}), Chromium ${await chromiumVersion()}, ${rounds} rounds: median (least to most)`,
  );
  if (rounds > 0) await measureFills();
  for (const way of ['batches', 'single calls']) {
    for (const sizes of ['up to 1,000', '1,000']) {
      const taken = (await inPage(mix, { sizes, way })).sort((a, b) => a - b);
      const at = (share) => taken[Math.floor(share * taken.length)].toFixed(0);
      ratio(
        `${sizes} mixed operations on 50,000, as ${way}, ms`,
        `p50 ${at(0.5)}, p95 ${at(0.95)}, most ${at(0.999)}`,
        'p95 < 100',
      );
    }
  }
} finally {
  await server.close();
}

async function measureFills() {
  const times = {
    batch: [],
    memory: [],
    gathered: [],
    single: [],
    'strict batch': [],
    'strict single': [],
  };
  for (let round = 0; round < rounds; round++) {
    // In turns, so that a slow moment of the machine meets all of them.
    for (const name of Object.keys(times)) times[name].push(await inPage(fill, name));
  }
  const batch = median(times.batch);
  show('one durable batch of 10,000, ms', times.batch);
  show('the same batch in memory, ms', times.memory);
  show('10,000 gathered single inserts, durable, ms', times.gathered);
  show('10,000 awaited single inserts, durable, ms', times.single);
  show('one batch of 10,000, strict, ms', times['strict batch']);
  show('10,000 awaited single inserts, strict, ms', times['strict single']);
  ratio('batch / awaited singles, rate', (median(times.single) / batch).toFixed(0), '>= 83');
  const strict = median(times['strict single']) / median(times['strict batch']);
  ratio('the same, strict', strict.toFixed(0), '>= 83');
  ratio('durable / memory, time', (batch / median(times.memory)).toFixed(2), '<= 1.3');
  ratio('gathered / batch, time', (median(times.gathered) / batch).toFixed(2), '<= 1.5');
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function ratio(name, value, bound) {
  console.log(`${name.padEnd(52)} ${value}   (${bound})`);
}

function show(name, values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const digits = most < 100 ? 2 : 0;
  const shown = [median(values), least, most].map((value) => value.toFixed(digits));
  console.log(`${name.padEnd(52)} ${shown[0]}   (${shown[1]} to ${shown[2]})`);
}

async function inPage(work, argument) {
  return await withFreshProfile(async (page) => {
    await page.addInitScript(provideRows);
    await page.goto(server.url);
    return await page.evaluate(work, argument);
  });
}

/** Runs in the page first: `wordnet(n)` resolves to n rows of WordNet with metadata and documents. */
function provideRows() {
  globalThis.wordnet = async (count) => {
    const rows = [];
    const zipped = await fetch('/words/synsets.json.gz');
    const text = zipped.body.pipeThrough(new DecompressionStream('gzip'));
    const { words, glosses } = await new Response(text).json();
    for (const folder of ['words', 'rest']) {
      const bytes = await (await fetch(`/${folder}/vectors.bin`)).arrayBuffer();
      const [n, d] = new Uint32Array(bytes, 4, 2);
      const frequencies = new DataView(bytes, 16 + 4 * n);
      const domains = new Uint8Array(bytes, 16 + 6 * n, n);
      for (let i = 0; i < n && rows.length < count; i++) {
        const codes = new Int8Array(bytes, 16 + 7 * n + i * d, d);
        const length = Math.hypot(...codes);
        const at = rows.length;
        const spoken = words[at % words.length];
        rows.push({
          id: `synset-${at}`,
          vector: Float32Array.from(codes, (code) => code / length),
          metadata: {
            word: spoken,
            frequency: frequencies.getUint16(2 * i, true),
            domain: domains[i],
          },
          document: `${spoken}: ${glosses[at % glosses.length]}`,
        });
      }
    }
    return rows;
  };
}

/** Runs in the page: milliseconds for 10,000 records. */
async function fill(way) {
  const { Collection } = await import('/kindex/index.js');
  const rows = await globalThis.wordnet(10_000);
  const storage = way === 'memory' ? 'memory' : 'indexeddb';
  const collection = await Collection.open('batches', { dimension: 384, storage });
  const options = way.startsWith('strict') ? { durability: 'strict' } : {};
  const began = performance.now();
  if (way === 'gathered') await Promise.all(rows.map((row) => collection.insert(row)));
  else if (way.endsWith('single')) for (const row of rows) await collection.insert(row, options);
  else await collection.insert(rows, options);
  return performance.now() - began;
}

/** Runs in the page: milliseconds of each of 100 rounds of mixed operations on 50,000 records. */
async function mix({ sizes, way }) {
  const { Collection } = await import('/kindex/index.js');
  const rows = await globalThis.wordnet(60_000);
  const spare = rows.splice(50_000);
  const collection = await Collection.open('mixed', { dimension: 384, storage: 'indexeddb' });
  await collection.insert(rows);
  await collection.compact();
  const taken = [];
  let at = 0;
  const made = [];
  for (let round = 0; round < 100; round++) {
    const size = sizes === '1,000' ? 1000 : 10 + ((round * 37) % 100) * 10;
    const next = (count) => {
      if (at + count > rows.length) at = 0;
      at += count;
      return rows.slice(at - count, at);
    };
    // 40% are new, 30% replaced, by another vector, 20% changed in their metadata, 10% deleted (of those that were new before).
    const gone = made.splice(0, Math.min(made.length, size / 10));
    const added = Array.from({ length: size * 0.4 }, (_, i) => `new-${round}-${i}`);
    made.push(...added);
    const batches = {
      insert: added.map((id, i) => ({ ...spare[(round * 400 + i) % spare.length], id })),
      upsert: next(size * 0.3).map((row, i) => ({
        ...row,
        vector: spare[(round * 331 + i) % spare.length].vector,
        document: `again in ${round}`,
      })),
      update: next(size * 0.2).map(({ id }) => ({ id, metadata: { round } })),
    };
    const began = performance.now();
    const calls =
      way === 'batches'
        ? Object.entries(batches).map(([verb, batch]) => collection[verb](batch))
        : Object.entries(batches).flatMap(([verb, batch]) =>
            batch.map((row) => collection[verb](row)),
          );
    if (way === 'batches') calls.push(collection.delete({ ids: gone }));
    else calls.push(...gone.map((id) => collection.delete({ ids: [id] })));
    await Promise.all(calls);
    taken.push(performance.now() - began);
  }
  return taken;
}
