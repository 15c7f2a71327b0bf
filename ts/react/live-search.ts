import type { Collection } from '../collection.js';
import type { KindexError } from '../errors.js';
import type { Hit, SearchOptions, Vector } from '../types.js';
import { asKindexError } from './failure.js';

/** What a search has found so far. */
export interface Outcome<M extends object> {
  readonly hits: readonly Hit<M>[];
  readonly error: KindexError | undefined;
}

/**
 * One search of a collection that is asked again when the collection changes. At most one is under way; changes
 * meanwhile are answered by one more after it.
 */
export class LiveSearch<M extends object> {
  readonly #collection: Collection<M>;
  readonly #query: Vector | string;
  readonly #options: SearchOptions<M>;
  readonly #onStart: () => void;
  readonly #onOutcome: (outcome: Outcome<M>) => void;
  readonly #stopped = new AbortController();
  readonly #stopListening: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #again = false;

  constructor(parts: {
    collection: Collection<M>;
    query: Vector | string;
    options: SearchOptions<M>;
    live: boolean;
    delay: number;
    onStart: () => void;
    onOutcome: (outcome: Outcome<M>) => void;
  }) {
    this.#collection = parts.collection;
    this.#query = parts.query;
    this.#options = parts.options;
    this.#onStart = parts.onStart;
    this.#onOutcome = parts.onOutcome;
    this.#stopListening = parts.live
      ? parts.collection.on('change', () => this.#changed())
      : () => {};
    if (parts.delay > 0) this.#timer = setTimeout(() => this.#start(), parts.delay);
    else this.#start();
  }

  /** Nothing is heard of it from then on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopListening();
    this.#stopped.abort();
  }

  #changed(): void {
    if (this.#running) this.#again = true;
    // Before the delay is over there is nothing to bring up to date.
    else if (this.#timer === undefined) this.#start();
  }

  #start(): void {
    this.#timer = undefined;
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { signal } = this.#stopped;
    do {
      this.#again = false;
      this.#onStart();
      const outcome = await this.#search(signal);
      if (signal.aborted) return;
      this.#onOutcome(outcome);
    } while (this.#again);
    this.#running = false;
  }

  async #search(signal: AbortSignal): Promise<Outcome<M>> {
    try {
      const hits = await this.#collection.search(this.#query, { ...this.#options, signal });
      return { hits, error: undefined };
    } catch (thrown) {
      return { hits: [], error: asKindexError(thrown) };
    }
  }
}
