import { deferred } from '../deferred.js';
import type { Storages } from '../storage/choose.js';
import type { Glue } from './glue.js';
import { Host } from './host.js';
import type {
  PoolAnswer,
  PoolRequest,
  PoolStart,
  Reply,
  Request,
  Start,
  Started,
} from './protocol.js';
import { startSingle } from './start-single.js';

/** The worker's end of the wire to whoever has started it. */
export interface Scope {
  /** Whether the other end hears of this one's end. */
  readonly ends?: boolean;
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

/** What a script has that can start threads. */
export type Threads = typeof import('./start-threads.js');

/**
 * The worker script. The first message says what this worker is: the one that holds the engine, or a thread of its
 * pool, which runs the same script.
 *
 * @param storages what the runtime has; asked for only by the one that holds the engine
 */
export function serve(scope: Scope, storages: () => Storages, threads?: Threads): void {
  // Messages may follow the first one before the engine has started.
  const early: Request[] = [];
  let host: Host | undefined;
  scope.onmessage = ({ data }: MessageEvent<Start | PoolStart | PoolAnswer | Request>) => {
    if (!('kindex' in data)) {
      if (host) void host.receive(data);
      else early.push(data);
    } else if (data.kindex === 'pool') {
      threads?.joinPool(data, () => scope.postMessage('ready'));
    } else if (data.kindex === 'threads') {
      threads?.threadsAnswered(data);
    } else {
      void startHost(scope, data, storages, threads).then((started) => {
        host = started;
        for (const request of early.splice(0)) void host?.receive(request);
      });
    }
  };
}

async function startHost(
  scope: Scope,
  { module, threads, memoryBudget }: Start,
  storages: () => Storages,
  threaded: Threads | undefined,
): Promise<Host | undefined> {
  const send = (reply: Reply | Started | PoolRequest, transfer: Transferable[] = []) =>
    scope.postMessage(reply, transfer);
  try {
    const engine = startEngine(module, threads, threaded, send);
    const host = new Host({
      glue: engine.glue,
      threads: engine.threads,
      storages: storages(),
      send,
      memoryBudget,
    });
    const life = scope.ends ? undefined : await holdForLife();
    send({ kindex: 'started', life });
    return host;
  } catch (thrown) {
    send({ kindex: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) });
    return undefined;
  }
}

function startEngine(
  module: WebAssembly.Module,
  threads: number,
  threaded: Threads | undefined,
  request: (request: PoolRequest) => void,
): { readonly glue: Glue; readonly threads: () => number | Promise<number> } {
  if (threads === 0) return { glue: startSingle(module), threads: () => 1 };
  if (threaded) return threaded.startThreads(module, threads, request);
  throw new Error('this script has no threads');
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
