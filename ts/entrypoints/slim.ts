/** @module kindex/slim */
import { memoryBudget } from '../arguments.js';
import { KindexError, show } from '../errors.js';
import { provideRuntime } from '../runtime.js';
import { browserStorages } from '../storage/browser.js';
import type { EngineOptions } from '../types.js';
import { connectSingle } from '../worker/single.js';
import { assertSimd } from '../worker/wasm-source.js';

export * from '../index.js';

let given: WebAssembly.Module | undefined;

/**
 * Hands over the wasm (`kindex.wasm`, or `kindex-relaxed.wasm` where relaxed SIMD is known to work): this entry fetches
 * nothing and starts no worker, for runtimes and bundlers that the others don't fit. Call it before `Collection.open`.
 */
export async function initialize(wasm: WebAssembly.Module | BufferSource): Promise<void> {
  assertSimd();
  try {
    given = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
  } catch (cause) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `initialize takes the wasm, but this is ${show(wasm)}: ${cause}`,
      { cause },
    );
  }
}

async function start(options: EngineOptions) {
  if (given) return connectSingle(given, browserStorages(), memoryBudget(options));
  throw new KindexError(
    'UNSUPPORTED',
    "'kindex/slim' must be given the wasm first: await initialize(module)",
  );
}

provideRuntime({ start, startInPlace: start });
