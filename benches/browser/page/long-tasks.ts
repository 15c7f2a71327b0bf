import type { LongTasks } from './task.js';

type Name = 'inserting' | 'searching' | 'between';

/** What the browser calls a long task. */
const LONG_MS = 50;

/** Finds how long the main thread was blocked, by what the benchmark did in that time. */
export class LongTaskWatch {
  readonly #entered: { name: Name; at: number }[] = [{ name: 'between', at: 0 }];
  readonly #tasks: PerformanceEntry[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#tasks.push(...list.getEntries()));

  constructor() {
    this.#observer.observe({ type: 'longtask' });
  }

  enter(name: Name): void {
    this.#entered.push({ name, at: performance.now() });
  }

  async end(): Promise<LongTasks> {
    this.enter('between');
    // The last entries are handed over in a task of their own.
    await new Promise((resolve) => setTimeout(resolve, 100));
    this.#observer.disconnect();
    return { inserting: this.#during('inserting'), searching: this.#during('searching') };
  }

  /** A task may begin before a phase and end after it: what counts is the time that they share. */
  #during(wanted: Name): number[] {
    const blocks: number[] = [];
    for (const [i, { name, at }] of this.#entered.entries()) {
      const end = this.#entered[i + 1]?.at;
      if (name !== wanted || end === undefined) continue;
      for (const { startTime, duration } of this.#tasks) {
        const shared = Math.min(end, startTime + duration) - Math.max(at, startTime);
        if (shared >= LONG_MS) blocks.push(Math.round(shared));
      }
    }
    return blocks;
  }
}
