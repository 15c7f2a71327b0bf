// Measures filters over 100,000 records in Chromium, or in Node, with the package as built by `npm run build`: `count`
// with two conditions, from the call to the answer.
//
//   node benches/filters.mjs [rounds] [chromium | node]
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumFlags, findBrowser } from '../scripts/browsers.mjs';
import { pkg, root } from '../scripts/paths.mjs';
import { serve } from '../scripts/serve.mjs';

const rounds = Number(process.argv[2] ?? 30);
const where = process.argv[3] ?? 'chromium';
const load = `${cpus().length} cores (load ${loadavg()[0].toFixed(1)})`;
if (where === 'node') {
  console.log(`${load}, Node ${process.version}, ${rounds} rounds: median (least)`);
  show(await measure({ module: pathToFileURL(join(pkg, 'node.js')).href, rounds }));
} else {
  await inChromium();
}

async function inChromium() {
  const server = await serve({ '/': join(root, 'tests', 'browser', 'page'), '/kindex/': pkg });
  const browser = await chromium.launch({
    executablePath: findBrowser('chromium'),
    args: chromiumFlags,
  });
  try {
    console.log(`${load}, Chromium ${browser.version()}, ${rounds} rounds: median (least)`);
    const page = await browser.newPage();
    await page.goto(server.url);
    show(await page.evaluate(measure, { module: '/kindex/index.js', rounds }));
  } finally {
    await browser.close();
    await server.close();
  }
}

function show(results) {
  for (const { name, matches, times } of results) {
    times.sort((a, b) => a - b);
    const [median, least] = [times[times.length >> 1], times[0]].map((time) => time.toFixed(2));
    console.log(`${name.padEnd(58)} ${median} ms  (${least})  ${matches} match`);
  }
}

/** Runs in the page, or here: milliseconds of each round for each pair of conditions. */
async function measure({ module, rounds }) {
  const ROWS = 100_000;
  const { Collection } = await import(module);
  const collection = await Collection.open('filters', {
    dimension: 2,
    metric: 'euclidean',
    storage: 'memory',
    threads: 1,
  });
  // Every title is another one, of 23 letters, and in no order; as are the words that half of them end with.
  const mixed = (i) => (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(36).padStart(7, '0');
  const metadatas = Array.from({ length: ROWS }, (_, i) => ({
    kind: `kind ${i % 20}`,
    tags: [`tag ${i % 7}`, `tag ${i % 11}`],
    size: (i * 7919) % 1000,
    year: 1900 + (i % 125),
    flag: i % 2 === 0,
    title: `${mixed(i)} of the ${(i >> 1) % 2 === 0 ? 'evening' : 'morning'}s`,
    made: new Date(Date.UTC(2000, 0, 1) + ((i * 7919) % ROWS) * 3_600_000).toISOString(),
  }));
  await collection.insert({
    vectors: Float32Array.from({ length: 2 * ROWS }, (_, i) => i),
    metadatas,
  });
  const conditions = {
    'string $eq, number range': { kind: 'kind 3', size: { $gte: 500 } },
    'two number ranges': { size: { $gte: 500 }, year: { $lt: 2000 } },
    '$in of strings, number range': {
      kind: { $in: ['kind 1', 'kind 2', 'kind 3'] },
      size: { $gte: 500 },
    },
    '$in of ten numbers, string $eq': {
      year: { $in: Array.from({ length: 10 }, (_, i) => 1950 + i) },
      kind: 'kind 3',
    },
    'array $contains, string $eq': { tags: { $contains: 'tag 3' }, kind: 'kind 3' },
    '$startsWith of distinct strings, boolean': { title: { $startsWith: '1' }, flag: true },
    'string $gte that holds for half, boolean': { title: { $gte: '1' }, flag: true },
    'string $gte that holds for all, boolean': { title: { $gte: '' }, flag: true },
    'string $gte and $lt (a tenth), number range': {
      made: { $gte: '2005', $lt: '2006-02' },
      size: { $gte: 500 },
    },
    '$contains that holds for half, in the half of a boolean': {
      title: { $contains: 'evening' },
      flag: true,
    },
    '$contains that holds for half, in all of a number range': {
      title: { $contains: 'evening' },
      size: { $gte: 0 },
    },
    '$contains that holds for none, in the half of a boolean': {
      title: { $contains: 'evenings are' },
      flag: true,
    },
    '$contains that holds for half, in a hundredth': {
      title: { $contains: 'evening' },
      size: { $lt: 10 },
    },
    '$contains of one letter, in the half of a boolean': { title: { $contains: 'v' }, flag: true },
    'two $contains': { title: { $contains: 'evening' }, made: { $contains: '7:00' } },
  };
  const results = Object.entries(conditions).map(([name, filter]) => ({ name, filter, times: [] }));
  for (let round = -2; round < rounds; round++) {
    // In turns, so that a slow moment of the machine meets all of them.
    for (const result of results) {
      const began = performance.now();
      result.matches = await collection.count({ where: result.filter });
      if (round >= 0) result.times.push(performance.now() - began);
    }
  }
  await collection.close();
  return results;
}
