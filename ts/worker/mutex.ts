import { type Deferred, deferred } from '../deferred.js';

/** Lets one in at a time, in the order of asking. */
export class Mutex {
  #held = false;
  readonly #waiting: Deferred<void>[] = [];

  /** Whether nobody is in or waits. */
  get idle(): boolean {
    return !this.#held;
  }

  /** Whether somebody waits. */
  get wanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when it is the caller's turn, with what ends the turn. */
  async acquire(): Promise<() => void> {
    if (this.#held) {
      const turn = deferred<void>();
      this.#waiting.push(turn);
      await turn.promise;
    }
    this.#held = true;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift();
      // Handed over directly, so that nobody gets in between.
      if (next) next.resolve();
      else this.#held = false;
    };
  }

  /** Fails everybody who waits. */
  abandon(reason: unknown): void {
    for (const turn of this.#waiting.splice(0)) turn.reject(reason);
  }
}
