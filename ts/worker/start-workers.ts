import type { PoolRequest } from './protocol.js';

/**
 * Takes the place of wasm-bindgen-rayon's `workerHelpers.js`, which starts the threads as workers of this worker. Here
 * whoever has started this worker starts them: while messages wait for a worker, Firefox may never return from `new
 * Worker` in it.
 */

/** What wasm-bindgen-rayon hands over. */
interface PoolBuilder {
  numThreads(): number;
  receiver(): number;
  build(): void;
}

type Ask = (request: PoolRequest) => Promise<void>;

let ask: Ask;

/** Says who starts threads; settles once all have joined. */
export function provideThreads(starter: Ask): void {
  ask = starter;
}

export async function startWorkers(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  builder: PoolBuilder,
) {
  await ask({
    kindex: 'threads',
    count: builder.numThreads(),
    start: { kindex: 'pool', module, memory, receiver: builder.receiver() },
  });
  builder.build();
}
