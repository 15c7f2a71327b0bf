import type { Progress } from './types.js';

/** Least time between two events. */
const INTERVAL_MS = 50;

/** Passes progress on at most every 50 ms, and the last word always. */
export class ProgressReporter {
  readonly #listener: (progress: Progress) => void;
  #lastAt = Number.NEGATIVE_INFINITY;
  #held: Progress | undefined;

  constructor(listener: (progress: Progress) => void) {
    this.#listener = listener;
  }

  report(progress: Progress): void {
    const now = performance.now();
    if (now - this.#lastAt < INTERVAL_MS) {
      this.#held = progress;
      return;
    }
    this.#held = undefined;
    this.#lastAt = now;
    this.#listener(progress);
  }

  /** Says what was held back last. */
  finish(): void {
    if (this.#held) this.#listener(this.#held);
    this.#held = undefined;
  }
}

/** Lets the page handle input and paint before work goes on. */
export async function rest(): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: { yield?: () => Promise<void> } };
  if (scheduler?.yield) return scheduler.yield();
  return new Promise((resolve) => setTimeout(resolve));
}
