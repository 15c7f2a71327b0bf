import { KindexError } from '../errors.js';
import { Client } from './client.js';
import type { BudgetSettings, Reply, Start, Started } from './protocol.js';

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
  /** A channel that does not keep the process from ending; undefined where there is none. */
  channel(name: string): Pick<BroadcastChannel, 'onmessage' | 'close'> | undefined;
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
  try {
    // A worker that is blocked or missing says so once, perhaps before the wasm is compiled.
    const module = await Promise.race([compiling, scriptFailure(worker)]);
    const start = { module, threads, memoryBudget: parts.memoryBudget };
    return connect(worker, await started(worker, { kindex: 'start', ...start }), parts.channel);
  } catch (thrown) {
    worker.terminate();
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

type Lives = Pick<Extract<Started, { kindex: 'started' }>, 'life' | 'poolEnds'>;

/** Resolves once the worker says that its engine is up, and how one learns of its end. */
function started(worker: EngineWorker, start: Start): Promise<Lives> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(noStart(`no answer within ${START_MS / 1000} s`)),
      START_MS,
    );
    worker.onmessage = ({ data }: MessageEvent<Started>) => {
      clearTimeout(timer);
      if (data.kindex === 'started') resolve(data);
      else reject(noStart(data.message));
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      reject(scriptProblem(event));
    };
    worker.postMessage(start, []);
  });
}

function connect(worker: EngineWorker, { life, poolEnds }: Lives, open: Parts['channel']): Client {
  const client = new Client({
    inPlace: false,
    post: (request, transfer) => worker.postMessage(request, transfer),
  });
  const channel = poolEnds === undefined ? undefined : open(poolEnds);
  const crashed = (why: string) => {
    channel?.close();
    client.fail(new KindexError('CRASHED', `the engine's worker has crashed: ${why}`));
    worker.terminate();
  };
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    client.receive(data);
    if (client.failure) worker.terminate();
  };
  worker.onerror = (event) => crashed(event.message || 'no reason given');
  // Whoever waits for a thread that has trapped waits for ever.
  if (channel)
    channel.onmessage = ({ data }) => crashed(`a thread of its pool has trapped (${data})`);
  // A worker that is terminated, or for which there is no memory any more, ends without a word.
  if (life !== undefined && typeof Worker === 'function')
    navigator.locks?.request(life, () => crashed('it has ended')).catch(() => {});
  return client;
}
