import type { BatchOperation } from './errors.js';
import { Gathered, type Single } from './gather.js';
import type { BatchOptions, BatchResult, Row } from './types.js';

/** Writes rows as one batch. */
export type WriteRows = (
  operation: BatchOperation,
  rows: readonly Row<object>[],
  options: BatchOptions,
) => Promise<BatchResult>;

/** A turn in the queue. It never rejects: whoever asked for it hears of failures. */
interface Turn {
  run(): Promise<void>;
}

/**
 * The writes of one collection, one after the other in the order of the calls. Calls for one record each that wait
 * for the same turn share it.
 */
export class WriteQueue {
  readonly #write: WriteRows;
  readonly #turns: Turn[] = [];
  #running = false;

  constructor(write: WriteRows) {
    this.#write = write;
  }

  /** Whether something is being written or waits. */
  get busy(): boolean {
    return this.#running;
  }

  /** A call for one record: it shares the last turn that has not begun, if that is for single records too. */
  single(call: Single): void {
    const last = this.#turns.at(-1);
    if (last instanceof Gathered && last.accepts(call)) {
      last.add(call);
      return;
    }
    const turn = new Gathered(this.#write);
    turn.add(call);
    this.#enqueue(turn);
  }

  /** Work that has a turn for itself. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ run: () => work().then(resolve, reject) });
    });
  }

  #enqueue(turn: Turn): void {
    this.#turns.push(turn);
    if (this.#running) return;
    this.#running = true;
    // After the calls that the same code makes right now.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) await turn.run();
    this.#running = false;
  }
}
