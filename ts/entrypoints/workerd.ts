import { memoryBudget } from '../arguments.js';
import wasm from '../generated/kindex.wasm';
import { provideRuntime } from '../runtime.js';
import { Storages } from '../storage/choose.js';
import type { EngineOptions } from '../types.js';
import { connectSingle } from '../worker/single.js';

export * from '../index.js';

/** An isolate is ended at 128 MB; what is not the collections' must fit beside them. */
const MEMORY_BUDGET = 96 * 1024 * 1024;

/** There is no lasting storage in an isolate itself: collections are in memory, or where an adapter puts them. */
async function start(options: EngineOptions) {
  return connectSingle(wasm, new Storages([]), memoryBudget(options, MEMORY_BUDGET));
}

provideRuntime({ start, startInPlace: start });
