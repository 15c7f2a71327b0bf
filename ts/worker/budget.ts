import { KindexError } from '../errors.js';
import type { Store } from '../storage/storage.js';
import { type Slice, sliceTransfers } from './protocol.js';

/** Bytes in memory for each byte staged: the rows as they came, and what the index makes of them. */
const PER_STAGED_BYTE = 2.5;
/** Bytes in memory for each byte of a snapshot or log that is read. */
const PER_STORED_BYTE = 1.1;

/** What all collections of an engine may take together, where a runtime ends an isolate that takes more. */
export class MemoryBudget {
  readonly #bytes: number;
  readonly #taken: () => number;

  /** `taken`: bytes of the collections that are open. */
  constructor(bytes: number, taken: () => number) {
    this.#bytes = bytes;
    this.#taken = taken;
  }

  /** Refuses rows that would not fit beside the `staged` bytes of their batch; returns the sum. */
  admitRows(slice: Slice, staged: number): number {
    const all = sliceTransfers(slice).reduce((sum, { byteLength }) => sum + byteLength, staged);
    this.#admit('the batch', all * PER_STAGED_BYTE);
    return all;
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
