import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryBudget } from '../arguments.js';
import { KindexError } from '../errors.js';
import { provideRuntime } from '../runtime.js';
import { FileStorage } from '../storage/file.js';
import { nodeStorages } from '../storage/node.js';
import type { EngineOptions } from '../types.js';
import type { Client } from '../worker/client.js';
import { hasRelaxedSimd } from '../worker/features.js';
import { NodeWorker } from '../worker/node-thread.js';
import { poolSize } from '../worker/pool-size.js';
import { connectSingle } from '../worker/single.js';
import { spawn } from '../worker/spawn.js';
import { assertSimd } from '../worker/wasm-source.js';

export * from '../index.js';
export { FileStorage };

/**
 * Joined paths, because some bundlers of server code follow `new URL(..., import.meta.url)` and fail; each written out
 * in full, because they take all files of the folder for what is put together here.
 */
const here = dirname(fileURLToPath(import.meta.url));
const SCRIPT = join(here, 'node-worker.js');
const WASM = {
  'kindex.wasm': join(here, 'kindex.wasm'),
  'kindex-relaxed.wasm': join(here, 'kindex-relaxed.wasm'),
  'kindex-threads.wasm': join(here, 'kindex-threads.wasm'),
  'kindex-threads-relaxed.wasm': join(here, 'kindex-threads-relaxed.wasm'),
} as const;

const pathOf = (place: string | URL) =>
  place instanceof URL || place.startsWith('file:') ? fileURLToPath(place) : place;

function wasmPath({ wasmUrl }: EngineOptions, threads: boolean): string {
  const best =
    `kindex${threads ? '-threads' : ''}${hasRelaxedSimd() ? '-relaxed' : ''}.wasm` as const;
  if (wasmUrl === undefined) return WASM[best];
  const path = pathOf(wasmUrl);
  return path.endsWith('/') ? join(path, best) : path;
}

async function compile(options: EngineOptions, threads: boolean): Promise<WebAssembly.Module> {
  assertSimd();
  const path = wasmPath(options, threads);
  try {
    return await WebAssembly.compile(await readFile(path));
  } catch (cause) {
    const message = `the wasm can't be read from ${path} (${cause}); set the option 'wasmUrl' to where Kindex's wasm files are`;
    throw new KindexError('UNSUPPORTED', message, { cause });
  }
}

/** The script of the engine's thread; undefined where a bundler has left it behind. */
function workerPath({ workerUrl }: EngineOptions): string | undefined {
  const path = workerUrl === undefined ? SCRIPT : pathOf(workerUrl);
  if (existsSync(path)) return path;
  if (workerUrl === undefined) return undefined;
  throw new KindexError(
    'UNSUPPORTED',
    `there is no worker script at ${path}: see the option 'workerUrl'`,
  );
}

async function start(options: EngineOptions): Promise<Client> {
  const script = workerPath(options);
  if (script === undefined) return startInPlace(options);
  return spawn({
    // Node 20 (V8 11.3) hangs when its baseline compiler has compiled a pool's waiting; relaxed SIMD came with the next.
    memoryBudget: memoryBudget(options),
    threads: poolSize(options, { possible: hasRelaxedSimd(), cores: availableParallelism() }),
    worker: () => new NodeWorker(script, { name: 'kindex' }),
    module: (threads) => compile(options, threads),
  });
}

async function startInPlace(options: EngineOptions): Promise<Client> {
  return connectSingle(await compile(options, false), nodeStorages(), memoryBudget(options));
}

provideRuntime({ start, startInPlace });
