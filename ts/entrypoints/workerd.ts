import wasm from '../generated/kindex.wasm';
import { provideRuntime } from '../runtime.js';
import { Storages } from '../storage/choose.js';
import { connectSingle } from '../worker/single.js';

export * from '../index.js';

/** There is no lasting storage in an isolate itself: collections are in memory, or where an adapter puts them. */
async function start() {
  return connectSingle(wasm, new Storages([]));
}

provideRuntime({ start, startInPlace: start });
