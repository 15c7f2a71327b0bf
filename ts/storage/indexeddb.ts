import {
  type DBSchema,
  deleteDB,
  type IDBPDatabase,
  type IDBPTransaction,
  openDB,
  type StoreNames,
} from 'idb';
import { deferred } from '../deferred.js';
import { KindexError } from '../errors.js';
import { acquireLock, type Lock } from './lock.js';
import type { Append, Durability, Garbage, StorageAdapter, Store } from './storage.js';

type Bytes = Uint8Array<ArrayBuffer>;

interface Schema extends DBSchema {
  /** One record, under {@link MANIFEST_KEY}. */
  manifest: { key: number; value: Bytes };
  /** A batch, or a part of one, by sequence number. */
  log: { key: number; value: Bytes };
  /** Snapshot parts by generation and part. */
  segments: { key: [number, number]; value: Bytes };
  /** Document chunks by number. */
  documents: { key: number; value: Bytes };
}
type Database = IDBPDatabase<Schema>;
type Names = StoreNames<Schema>[];
type Transaction = IDBPTransaction<Schema, Names, 'readwrite'>;

const PREFIX = 'kindex:';
const VERSION = 1;
const MANIFEST_KEY = 0;
/** Records per read of the log: parts are 1 to 4 MB. */
const READ_AHEAD = 4;
/** How long opening or deleting waits for another tab to let go. */
const BLOCKED_MS = 5000;

/** Collections in IndexedDB, a database each. */
export class IndexedDbStorage implements StorageAdapter {
  readonly kind = 'indexeddb';

  async open(name: string): Promise<Store> {
    const lock = await acquireLock(name);
    try {
      return new IndexedDbStore(name, await openDatabase(name), lock);
    } catch (thrown) {
      lock?.release();
      throw storageError(thrown, `opening collection '${name}'`);
    }
  }

  async list(): Promise<string[]> {
    try {
      const databases = await indexedDB.databases();
      return databases
        .flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []))
        .sort();
    } catch (thrown) {
      throw storageError(thrown, 'listing the collections');
    }
  }

  async destroy(name: string): Promise<void> {
    const lock = await acquireLock(name);
    try {
      await unlessBlocked(name, (blocked) => deleteDB(PREFIX + name, { blocked }));
    } catch (thrown) {
      throw storageError(thrown, `deleting collection '${name}'`);
    } finally {
      lock?.release();
    }
  }
}

/** Why IndexedDB can't be used here; undefined when it can. Some private windows have it and refuse to open it. */
export async function indexedDbProblem(): Promise<string | undefined> {
  if (typeof indexedDB === 'undefined') return 'there is no IndexedDB here';
  const probe = 'kindex-probe';
  try {
    (await openDB(probe, 1)).close();
    await deleteDB(probe);
    return undefined;
  } catch (thrown) {
    return `IndexedDB refuses to open: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

class IndexedDbStore implements Store {
  readonly durable = true;
  onClosed: ((reason: string) => void) | undefined;
  readonly #name: string;
  readonly #lock: Lock | undefined;
  #database: Database;
  #open = true;

  constructor(name: string, database: Database, lock: Lock | undefined) {
    this.#name = name;
    this.#lock = lock;
    this.#database = database;
    this.#watch(database);
  }

  get exclusive(): boolean {
    return this.#lock !== undefined;
  }

  async readManifest(): Promise<Bytes | undefined> {
    return this.#read('reading the manifest', (database) => database.get('manifest', MANIFEST_KEY));
  }

  async writeManifest(bytes: Bytes): Promise<void> {
    await this.#write('writing the manifest', ['manifest'], 'strict', async (transaction) => {
      await transaction.objectStore('manifest').put(bytes, MANIFEST_KEY);
    });
  }

  async append(batch: Append, durability: Durability): Promise<void> {
    await this.#write('writing a batch', ['documents', 'log'], durability, async (transaction) => {
      // Each request waits for the one before: Firefox keeps what was queued behind a request that failed, even
      // though the transaction aborts.
      const documents = transaction.objectStore('documents');
      for (const [chunk, bytes] of batch.documents) await documents.put(bytes, chunk);
      const log = transaction.objectStore('log');
      for (const [sequence, bytes] of batch.log) await log.add(bytes, sequence);
    });
  }

  async *readLog(from: number): AsyncIterable<{ sequence: number; bytes: Bytes }> {
    let next = from;
    while (true) {
      const range = IDBKeyRange.lowerBound(next);
      const [keys, values] = await this.#read('reading the log', async (database) => {
        const transaction = database.transaction('log');
        return Promise.all([
          transaction.store.getAllKeys(range, READ_AHEAD),
          transaction.store.getAll(range, READ_AHEAD),
        ]);
      });
      for (const [i, sequence] of keys.entries()) {
        yield { sequence, bytes: values[i] as Bytes };
        next = sequence + 1;
      }
      if (keys.length < READ_AHEAD) return;
    }
  }

  async writeSegment(generation: number, part: number, bytes: Bytes): Promise<void> {
    await this.#write('writing a snapshot', ['segments'], 'relaxed', async (transaction) => {
      await transaction.objectStore('segments').put(bytes, [generation, part]);
    });
  }

  async *readSegments(generation: number): AsyncIterable<Bytes> {
    for (let part = 0; ; part++) {
      const bytes = await this.#read('reading the snapshot', (database) =>
        database.get('segments', [generation, part]),
      );
      if (bytes === undefined) return;
      yield bytes;
    }
  }

  async readDocuments(chunk: number): Promise<Bytes | undefined> {
    return this.#read('reading documents', (database) => database.get('documents', chunk));
  }

  async sweep(garbage: Garbage): Promise<void> {
    await this.#write(
      'deleting what is no longer needed',
      ['log', 'segments'],
      'relaxed',
      async (transaction) => {
        const log = transaction.objectStore('log');
        await log.delete(IDBKeyRange.upperBound(garbage.logFrom, true));
        await log.delete(IDBKeyRange.lowerBound(garbage.logEnd));
        const segments = transaction.objectStore('segments');
        if (garbage.keepSegments === undefined) {
          await segments.clear();
        } else {
          await segments.delete(IDBKeyRange.upperBound([garbage.keepSegments, 0], true));
          await segments.delete(IDBKeyRange.lowerBound([garbage.keepSegments + 1, 0]));
        }
      },
    );
  }

  async reopen(): Promise<void> {
    this.#assertOpen();
    this.#database.close();
    try {
      const database = await openDatabase(this.#name);
      if (!this.#open) database.close();
      this.#assertOpen();
      this.#database = database;
      this.#watch(database);
    } catch (thrown) {
      throw storageError(thrown, `reopening collection '${this.#name}'`);
    }
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#database.close();
    this.#lock?.release();
  }

  /** Another tab that deletes or upgrades the database, or a user who clears the site's data, ends this store. */
  #watch(database: Database): void {
    database.addEventListener('versionchange', () =>
      this.#lost('another tab deletes or upgrades it'),
    );
    database.addEventListener('close', () =>
      this.#lost('the browser closed it; its data may have been cleared'),
    );
  }

  #lost(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#database.close();
    this.#lock?.release();
    this.onClosed?.(`collection '${this.#name}' was closed: ${reason}`);
  }

  async #read<T>(doing: string, work: (database: Database) => Promise<T>): Promise<T> {
    this.#assertOpen();
    try {
      return await work(this.#database);
    } catch (thrown) {
      throw storageError(thrown, `${doing} of collection '${this.#name}'`);
    }
  }

  async #write(
    doing: string,
    stores: Names,
    durability: Durability,
    work: (transaction: Transaction) => Promise<void>,
  ): Promise<void> {
    this.#assertOpen();
    let transaction: Transaction | undefined;
    try {
      transaction = this.#database.transaction(stores, 'readwrite', { durability });
      const done = transaction.done;
      // Chromium tells of a full quota on the transaction only, after the request has said "aborted".
      done.catch(() => {});
      try {
        await work(transaction);
        transaction.commit();
      } catch (thrown) {
        abort(transaction);
        await done.catch(() => {});
        throw transaction.error ?? thrown;
      }
      await done;
    } catch (thrown) {
      throw storageError(transaction?.error ?? thrown, `${doing} of collection '${this.#name}'`);
    }
  }

  #assertOpen(): void {
    if (!this.#open) throw new KindexError('CLOSED', `collection '${this.#name}' is closed`);
  }
}

async function openDatabase(name: string): Promise<Database> {
  return unlessBlocked(name, (blocked) =>
    openDB<Schema>(PREFIX + name, VERSION, {
      blocked,
      upgrade(database) {
        for (const store of ['manifest', 'log', 'segments', 'documents'] as const)
          database.createObjectStore(store);
      },
    }),
  );
}

/** Waits a while for other connections to close, then fails with `BLOCKED`: the request itself never does. */
async function unlessBlocked<T>(
  name: string,
  work: (blocked: () => void) => Promise<T>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const gaveUp = deferred<never>();
  const blocked = () => {
    timer = setTimeout(() => {
      gaveUp.reject(
        new KindexError(
          'BLOCKED',
          `another tab keeps collection '${name}' open and does not let go`,
        ),
      );
    }, BLOCKED_MS);
  };
  try {
    return await Promise.race([work(blocked), gaveUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function abort(transaction: Transaction): void {
  try {
    transaction.abort();
  } catch {
    // It has already aborted by itself, which is why we are here.
  }
}

function storageError(thrown: unknown, doing: string): Error {
  // A trap of the wasm while it made a value stays what it is: the host must see it.
  if (thrown instanceof KindexError || thrown instanceof WebAssembly.RuntimeError) return thrown;
  const name = thrown instanceof Error || thrown instanceof DOMException ? thrown.name : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = { cause: thrown };
  switch (name) {
    case 'QuotaExceededError':
      return new KindexError(
        'QUOTA_EXCEEDED',
        `${doing}: the browser's storage for this site is full`,
        cause,
      );
    case 'ConstraintError':
      return new KindexError(
        'CONFLICT',
        `${doing}: another tab has written in the meantime`,
        cause,
      );
    case 'VersionError':
      return new KindexError(
        'NEWER_VERSION',
        `${doing}: it was made by a newer version of Kindex`,
        cause,
      );
    case 'NotFoundError':
      return new KindexError('CORRUPT', `${doing}: a part of the database is missing`, cause);
    default:
      return new KindexError('STORAGE_UNAVAILABLE', `${doing}: ${name}: ${message}`, cause);
  }
}
