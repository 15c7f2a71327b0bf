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
import type { Durability } from './storage.js';

export type Bytes = Uint8Array<ArrayBuffer>;

/** The stores of one collection's database. */
export interface Schema extends DBSchema {
  /** The manifest, and who may write. */
  manifest: { key: number; value: Bytes | number };
  /** A batch, or a part of one, by sequence number. */
  log: { key: number; value: Bytes };
  /** Snapshot parts by generation and part. */
  segments: { key: [number, number]; value: Bytes };
  /** Document chunks by number. */
  documents: { key: number; value: Bytes };
}
export type Names = StoreNames<Schema>[];
export type Mode = 'readonly' | 'readwrite';
export type Transaction<M extends Mode = 'readwrite'> = IDBPTransaction<Schema, Names, M>;
type Database = IDBPDatabase<Schema>;

/** A number that grows with every claim, in the store `manifest`. Whoever makes the database has the first. */
export const CLAIM_KEY = 1;
export const FIRST_CLAIM = 1;

const PREFIX = 'kindex:';
const VERSION = 1;
/** How long opening or deleting waits for another tab to let go. */
const BLOCKED_MS = 5000;
/** How often a dead connection is replaced before the call that needs it fails. */
const REOPENINGS = 3;

/**
 * A connection to a collection's database, replaced when it dies: Safari loses its storage process now and then, and
 * whoever goes on with the old connection fails for ever.
 */
export class Connection {
  /** Called when there is nothing left to connect to, or another tab wants it so. */
  onLost: (reason: string) => void = () => {};
  /** Whether there was no database before. */
  readonly made: boolean;
  readonly #name: string;
  #database: Database | undefined;
  #closed = false;

  private constructor(name: string, { database, made }: Opened) {
    this.#name = name;
    this.made = made;
    this.#adopt(database);
  }

  /** Opens the database, and makes it where there is none. */
  static async open(name: string): Promise<Connection> {
    return new Connection(name, await openDatabase(name, true));
  }

  /** A new transaction, of this connection or of the one that takes its place. */
  async begin<M extends Mode>(
    stores: Names,
    mode: M,
    durability: Durability,
  ): Promise<Transaction<M>> {
    for (let tries = 0; ; tries++) {
      const database = this.#database ?? (await this.#reopen());
      try {
        return database.transaction(stores, mode, { durability });
      } catch (thrown) {
        const dead = thrown instanceof DOMException && thrown.name === 'InvalidStateError';
        if (!dead || tries === REOPENINGS) throw thrown;
        this.#drop(database);
        await new Promise((resolve) => setTimeout(resolve, 20 << tries));
      }
    }
  }

  /** Goes on with a new connection, whatever the old one is like. */
  async renew(): Promise<void> {
    if (this.#database) this.#drop(this.#database);
    await this.#reopen();
  }

  close(): void {
    this.#closed = true;
    this.#database?.close();
    this.#database = undefined;
  }

  #adopt(database: Database): void {
    this.#database = database;
    database.addEventListener('versionchange', () => {
      this.close();
      this.onLost('another tab deletes or upgrades it');
    });
    // Not the caller's close: the storage process has died, or the user has cleared the site's data.
    database.addEventListener('close', () => {
      this.#drop(database);
      this.#reopen().catch(() => {});
    });
  }

  #drop(database: Database): void {
    if (this.#database === database) this.#database = undefined;
    database.close();
  }

  async #reopen(): Promise<Database> {
    this.#assertOpen();
    let database: Database;
    try {
      ({ database } = await openDatabase(this.#name, false));
    } catch (thrown) {
      if (thrown instanceof KindexError && thrown.code === 'NOT_FOUND') {
        const reason = 'its data is gone; the site data may have been cleared';
        this.close();
        this.onLost(reason);
        throw new KindexError('CLOSED', `collection '${this.#name}' was closed: ${reason}`);
      }
      throw thrown;
    }
    if (this.#closed) database.close();
    this.#assertOpen();
    // Two calls may have found the connection dead.
    if (this.#database) database.close();
    else this.#adopt(database);
    return this.#database as Database;
  }

  #assertOpen(): void {
    if (this.#closed) throw new KindexError('CLOSED', `collection '${this.#name}' is closed`);
  }
}

/** Names of the collections that have a database. */
export async function databaseNames(): Promise<string[]> {
  const databases = await indexedDB.databases();
  return databases
    .flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []))
    .sort();
}

export async function deleteDatabase(name: string): Promise<void> {
  await unlessBlocked(name, (blocked) => deleteDB(PREFIX + name, { blocked }));
}

interface Opened {
  readonly database: Database;
  readonly made: boolean;
}

/** @throws KindexError `NOT_FOUND` if there is none and it is not to be made */
async function openDatabase(name: string, make: boolean): Promise<Opened> {
  let missing = false;
  let made = false;
  try {
    const database = await unlessBlocked(name, (blocked) =>
      openDB<Schema>(PREFIX + name, VERSION, {
        blocked,
        upgrade(database, _from, _to, transaction) {
          missing = !make;
          if (missing) {
            // Reported by the opening itself.
            transaction.done.catch(() => {});
            transaction.abort();
          } else {
            for (const store of ['log', 'segments', 'documents'] as const)
              database.createObjectStore(store);
            database.createObjectStore('manifest').put(FIRST_CLAIM, CLAIM_KEY);
            made = true;
          }
        },
      }),
    );
    return { database, made };
  } catch (thrown) {
    if (missing) throw new KindexError('NOT_FOUND', `there is no collection '${name}'`);
    throw thrown;
  }
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
