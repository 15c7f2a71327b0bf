import { KindexError } from '../errors.js';
import type { Store } from '../storage/storage.js';
import type { Glue } from './glue.js';

/** Bytes of chunks that are kept for the next read. */
const BUDGET = 8 * 1024 * 1024;
/** Marks a record without a document. */
const NONE = 0xffff_ffff;

/** Reads documents from storage on demand; the chunks used last stay in memory. */
export class Documents {
  readonly #store: Store;
  readonly #glue: Glue;
  /** In the order of use. */
  readonly #chunks = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(store: Store, glue: Glue) {
    this.#store = store;
    this.#glue = glue;
  }

  /** Bytes of the chunks that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The documents at (chunk, row) pairs, in order. */
  async read(places: Uint32Array): Promise<(string | undefined)[]> {
    const texts: (string | undefined)[] = [];
    for (let i = 0; i < places.length; i += 2) {
      const chunk = places[i] as number;
      const row = places[i + 1] as number;
      texts.push(
        chunk === NONE ? undefined : this.#glue.readDocument(await this.#chunk(chunk), row),
      );
    }
    return texts;
  }

  /** Forgets chunks from this number on: a batch that failed may be followed by one that reuses them. */
  forgetFrom(first: number): void {
    for (const [number, bytes] of this.#chunks) {
      if (number < first) continue;
      this.#chunks.delete(number);
      this.#bytes -= bytes.length;
    }
  }

  /** A chunk for one look: what is read now is not kept, and drives nothing out. */
  async chunk(number: number): Promise<Uint8Array> {
    return this.#chunks.get(number) ?? this.#read(number);
  }

  async #read(number: number): Promise<Uint8Array> {
    const bytes = await this.#store.readDocuments(number);
    if (bytes) return bytes;
    throw new KindexError('CORRUPT', `document chunk ${number} is missing from storage`);
  }

  async #chunk(number: number): Promise<Uint8Array> {
    const known = this.#chunks.get(number);
    if (known) {
      this.#chunks.delete(number);
      this.#chunks.set(number, known);
      return known;
    }
    const bytes = await this.#read(number);
    this.#keep(number, bytes);
    return bytes;
  }

  #keep(number: number, bytes: Uint8Array): void {
    this.#chunks.set(number, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#chunks) {
      if (this.#bytes <= BUDGET || oldest === number) break;
      this.#chunks.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}
