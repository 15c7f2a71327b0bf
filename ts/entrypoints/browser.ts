/** @module kindex */
import { memoryBudget } from '../arguments.js';
import { KindexError } from '../errors.js';
import { provideRuntime } from '../runtime.js';
import type { EngineOptions } from '../types.js';
import type { Client } from '../worker/client.js';
import { poolSize } from '../worker/pool-size.js';
import { spawn } from '../worker/spawn.js';
import { chooseWasm, compileWasm, urlsIn, type WasmUrls } from '../worker/wasm-source.js';

export * from '../index.js';

/** Each address is written out in full: this is the form in which bundlers find and copy files. */
function wasmUrls(): WasmUrls {
  return {
    single: new URL('./kindex.wasm', import.meta.url),
    relaxed: new URL('./kindex-relaxed.wasm', import.meta.url),
    threads: new URL('./kindex-threads.wasm', import.meta.url),
    threadsRelaxed: new URL('./kindex-threads-relaxed.wasm', import.meta.url),
  };
}

/** The address of the wasm: what the options say, or the file that fits best. */
function wasmUrl(options: EngineOptions, threads: boolean): string | URL {
  const { wasmUrl: given } = options;
  if (given === undefined) return chooseWasm(wasmUrls(), threads);
  return String(given).endsWith('/') ? chooseWasm(urlsIn(given), threads) : given;
}

/**
 * Again each address in full, within the call: bundlers bundle the script that they find so. Under its name, which
 * must be its own.
 */
function newWorker({ workerUrl }: EngineOptions, threads: boolean): Worker {
  try {
    if (workerUrl !== undefined) return new Worker(workerUrl, { type: 'module', name: 'kindex' });
    if (threads)
      return new Worker(new URL('./worker.js', import.meta.url), {
        type: 'module',
        name: 'kindex',
      });
    return new Worker(new URL('./worker-single.js', import.meta.url), {
      type: 'module',
      name: 'kindex-single',
    });
  } catch (cause) {
    const message = `the browser refuses the worker of Kindex (${cause}); see the option 'workerUrl'`;
    throw new KindexError('UNSUPPORTED', message, { cause });
  }
}

/** Cores for a pool. workerd has SharedArrayBuffer and no threads: only isolation with workers says that there are any. */
function cores() {
  const possible = globalThis.crossOriginIsolated === true && typeof Worker === 'function';
  return { possible, cores: navigator.hardwareConcurrency };
}

/** A page that was frozen, or kept aside for the way back, has heard nothing of what other tabs have written. */
function revalidateOnReturn(client: Client): void {
  const revalidate = () => void client.call('revalidate', {}).catch(() => {});
  addEventListener('pageshow', ({ persisted }) => persisted && revalidate());
  globalThis.document?.addEventListener('resume', revalidate);
}

/**
 * Whether workers can be made here, and be relied on: in a worker of Firefox, `new Worker` may never return while
 * messages wait for that worker, and nothing but its name tells.
 */
function hasWorkers(): boolean {
  const inWorker = typeof document === 'undefined';
  return typeof Worker === 'function' && !(inWorker && navigator.userAgent.includes('Firefox/'));
}

/** The browser takes as long to start IndexedDB, for whoever asks first, as to start a worker. */
function wakeIndexedDb(): void {
  try {
    indexedDB.databases().catch(() => {});
  } catch {
    // Where there is none, the worker finds out why.
  }
}

async function startInPlace(options: EngineOptions): Promise<Client> {
  // Only pages without workers, or with a storage of their own, load this.
  const { browserStorages, connectSingle } = await import('../worker/in-page.js');
  const module = await compileWasm(wasmUrl(options, false));
  return connectSingle(module, browserStorages(), memoryBudget(options));
}

provideRuntime({
  async start(options) {
    if (!hasWorkers()) return startInPlace(options);
    wakeIndexedDb();
    const threads = poolSize(options, cores());
    const modules = new Map<boolean, Promise<WebAssembly.Module>>();
    const client = await spawn({
      threads,
      memoryBudget: memoryBudget(options),
      worker: (threaded) => newWorker(options, threaded),
      module(threaded) {
        const module = modules.get(threaded) ?? compileWasm(wasmUrl(options, threaded));
        modules.set(threaded, module);
        return module;
      },
    });
    revalidateOnReturn(client);
    return client;
  },
  startInPlace,
});
