/**
 * `npm run bench:storage`: how fast batches are stored, how fast a collection is there again in a new browser, and how
 * much memory that takes, in Chromium.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { serveTorture, Victim } from '../tests/torture/browsers.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000' },
    dimension: { type: 'string', default: '384' },
    opens: { type: 'string', default: '5' },
  },
});
const [rows, dimension, opens] = [values.rows, values.dimension, values.opens].map(Number) as [
  number,
  number,
  number,
];
const MIB = 1024 * 1024;
const median = (numbers: number[]) =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;

/** A field of a process's memory, in MiB. */
function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

const server = await serveTorture(true);
const chromium = new Victim('chromium', server.url);
try {
  const page = await chromium.page(() => {});
  const written = await page.evaluate(
    async (count, d) => {
      const { Collection } = (await import(
        new URL('/kindex/index.js', location.href).href
      )) as typeof import('../ts/index.js');
      let state = 7;
      const random = () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 4_294_967_296 - 0.5;
      };
      const centers = Float32Array.from({ length: 200 * d }, random);
      const vectors = (from: number, n: number) =>
        Float32Array.from({ length: n * d }, (_, i) => {
          const row = from + Math.floor(i / d);
          return (centers[((row * 7919) % 200) * d + (i % d)] as number) + random() * 0.6;
        });
      const metadatas = (from: number, n: number) =>
        Array.from({ length: n }, (_, i) => ({ n: from + i, kind: `kind ${(from + i) % 17}` }));
      const collection = await Collection.open('bench', { dimension: d });
      const first = await collection.insert({
        vectors: vectors(0, count),
        metadatas: metadatas(0, count),
      });
      const checkpointed = performance.now();
      while ((await collection.stats()).logBytes > 0)
        await new Promise((resolve) => setTimeout(resolve, 50));
      const checkpointMs = performance.now() - checkpointed;
      await collection.close();
      const small = await Collection.open('commits', { dimension: d });
      const batches: number[] = [];
      for (let i = 0; i < 21; i++) {
        const from = count + i * 1000;
        const batch = { vectors: vectors(from, 1000), metadatas: metadatas(from, 1000) };
        const started = performance.now();
        await small.insert(batch);
        batches.push(performance.now() - started);
      }
      return { elapsedMs: first.elapsedMs, checkpointMs, batches };
    },
    rows,
    dimension,
  );
  console.log(
    `${rows} x ${dimension} in one batch: ${Math.round(written.elapsedMs)} ms; its checkpoint ends ${Math.round(written.checkpointMs)} ms later`,
  );
  console.log(
    `1,000 x ${dimension} with metadata, relaxed: median ${Math.round(median(written.batches))} ms from call to answer, indexing included`,
  );
  await page.close();

  const times: number[] = [];
  const loads: number[] = [];
  for (let i = 0; i < opens; i++) {
    await chromium.kill();
    const again = await chromium.page(() => {});
    const session = await (await chromium.browser()).target().createCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    const base = renderers.map((pid) => memory(pid, 'VmRSS'));
    const found = await again.evaluate(async (d) => {
      const { Collection } = (await import(
        new URL('/kindex/index.js', location.href).href
      )) as typeof import('../ts/index.js');
      const query = Float32Array.from({ length: d }, (_, j) => Math.sin(j));
      // The engine starts apart: its wasm is compiled once a page.
      await (await Collection.open('other', { dimension: 2, storage: 'memory' })).close();
      const started = performance.now();
      const collection = await Collection.open('bench');
      const opened = performance.now() - started;
      await collection.search(query);
      const answered = performance.now() - started;
      const { memory: bytes } = await collection.stats();
      return { opened, answered, bytes };
    }, dimension);
    times.push(found.answered);
    loads.push(found.opened);
    const peaks = renderers.map((pid, at) => memory(pid, 'VmHWM') - (base[at] as number));
    const finals = renderers.map((pid, at) => memory(pid, 'VmRSS') - (base[at] as number));
    const [peak, final] = [Math.max(...peaks), Math.max(...finals)];
    const held = Object.values(found.bytes).reduce((sum, bytes) => sum + bytes, 0) / MIB;
    console.log(
      `  opened in ${Math.round(found.opened)} ms, first answer after ${Math.round(found.answered)} ms; ` +
        `the page's process grows by ${Math.round(final)} MiB, at most ${Math.round(peak)} MiB ` +
        `(${(peak / final).toFixed(2)} x); the collection holds ${Math.round(held)} MiB`,
    );
  }
  console.log(`reopening: median ${Math.round(median(times))} ms to the first answer`);
} finally {
  await chromium.close();
  await server.close();
}
