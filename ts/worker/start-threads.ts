import {
  capabilities,
  crc32,
  Engine,
  initSync,
  initThreadPool,
  matchDocuments,
  readDocument,
  wbg_rayon_start_worker,
} from '../generated/threads.js';
import type { Glue } from './glue.js';
import type { PoolStart } from './start-workers.js';

/** The most pages that 32-bit wasm can have, 4 GiB; some systems reserve less. */
const MOST_PAGES = 65_536;
const LEAST_PAGES = 4096;
/** Pages at the start; at least as many as the file asks for, which the engine checks. */
const FIRST_PAGES = 256;

/** Instantiates the file with threads, and starts its pool. */
export async function startThreads(module: WebAssembly.Module, threads: number): Promise<Glue> {
  initSync({ module, memory: sharedMemory() });
  await initThreadPool(threads);
  return { Engine, capabilities, crc32, matchDocuments, readDocument };
}

/** Makes this worker a thread of the pool. Returns when the pool ends. */
export function joinPool({ module, memory, receiver }: PoolStart, ready: () => void): void {
  initSync({ module, memory });
  ready();
  wbg_rayon_start_worker(receiver);
}

/** Asks for less until the system grants it. */
function sharedMemory(): WebAssembly.Memory {
  for (let maximum = MOST_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: FIRST_PAGES, maximum, shared: true });
    } catch (thrown) {
      if (maximum <= LEAST_PAGES) throw thrown;
    }
  }
}
