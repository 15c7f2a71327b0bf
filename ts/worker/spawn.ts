import { KindexError } from '../errors.js';
import { Client } from './client.js';
import { Pool } from './pool.js';
import type { BudgetSettings, PoolAnswer, PoolRequest, Reply, Start, Started } from './protocol.js';

/** How long a worker may take to start. */
const START_MS = 10_000;

/** What is asked of a worker, of the web or of Node. */
export type EngineWorker = Pick<Worker, 'onmessage' | 'onerror' | 'terminate'> & {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
};

/** How to get the parts of an engine. */
export interface Parts {
  /** Compiles the file with or without threads; asked once per kind. */
  module(threads: boolean): Promise<WebAssembly.Module>;
  /** A worker that can start threads, or one that need not. */
  worker(threads: boolean): EngineWorker;
  /** Threads to begin with; 0 = the single-threaded file. */
  readonly threads: number;
  readonly memoryBudget: BudgetSettings | undefined;
}

/**
 * Starts an engine in a worker. One with threads that does not start is tried with half of them, and in the end
 * without any.
 *
 * @throws KindexError `UNSUPPORTED` if not even the single-threaded engine starts
 */
export async function spawn(parts: Parts): Promise<Client> {
  for (let { threads } = parts; ; threads = threads > 2 ? Math.floor(threads / 2) : 0) {
    try {
      return await attempt(parts, threads);
    } catch (thrown) {
      if (threads === 0) throw thrown;
    }
  }
}

async function attempt(parts: Parts, threads: number): Promise<Client> {
  // Both take a while, and neither needs the other.
  const compiling = parts.module(threads > 0);
  compiling.catch(() => {});
  const worker = parts.worker(threads > 0);
  const pool = new Pool(() => parts.worker(true));
  try {
    // A worker that is blocked or missing says so once, perhaps before the wasm is compiled.
    const module = await Promise.race([compiling, scriptFailure(worker)]);
    const start = { module, threads, memoryBudget: parts.memoryBudget };
    return connect(worker, pool, await started(worker, { kindex: 'start', ...start }));
  } catch (thrown) {
    worker.terminate();
    pool.end();
    throw thrown;
  }
}

const noStart = (why: string) =>
  new KindexError(
    'UNSUPPORTED',
    `the engine does not start in its worker: ${why} (see the options 'workerUrl' and 'wasmUrl')`,
  );

const scriptProblem = ({ message }: ErrorEvent) =>
  noStart(
    message ||
      "its script can't be loaded, or the page's Content-Security-Policy forbids it (worker-src must allow the script's origin)",
  );

/** Rejects if the script can't be run; never resolves. */
function scriptFailure(worker: EngineWorker): Promise<never> {
  return new Promise((_, reject) => {
    worker.onerror = (event) => reject(scriptProblem(event));
  });
}

/** Resolves once the worker says that its engine is up, with the lock that it holds until it ends. */
function started(worker: EngineWorker, start: Start): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(noStart(`no answer within ${START_MS / 1000} s`)),
      START_MS,
    );
    worker.onmessage = ({ data }: MessageEvent<Started>) => {
      clearTimeout(timer);
      if (data.kindex === 'started') resolve(data.life);
      else reject(noStart(data.message));
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      reject(scriptProblem(event));
    };
    worker.postMessage(start, []);
  });
}

function connect(worker: EngineWorker, pool: Pool, life: string | undefined): Client {
  const client = new Client({
    inPlace: false,
    post: (request, transfer) => worker.postMessage(request, transfer),
  });
  const end = () => {
    worker.terminate();
    pool.end();
  };
  const crashed = (why: string) => {
    client.fail(new KindexError('CRASHED', `the engine's worker has crashed: ${why}`));
    end();
  };
  worker.onmessage = ({ data }: MessageEvent<Reply | PoolRequest>) => {
    if ('kindex' in data) {
      const answer = (rest: Partial<PoolAnswer>) =>
        worker.postMessage({ kindex: 'threads', ...rest }, []);
      pool.start(data).then(
        () => answer({}),
        (thrown) => answer({ failure: String(thrown) }),
      );
      return;
    }
    client.receive(data);
    if (client.failure) end();
  };
  worker.onerror = (event) => crashed(event.message || 'no reason given');
  // Whoever waits for a thread that has trapped waits for ever.
  pool.onTrap = (why) => crashed(`a thread of its pool has trapped (${why})`);
  // A worker that is terminated, or for which there is no memory any more, ends without a word.
  if (life !== undefined && typeof Worker === 'function')
    navigator.locks?.request(life, () => crashed('it has ended')).catch(() => {});
  return client;
}
