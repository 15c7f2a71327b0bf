import { KindexError } from '../errors.js';
import type { Store } from '../storage/storage.js';
import type { Stats } from '../types.js';
import type { Engine, Loader } from './glue.js';
import { type BudgetSettings, type Slice, sliceTransfers } from './protocol.js';

/** Bytes in memory for each byte staged: the rows as they came, and what the index makes of them. */
const PER_STAGED_BYTE = 2.5;
/** The same where float vectors are not kept. */
const PER_STAGED_BYTE_OF_CODES = 1.5;
/** Bytes in memory for each byte of a snapshot or log that is read. */
const PER_STORED_BYTE = 1.1;
/** Bytes of links for a record of a view, and of its table for a record of the collection. */
const VIEW_BYTES = { record: 2 * 16 * 4 + 1, slot: 4 };

/** What the budget asks of a collection. */
interface Budgeted {
  readonly engine: Pick<Engine, 'stats' | 'count'>;
  dropVectors(): void;
}

/** What all collections of an engine may take together, where a runtime ends an isolate that takes more. */
export class MemoryBudget {
  readonly #bytes: number;
  readonly #dropVectors: boolean;
  readonly #taken: () => number;

  /** `taken`: bytes of the collections that are open. */
  constructor({ bytes, dropVectors }: BudgetSettings, taken: () => number) {
    this.#bytes = bytes;
    this.#dropVectors = dropVectors;
    this.#taken = taken;
  }

  /** Refuses rows that would not fit beside the `staged` bytes of their batch; returns the sum. */
  admitRows(slice: Slice, staged: number, collection: Budgeted): number {
    const all = sliceTransfers(slice).reduce((sum, { byteLength }) => sum + byteLength, staged);
    const stats = JSON.parse(collection.engine.stats()) as Pick<Stats, 'memory' | 'keepVectors'>;
    const lean = all * PER_STAGED_BYTE_OF_CODES;
    const wanted = stats.keepVectors ? all * PER_STAGED_BYTE : lean;
    const { codes, vectors } = stats.memory;
    const fits = (bytes: number) => this.#taken() + bytes <= this.#bytes;
    const drop = this.#dropVectors && codes > 0 && vectors > 0;
    if (drop && !fits(wanted) && fits(lean - vectors)) collection.dropVectors();
    else this.#admit('the batch', wanted);
    return all;
  }

  /** Refuses a view that would not fit. */
  admitView(definition: string, { engine }: Budgeted): void {
    const where = JSON.stringify((JSON.parse(definition) as { where: unknown }).where);
    const { slots } = JSON.parse(engine.stats()) as { slots: number };
    const records = engine.count(where, undefined);
    this.#admit('the view', records * VIEW_BYTES.record + slots * VIEW_BYTES.slot);
  }

  /** Gives a loader the next bytes of a snapshot of which it has `read`: without the vectors where they would not fit. */
  push(bytes: Uint8Array, read: number, loader: Pick<Loader, 'push' | 'dropVectors'>): void {
    const all = read + bytes.length;
    const fits = this.#taken() + all * PER_STORED_BYTE <= this.#bytes;
    if (fits || !this.#dropVectors) {
      this.admitStored(all);
      loader.push(bytes);
      return;
    }
    loader.dropVectors();
    loader.push(bytes);
    // How much of these bytes were vectors is known now.
    this.admitStored(all - loader.dropVectors());
  }

  /** Refuses stored bytes that would not fit in memory. */
  admitStored(bytes: number): void {
    this.#admit('the collection', bytes * PER_STORED_BYTE);
  }

  /** Watches what is read while a collection is opened. */
  watch(store: Store): Store {
    const { readSegments, readLog } = store;
    const admit = (bytes: number) => this.admitStored(bytes);
    store.readSegments = async function* (generation) {
      let read = 0;
      for await (const bytes of readSegments.call(store, generation)) {
        read += bytes.length;
        admit(read);
        yield bytes;
      }
    };
    store.readLog = async function* (from) {
      let read = 0;
      for await (const record of readLog.call(store, from)) {
        read += record.bytes.length;
        admit(read);
        yield record;
      }
    };
    return store;
  }

  #admit(what: string, wanted: number): void {
    const taken = this.#taken();
    if (taken + wanted <= this.#bytes) return;
    throw new KindexError(
      'OUT_OF_MEMORY',
      `${what} needs about ${megabytes(wanted)}, but ${megabytes(taken)} of ${megabytes(this.#bytes)} are taken; see the option 'memoryBudget'`,
    );
  }
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000)} MB`;
