import { deleteDB, openDB } from 'idb';
import { KindexError } from '../errors.js';
import {
  type Bytes,
  CLAIM_KEY,
  Connection,
  databaseNames,
  deleteDatabase,
  FIRST_CLAIM,
  type Mode,
  type Names,
  type Transaction,
} from './database.js';
import { storageError } from './indexeddb-error.js';
import type { Append, Durability, Garbage, StorageAdapter, Store } from './storage.js';
import { Tabs } from './tabs.js';

/** Keys of the store `manifest`. */
const MANIFEST_KEY = 0;
/** Records per read of the log and the segments, which are 1 to 4 MB each; the next are under way meanwhile. */
const PAGE = 2;
const SWEEPING = 'deleting what is no longer needed';

/** Collections in IndexedDB, a database each. */
export class IndexedDbStorage implements StorageAdapter {
  readonly kind = 'indexeddb';

  async open(name: string): Promise<Store> {
    const tabs = await Tabs.join(name);
    // Without locks, or had the turn come later, another tab might have written what this one takes for empty.
    const first = tabs.locked && tabs.writing;
    try {
      return new IndexedDbStore(name, await Connection.open(name), tabs, first);
    } catch (thrown) {
      tabs.close();
      throw await orFull(storageError(thrown, `opening collection '${name}'`));
    }
  }

  async list(): Promise<string[]> {
    try {
      return await databaseNames();
    } catch (thrown) {
      throw storageError(thrown, 'listing the collections');
    }
  }

  /** Tabs that have it open close it when they hear of this. */
  async destroy(name: string): Promise<void> {
    try {
      await deleteDatabase(name);
    } catch (thrown) {
      throw storageError(thrown, `deleting collection '${name}'`);
    }
  }
}

/** What a browser says where it keeps nothing at all: a sandboxed frame, blocked site data, some private windows. */
const NEVER = new Set(['SecurityError', 'InvalidStateError', 'NotSupportedError', 'TypeError']);

/**
 * Why IndexedDB can't be used here; undefined when it can. Some private windows have it and refuse to open it. Any
 * other failure, a full quota above all, is no reason to go on in memory as if nothing were stored: opening the
 * collection itself will say what is wrong.
 */
export async function indexedDbProblem(): Promise<string | undefined> {
  if (typeof indexedDB === 'undefined') return 'there is no IndexedDB here';
  const probe = 'kindex-probe';
  try {
    (await openDB(probe, 1)).close();
    // In nobody's way meanwhile.
    deleteDB(probe).catch(() => {});
    return undefined;
  } catch (thrown) {
    const { name, message } = thrown as Error;
    return NEVER.has(name) ? `IndexedDB refuses to open: ${message}` : undefined;
  }
}

class IndexedDbStore implements Store {
  readonly durable = true;
  readonly concurrent = true;
  readonly tabs: Tabs;
  onClosed: ((reason: string) => void) | undefined;
  readonly #name: string;
  readonly #connection: Connection;
  #claim: number | undefined;
  #untouched: boolean;

  constructor(name: string, connection: Connection, tabs: Tabs, first: boolean) {
    this.#name = name;
    this.#connection = connection;
    this.tabs = tabs;
    this.#untouched = first && connection.made;
    connection.onLost = (reason) => {
      tabs.close();
      this.onClosed?.(`collection '${name}' was closed: ${reason}`);
    };
  }

  get exclusive(): boolean {
    return this.tabs.writing;
  }

  get empty(): boolean {
    return this.#untouched && this.tabs.writing;
  }

  async claim(): Promise<void> {
    if (this.empty) {
      this.#claim = FIRST_CLAIM;
      this.#untouched = false;
      return;
    }
    const doing = 'claiming the right to write';
    await this.#run(doing, ['manifest'], 'readwrite', 'relaxed', async (transaction) => {
      const store = transaction.objectStore('manifest');
      const claim = (((await store.get(CLAIM_KEY)) as number | undefined) ?? 0) + 1;
      await store.put(claim, CLAIM_KEY);
      this.#claim = claim;
    });
  }

  async readManifest(): Promise<Bytes | undefined> {
    return this.#read('reading the manifest', 'manifest', (transaction) =>
      transaction.objectStore('manifest').get(MANIFEST_KEY),
    ) as Promise<Bytes | undefined>;
  }

  async writeManifest(bytes: Bytes): Promise<void> {
    await this.#write('writing the manifest', [], 'strict', async (transaction, room) => {
      room.needed = bytes.length;
      await transaction.objectStore('manifest').put(bytes, MANIFEST_KEY);
    });
  }

  async append(batch: Append, durability: Durability): Promise<void> {
    const stores: Names = ['documents', 'log'];
    await this.#write('writing a batch', stores, durability, async (transaction, room) => {
      // Each request waits for the one before: Firefox keeps what was queued behind a request that failed, even
      // though the transaction aborts.
      const documents = transaction.objectStore('documents');
      for (const [chunk, bytes] of batch.documents) {
        room.needed += bytes.length;
        await documents.put(bytes, chunk);
      }
      const log = transaction.objectStore('log');
      for (const [sequence, bytes] of batch.log) {
        room.needed += bytes.length;
        await log.add(bytes, sequence);
      }
    });
  }

  async *readLog(from: number): AsyncIterable<{ sequence: number; bytes: Bytes }> {
    const records = this.#pages(from, (next) =>
      this.#read('reading the log', 'log', async (transaction) => {
        const log = transaction.objectStore('log');
        const range = IDBKeyRange.lowerBound(next);
        const [keys, values] = await Promise.all([
          log.getAllKeys(range, PAGE),
          log.getAll(range, PAGE),
        ]);
        return keys.map((sequence, i) => ({ sequence, bytes: values[i] as Bytes }));
      }),
    );
    yield* records;
  }

  async writeSegment(generation: number, part: number, bytes: Bytes): Promise<void> {
    await this.#write('writing a snapshot', ['segments'], 'relaxed', async (transaction, room) => {
      room.needed = bytes.length;
      await transaction.objectStore('segments').put(bytes, [generation, part]);
    });
  }

  async *readSegments(generation: number): AsyncIterable<Bytes> {
    const parts = this.#pages(0, (next) => {
      const range = IDBKeyRange.bound([generation, next], [generation + 1, 0], false, true);
      return this.#read('reading the snapshot', 'segments', async (transaction) => {
        const segments = transaction.objectStore('segments');
        const [keys, values] = await Promise.all([
          segments.getAllKeys(range, PAGE),
          segments.getAll(range, PAGE),
        ]);
        // Behind a part that is missing nothing fits.
        const missing = keys.findIndex(([, part], i) => part !== next + i);
        return missing < 0 ? values : values.slice(0, missing);
      });
    });
    yield* parts;
  }

  async readDocuments(chunk: number): Promise<Bytes | undefined> {
    return this.#read('reading documents', 'documents', (transaction) =>
      transaction.objectStore('documents').get(chunk),
    );
  }

  async sweepSome({ keepSegments, logFrom }: Garbage, rows: number): Promise<boolean> {
    let left = rows;
    await this.#write(SWEEPING, ['log', 'segments'], 'relaxed', async (transaction) => {
      const log = transaction.objectStore('log');
      const covered = IDBKeyRange.upperBound(logFrom, true);
      for (const sequence of await log.getAllKeys(covered, left)) {
        await log.delete(sequence);
        left -= 1;
      }
      if (keepSegments === undefined || left === 0) return;
      const segments = transaction.objectStore('segments');
      const replaced = IDBKeyRange.upperBound([keepSegments, 0], true);
      for (const part of await segments.getAllKeys(replaced, left)) {
        await segments.delete(part);
        left -= 1;
      }
    });
    return left === 0;
  }

  async sweep(garbage: Garbage): Promise<void> {
    const { keepSegments, keepDocuments, logFrom, logEnd } = garbage;
    const stores: Names = ['log', 'segments'];
    if (keepDocuments) stores.push('documents');
    await this.#write(SWEEPING, stores, 'relaxed', async (transaction) => {
      const log = transaction.objectStore('log');
      await log.delete(IDBKeyRange.upperBound(logFrom, true));
      await log.delete(IDBKeyRange.lowerBound(logEnd));
      const segments = transaction.objectStore('segments');
      if (keepSegments === undefined) {
        await segments.clear();
      } else {
        await segments.delete(IDBKeyRange.upperBound([keepSegments, 0], true));
        await segments.delete(IDBKeyRange.lowerBound([keepSegments + 1, 0]));
      }
      if (!keepDocuments) return;
      const documents = transaction.objectStore('documents');
      for (const chunk of await documents.getAllKeys())
        if (!keepDocuments.has(chunk)) await documents.delete(chunk);
    });
  }

  async reopen(): Promise<void> {
    try {
      await this.#connection.renew();
    } catch (thrown) {
      throw await orFull(storageError(thrown, `reopening collection '${this.#name}'`));
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
    this.tabs.close();
  }

  /** Records in pages; a page is read while the one before is used. */
  async *#pages<T>(from: number, read: (next: number) => Promise<T[]>): AsyncIterable<T> {
    let page = await read(from);
    for (let next = from + PAGE; page.length > 0; next += PAGE) {
      const following = page.length === PAGE ? read(next) : Promise.resolve([]);
      // Whoever stops in between must not leave a rejection that nobody hears.
      following.catch(() => {});
      yield* page;
      page = await following;
    }
  }

  #read<T>(
    doing: string,
    store: Names[number],
    work: (transaction: Transaction<'readonly'>) => Promise<T>,
  ): Promise<T> {
    return this.#run(doing, [store], 'readonly', 'relaxed', work);
  }

  /** A transaction that is aborted unless this store still holds its claim. */
  #write(
    doing: string,
    stores: Names,
    durability: Durability,
    work: (transaction: Transaction, room: Room) => Promise<void>,
  ): Promise<void> {
    const all: Names = ['manifest', ...stores];
    return this.#run(doing, all, 'readwrite', durability, async (transaction, room) => {
      const claim = await transaction.objectStore('manifest').get(CLAIM_KEY);
      if (claim !== this.#claim || claim === undefined) {
        const why = 'another tab writes to it now';
        throw new KindexError('CONFLICT', `${doing} of collection '${this.#name}': ${why}`);
      }
      await work(transaction, room);
    });
  }

  async #run<M extends Mode, T>(
    doing: string,
    stores: Names,
    mode: M,
    durability: Durability,
    work: (transaction: Transaction<M>, room: Room) => Promise<T>,
  ): Promise<T> {
    const room: Room = { needed: 0 };
    let transaction: Transaction<M> | undefined;
    try {
      transaction = await this.#connection.begin(stores, mode, durability);
      const { done } = transaction;
      // Chromium tells of a full quota on the transaction only, after the request has said "aborted".
      done.catch(() => {});
      let value: T;
      try {
        value = await work(transaction, room);
        if (mode === 'readonly') return value;
        transaction.commit();
      } catch (thrown) {
        abort(transaction);
        await done.catch(() => {});
        throw transaction.error ?? thrown;
      }
      await done;
      return value;
    } catch (thrown) {
      const error = storageError(
        transaction?.error ?? thrown,
        `${doing} of collection '${this.#name}'`,
      );
      // One that did not even begin was tried on other connections.
      throw await orFull(error, room.needed, transaction !== undefined);
    }
  }
}

/** What a transaction writes, in bytes. */
interface Room {
  needed: number;
}
/** Less room than this, beside the bytes that are written, is none. */
const NO_ROOM = 512 * 1024;

/**
 * On a full disk Firefox also fails for reasons that it does not name. To try those again would not help.
 *
 * @param fresh whether another connection may do where this one has died
 */
async function orFull(error: Error, needed = 0, fresh = true): Promise<Error> {
  const { name } = (error.cause ?? {}) as Partial<Error>;
  if ((error as KindexError).code !== 'STORAGE_UNAVAILABLE') return error;
  if (fresh && name === 'InvalidStateError') return error;
  const { quota, usage } = (await navigator.storage?.estimate().catch(() => undefined)) ?? {};
  if (quota === undefined || usage === undefined || quota - usage > NO_ROOM + needed) return error;
  const message = `${error.message} (${usage} of ${quota} bytes are in use)`;
  return new KindexError('QUOTA_EXCEEDED', message, { cause: error });
}

function abort(transaction: Transaction<Mode>): void {
  try {
    transaction.abort();
  } catch {
    // It has already aborted by itself, which is why we are here.
  }
}
