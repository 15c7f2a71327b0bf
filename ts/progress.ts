import { tell } from './events.js';
import type { Phase, Progress } from './types.js';

/** Least time between two events. */
const INTERVAL_MS = 50;

/** Hears of steps. */
export interface Steps {
  report(phase: Phase, done: number, total: number): void;
}

/** Passes progress on at most every 50 ms, and the last word always. */
export class ProgressReporter implements Steps {
  /** Parts handed over so far; whoever hands one over counts it. */
  batches = 0;
  /** Whether nobody knows how much there will be. */
  openEnded = false;
  readonly #listener: (progress: Progress) => void;
  /** When each phase began, and how much of it was done then. */
  readonly #began = new Map<Phase, { at: number; done: number }>();
  #lastAt = Number.NEGATIVE_INFINITY;
  #held: Progress | undefined;

  constructor(listener: (progress: Progress) => void) {
    this.#listener = listener;
  }

  report(phase: Phase, done: number, total: number): void {
    const now = performance.now();
    let began = this.#began.get(phase);
    if (!began || done < began.done) {
      began = { at: now, done };
      this.#began.set(phase, began);
    }
    const seconds = (now - began.at) / 1000;
    const rate = seconds > 0 ? (done - began.done) / seconds : 0;
    const etaMs = this.openEnded ? undefined : timeLeft(total - done, rate);
    const progress = { phase, done, total, rate, etaMs, batches: this.batches };
    if (now - this.#lastAt < INTERVAL_MS) {
      this.#held = progress;
      return;
    }
    this.#held = undefined;
    this.#lastAt = now;
    this.#listener(progress);
  }

  /** For a part of a whole, the rows before which are done. What storage counts are its own records. */
  part(before: number, whole: () => number): Steps {
    return {
      report: (phase, done, total) => {
        if (phase === 'commit') this.report(phase, done, total);
        else this.report(phase, before + done, Math.max(before + total, whole()));
      },
    };
  }

  /** Says what was held back last. */
  finish(): void {
    // The call is decided: what a listener throws now would be taken for its outcome.
    if (this.#held) tell(this.#listener, this.#held);
    this.#held = undefined;
  }
}

function timeLeft(items: number, rate: number): number | undefined {
  if (items <= 0) return 0;
  return rate > 0 ? (items / rate) * 1000 : undefined;
}

/** Lets the page handle input and paint before work goes on. */
export async function rest(): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: { yield?: () => Promise<void> } };
  if (scheduler?.yield) return scheduler.yield();
  return new Promise((resolve) => setTimeout(resolve));
}
