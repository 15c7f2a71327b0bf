import { deferred } from '../deferred.js';
import initSingle, * as single from '../generated/single.js';
import initThreads, * as threaded from '../generated/threads.js';
import type { Storages } from '../storage/choose.js';
import type { Glue } from './glue.js';
import { Host } from './host.js';
import type { Reply, Request, Start, Started } from './protocol.js';
import type { PoolStart } from './start-workers.js';

/** The most pages that 32-bit wasm can have, 4 GiB; some systems reserve less. */
const MOST_PAGES = 65_536;
const LEAST_PAGES = 4096;
/** Pages at the start; at least as many as the file asks for, which the engine checks. */
const FIRST_PAGES = 256;

/** The worker's end of the wire to whoever has started it. */
export interface Scope {
  /** Whether the other end hears of this one's end. */
  readonly ends?: boolean;
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

/**
 * The worker script. The first message says what this worker is: the one that holds the engine, or a thread of its
 * pool, which runs the same script.
 *
 * @param storages what the runtime has; asked for only by the one that holds the engine
 */
export function serve(scope: Scope, storages: () => Storages): void {
  // Messages may follow the first one before the engine has started.
  const early: Request[] = [];
  let host: Host | undefined;
  scope.onmessage = ({ data }: MessageEvent<Start | PoolStart | Request>) => {
    if (!('kindex' in data)) {
      if (host) void host.receive(data);
      else early.push(data);
    } else if (data.kindex === 'pool') {
      void runThread(scope, data);
    } else {
      void startHost(scope, data, storages).then((started) => {
        host = started;
        for (const request of early.splice(0)) void host?.receive(request);
      });
    }
  };
}

async function runThread(scope: Scope, { module, memory, receiver }: PoolStart): Promise<void> {
  await initThreads({ module_or_path: module, memory });
  scope.postMessage('ready');
  threaded.wbg_rayon_start_worker(receiver);
}

async function startHost(
  scope: Scope,
  { module, threads, memoryBudget }: Start,
  storages: () => Storages,
): Promise<Host | undefined> {
  const send = (reply: Reply | Started, transfer: Transferable[] = []) =>
    scope.postMessage(reply, transfer);
  try {
    const glue: Glue =
      threads > 0 ? await startThreaded(module, threads) : await startSingle(module);
    const host = new Host({
      glue,
      threads: Math.max(1, threads),
      storages: storages(),
      send,
      memoryBudget,
    });
    send({ kindex: 'started', life: scope.ends ? undefined : await holdForLife() });
    return host;
  } catch (thrown) {
    send({ kindex: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) });
    return undefined;
  }
}

/** A lock that ends with this worker, however it ends: nothing else tells the page of it. */
async function holdForLife(): Promise<string | undefined> {
  if (typeof navigator === 'undefined' || !navigator.locks) return undefined;
  const name = `kindex-worker:${Date.now()}-${Math.random()}`;
  const held = deferred<void>();
  navigator.locks
    .request(name, () => {
      held.resolve();
      return new Promise(() => {});
    })
    .catch(held.reject);
  await held.promise;
  return name;
}

async function startSingle(module: WebAssembly.Module): Promise<Glue> {
  await initSingle({ module_or_path: module });
  return single;
}

async function startThreaded(module: WebAssembly.Module, threads: number): Promise<Glue> {
  await initThreads({ module_or_path: module, memory: sharedMemory() });
  await threaded.initThreadPool(threads);
  return threaded;
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
