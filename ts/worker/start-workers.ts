/**
 * The pool's threads: takes the place of wasm-bindgen-rayon's `workerHelpers.js`, whose import of the package's
 * root breaks bundlers. Every thread runs the very script that this runs in.
 */

/** The first message to a thread of the pool. */
export interface PoolStart {
  readonly kindex: 'pool';
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly receiver: number;
  /** The channel on which a thread that traps says so. */
  readonly ends: string;
}

/**
 * Where threads of this worker's pool tell the page that they have trapped. Not this worker: it may be waiting for
 * them, for ever.
 */
export const POOL_ENDS = `kindex-pool:${Date.now()}-${Math.random()}`;

/** What wasm-bindgen-rayon hands over. */
interface PoolBuilder {
  numThreads(): number;
  receiver(): number;
  build(): void;
}

/** How long a thread may take to start. */
const START_MS = 10_000;

/** Browsers collect workers that nothing refers to, even while they run. */
let threads: Worker[] = [];

export async function startWorkers(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  builder: PoolBuilder,
) {
  const receiver = builder.receiver();
  const start: PoolStart = { kindex: 'pool', module, memory, receiver, ends: POOL_ENDS };
  const starting = Array.from({ length: builder.numThreads() }, (_, i) => startThread(start, i));
  try {
    await Promise.all(starting);
  } catch (thrown) {
    for (const thread of threads) thread.terminate();
    threads = [];
    throw thrown;
  }
  builder.build();
}

function startThread(start: PoolStart, i: number): Promise<void> {
  const thread = new Worker(self.location.href, { type: ownType(), name: `kindex-${i + 1}` });
  threads.push(thread);
  return new Promise((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`a thread of the pool did not start: ${why}`));
    const timer = setTimeout(() => failed('no answer'), START_MS);
    thread.onmessage = () => {
      clearTimeout(timer);
      resolve();
    };
    thread.onerror = (event) => {
      clearTimeout(timer);
      failed(event.message);
    };
    thread.postMessage(start);
  });
}

/** Whether this script runs as a module or as a classic worker: some bundlers turn one into the other. */
function ownType(): WorkerType {
  try {
    (self as unknown as { importScripts(url: string): void }).importScripts(
      'data:text/javascript,',
    );
    return 'classic';
  } catch (thrown) {
    // In a module worker importScripts is not allowed (a TypeError); in a classic one a policy may refuse the URL.
    return thrown instanceof TypeError ? 'module' : 'classic';
  }
}
