import type { PoolRequest, PoolStart } from './protocol.js';
import type { EngineWorker } from './spawn.js';

/** How long a thread may take to start. */
const START_MS = 10_000;

/**
 * The threads of an engine's pool, each a worker that runs the engine's own script. Held here, beside the engine's
 * worker: browsers collect workers that nothing refers to, even while they run.
 */
export class Pool {
  /** Hears of a thread that has ended. */
  onTrap: (why: string) => void = () => {};
  readonly #newThread: () => EngineWorker;
  #threads: EngineWorker[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #ended = false;

  constructor(newThread: () => EngineWorker) {
    this.#newThread = newThread;
  }

  /** Settles once all threads have joined; if one does not, ends all. */
  async start({ count, start }: PoolRequest): Promise<void> {
    if (this.#ended) throw new Error('the engine has ended');
    try {
      this.#threads = Array.from({ length: count }, this.#newThread);
      await Promise.all(this.#threads.map((thread) => this.#join(thread, start)));
    } catch (thrown) {
      this.#endThreads();
      throw thrown;
    }
  }

  end(): void {
    this.#ended = true;
    this.#endThreads();
  }

  #endThreads(): void {
    for (const thread of this.#threads.splice(0)) thread.terminate();
    // Of threads that will never join: in Node they would hold the process.
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #join(thread: EngineWorker, start: PoolStart): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (why: string) => {
        clearTimeout(timer);
        reject(new Error(`a thread of the pool did not start: ${why}`));
      };
      const timer = setTimeout(() => failed('no answer'), START_MS);
      this.#timers.add(timer);
      thread.onerror = (event) => failed(event.message);
      thread.onmessage = () => {
        clearTimeout(timer);
        thread.onerror = (event) => this.onTrap(event.message);
        resolve();
      };
      thread.postMessage(start, []);
    });
  }
}
