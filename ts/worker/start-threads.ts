import { type Deferred, deferred } from '../deferred.js';
import {
  capabilities,
  crc32,
  Engine,
  initSync,
  initThreadPool,
  matchDocuments,
  poolHasStarted,
  readDocument,
  wbg_rayon_start_worker,
} from '../generated/threads.js';
import type { Glue } from './glue.js';
import type { PoolAnswer, PoolRequest, PoolStart } from './protocol.js';
import { provideThreads } from './start-workers.js';

/** The most pages that 32-bit wasm can have, 4 GiB; some systems reserve less. */
const MOST_PAGES = 65_536;
const LEAST_PAGES = 4096;
/** When the pool starts if nothing has asked for it. */
const IDLE_MS = 250;

/** Pages at the start; at least as many as the file asks for, which the engine checks. */
const FIRST_PAGES = 256;

let asked: Deferred<void> | undefined;

/**
 * Instantiates the file with threads, which works on this thread alone until the pool has started: when it is first
 * asked for, or after a while, so that it does not compete with the first answers.
 *
 * @param request asks whoever has started this worker for threads, whose answer is for {@link threadsAnswered}
 * @returns and how to start the pool, which tells how many threads there are in the end
 */
export function startThreads(
  module: WebAssembly.Module,
  wanted: number,
  request: (request: PoolRequest) => void,
): { readonly glue: Glue; readonly threads: () => Promise<number> } {
  provideThreads((threads) => {
    asked = deferred();
    request(threads);
    return asked.promise;
  });
  initSync({ module, memory: sharedMemory() });
  let starting: Promise<number> | undefined;
  const threads = () => {
    starting ??= startPool(wanted);
    return starting;
  };
  const timer: unknown = setTimeout(threads, IDLE_MS);
  // In Node it must not keep the process alive.
  (timer as { unref?: () => void }).unref?.();
  return {
    glue: { Engine, capabilities, crc32, matchDocuments, readDocument },
    threads,
  };
}

export function threadsAnswered({ failure }: PoolAnswer): void {
  if (failure === undefined) asked?.resolve();
  else asked?.reject(new Error(failure));
}

/** A pool that does not start is tried with half the threads. Without one the results are the same. */
async function startPool(threads: number): Promise<number> {
  for (let wanted = threads; wanted > 1; wanted = Math.floor(wanted / 2)) {
    try {
      await initThreadPool(wanted);
      poolHasStarted();
      return wanted;
    } catch {
      // For want of memory, or because a policy forbids workers in workers.
    }
  }
  return 1;
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
