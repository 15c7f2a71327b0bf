import type { Duplicate } from './dedupe.js';
import type { ItemError } from './errors.js';
import { byIndex, type Written } from './write.js';

/** Adds up what the batches of one call did. */
export class Tally {
  /** Keeps the first so many errors; counts all. */
  readonly #mostErrors: number;
  readonly #errors: ItemError[] = [];
  readonly #duplicates: Duplicate[] = [];
  /** Place of the next batch's first row in the call's rows. */
  offset = 0;
  written = 0;
  #unlisted = 0;
  #durable = true;
  #generation = 0;

  constructor(mostErrors = Number.POSITIVE_INFINITY) {
    this.#mostErrors = mostErrors;
  }

  add({ written, duplicates, errors, unknown, durable, generation }: Written): void {
    for (const duplicate of duplicates.slice(0, this.#mostErrors - this.#duplicates.length))
      this.#duplicates.push({ ...duplicate, index: this.offset + duplicate.index });
    this.written += written;
    this.#unlisted += unknown;
    this.#durable &&= durable;
    this.#generation = generation;
    this.refused(errors);
  }

  /** Items that were not written. */
  refused(errors: readonly ItemError[]): void {
    for (const error of errors) {
      if (this.#errors.length >= this.#mostErrors) this.#unlisted += 1;
      else this.#errors.push({ ...error, index: this.offset + error.index });
    }
  }

  /** All of it as one. */
  sum(): Written {
    return {
      written: this.written,
      duplicates: this.#duplicates,
      errors: this.#errors.sort(byIndex),
      unknown: this.#unlisted,
      durable: this.#durable,
      generation: this.#generation,
    };
  }
}
