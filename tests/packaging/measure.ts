// Measures the examples in workerd, and the start of the package in Node, Chromium and workerd. Not a test: nothing here fails for being slow.
//
//   node --import tsx tests/packaging/measure.ts [node] [chromium] [workerd] [snapshot] [sharded]
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { consumers, copyConsumer } from '../../scripts/consumers.mjs';
import { root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';
import { joinVectorFiles, readVectorFile } from '../../www/wordnet.js';
import { launchChromium } from '../browser/support.js';
import { command, DIMENSION, fixture, newFolder, prepare, programs } from './support.js';
import { startWrangler } from './wrangler.js';

const read = (path: string) => readVectorFile(new Uint8Array(readFileSync(join(root, path))));
const all = joinVectorFiles(read('www/data/vectors.bin'), read('benches/data/vectors.bin'));
const ROUNDS = 200;
const SHARD = 25_000;
const SHARDS = 8;

const vector = (i: number) => all.slice(i * DIMENSION, (i + 1) * DIMENSION);
const query = (i: number) => vector(60_000 + (i % 1000));
const example = (name: string) => copyConsumer(join(root, 'examples', name), `measure-${name}`);

async function timed(url: string, body: Uint8Array | string): Promise<{ ms: number; json: never }> {
  const started = performance.now();
  const response = await fetch(url, { method: 'POST', body: body as BodyInit });
  const json = (await response.json()) as never;
  const ms = performance.now() - started;
  if (!response.ok) throw new Error(JSON.stringify(json).slice(0, 500));
  return { ms, json };
}

function quantiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => (sorted[Math.floor(q * (sorted.length - 1))] as number).toFixed(2);
  return `median ${at(0.5)} ms, 90% within ${at(0.9)} ms`;
}

const figures: Record<string, () => Promise<void>> = {
  async node() {
    const folder = prepare('start');
    for (const [name, program] of [
      ['Node 20', process.execPath],
      ['Node 24', programs.node24],
    ] as const) {
      for (const threads of ['1', 'auto']) {
        const times: number[] = [];
        for (let i = 0; i < 9; i++)
          times.push(
            Number(await command(program, ['main.mjs', fixture, threads], { cwd: folder })),
          );
        console.log(`${name}, threads ${threads}: import to first answer, ${quantiles(times)}`);
      }
    }
  },

  async chromium() {
    const folder = prepare('start-page');
    copyFileSync(fixture, join(folder, basename(fixture)));
    const folders = { '/': folder, '/node_modules/': join(consumers, 'node_modules') };
    const browser = await launchChromium();
    for (const isolated of [false, true]) {
      const policy = "default-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
      const server = await serve(folders, { isolated, policy });
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        // Nothing is in its cache.
        const context = await browser.newContext();
        const page = await context.newPage();
        await page.goto(server.url);
        await page.waitForFunction(() => 'elapsed' in globalThis);
        times.push(
          await page.evaluate(() => (globalThis as unknown as { elapsed: number }).elapsed),
        );
        await context.close();
      }
      const kind = isolated ? 'isolated' : 'not isolated';
      console.log(`Chromium, ${kind}: import to first answer, ${quantiles(times)}`);
      await server.close();
    }
    await browser.close();
  },

  async workerd() {
    const body = new Uint8Array(readFileSync(fixture));
    const first: number[] = [];
    const second: number[] = [];
    const folder = prepare('worker', 'measure-worker');
    for (let start = 0; start < 5; start++) {
      const worker = await startWrangler(folder);
      try {
        first.push((await timed(worker.url, body)).ms);
        second.push((await timed(`${worker.url}echo`, body)).ms);
      } finally {
        await worker.stop();
      }
    }
    console.log(`workerd: first request, with insert and 21 searches, ${quantiles(first)}`);
    console.log(`workerd: a request that does nothing with as much ${quantiles(second)}`);
  },

  async snapshot() {
    const folder = example('snapshot-search');
    writeFileSync(
      join(folder, 'vectors.f32'),
      new Uint8Array(all.slice(0, SHARD * DIMENSION).buffer),
    );
    writeFileSync(
      join(folder, 'ids.json'),
      JSON.stringify(Array.from({ length: SHARD }, (_, i) => `word ${i}`)),
    );
    console.log(
      (
        await command(process.execPath, ['build.mjs', 'vectors.f32', 'ids.json'], { cwd: folder })
      ).trim(),
    );
    const cold: number[] = [];
    for (let start = 0; start < 5; start++) {
      const worker = await startWrangler(folder);
      try {
        const ask = (i: number) => timed(worker.url, JSON.stringify({ vector: [...query(i)] }));
        cold.push((await ask(0)).ms);
        if (start > 0) continue;
        for (let i = 0; i < ROUNDS; i++) await ask(i);
        const warm: number[] = [];
        const still = [];
        for (let i = 0; i < ROUNDS; i++) warm.push((await ask(i)).ms);
        // The same round trip without a search, to see what the proxy of `wrangler dev` takes.
        for (let i = 0; i < ROUNDS; i++) {
          const started = performance.now();
          await (await fetch(worker.url)).text();
          still.push(performance.now() - started);
        }
        console.log(
          `snapshot, ${SHARD} x 384: warm ${quantiles(warm)}; a request that searches nothing ${quantiles(still)}`,
        );
      } finally {
        await worker.stop();
      }
    }
    console.log(`snapshot, ${SHARD} x 384: first answer of an isolate ${quantiles(cold)}`);
  },

  async sharded() {
    const folder = example('sharded');
    const state = newFolder();
    const worker = await startWrangler(folder, {
      state,
      variables: { MEMORY_BUDGET: String(2 ** 30) },
    });
    try {
      for (const [shards, rows] of [
        [1, SHARD],
        [SHARDS, SHARDS * SHARD],
      ] as const) {
        const started = performance.now();
        for (let at = 0; at < rows; at += 2000) {
          const part = Array.from({ length: Math.min(2000, rows - at) }, (_, i) => ({
            id: `word ${at + i}`,
            vector: Array.from(noisy(at + i), (x) => Number(x.toFixed(5))),
          }));
          await timed(`${worker.url}insert?shards=${shards}`, JSON.stringify(part));
        }
        console.log(
          `${shards} shards, ${rows} rows written in ${Math.round(performance.now() - started)} ms`,
        );
      }
      for (const shards of [1, SHARDS, 1, SHARDS]) {
        const times: number[] = [];
        for (let i = 0; i < 2 * ROUNDS; i++) {
          const { ms } = await timed(
            `${worker.url}search?shards=${shards}`,
            new Uint8Array(query(i).buffer),
          );
          if (i >= ROUNDS) times.push(ms);
        }
        console.log(`${shards} shards: a search ${quantiles(times)}`);
      }
    } finally {
      await worker.stop();
      rmSync(state, { recursive: true, force: true });
    }
  },
};

/** Row i of as many as one likes: the real vectors over and over, each time a little different. */
function noisy(i: number): Float32Array {
  const made = vector(i % 60_000);
  if (i < 60_000) return made;
  return made.map((x, j) => x + 0.02 * Math.sin(i * 0.37 + j * 12.9898));
}

const chosen = process.argv.slice(2);
for (const [name, measure] of Object.entries(figures))
  if (chosen.length === 0 || chosen.includes(name)) await measure();
