// The synchronous index, and the entry that is handed its wasm, in one process.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Index, initialize } from 'kindex/core';
import * as slim from 'kindex/slim';
import { check } from '../check.js';

const numbers = new Float32Array(new Uint8Array(await readFile(process.argv[2])).buffer);
await initialize();
const index = new Index({ dimension: 384 });
index.insert(numbers.subarray(0, 1000 * 384));
const queries = numbers.slice(1000 * 384);
const core = index
  .searchBatch(queries, 10)
  .map(({ keys }) => Array.from(keys, (key) => `word ${key}`));
index.close();

const early = await slim.Collection.open('early', { dimension: 2 }).catch(({ code, message }) => ({
  code,
  message,
}));
const wasm = createRequire(import.meta.url).resolve('kindex/kindex.wasm');
await slim.initialize(await readFile(wasm));
const outcome = await check(slim.Collection, numbers.buffer);
console.log(JSON.stringify({ core, early, ...outcome }));
