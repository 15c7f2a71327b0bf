import { KindexError } from '../errors.js';
import type { Append, Durability, Garbage, StorageAdapter, Store } from './storage.js';

type Bytes = Uint8Array<ArrayBuffer>;
type Value = ArrayBuffer | string | number | null;

/** What is needed of a Durable Object's `ctx`; its class must be one of `new_sqlite_classes`. */
export interface DurableObjectContext {
  /** Which object this is. */
  readonly id: {
    /** The id as a text. */
    toString(): string;
  };
  /** The object's storage. */
  readonly storage: {
    /** Its database. */
    readonly sql: {
      /** Runs a statement; the rows are read from what it returns. */
      exec(query: string, ...bindings: Value[]): Iterable<Record<string, Value>>;
    };
    /** Runs what it is given as one transaction, which is undone if it throws. */
    transactionSync<T>(work: () => T): T;
    /** Resolves once everything written is on the disk. */
    sync(): Promise<void>;
  };
}

/** A row holds at most 2 MB. */
const PIECE_BYTES = 1024 * 1024;
/** The `kind` of a row; `number` and `part` are 0 where a kind has none. */
const MANIFEST = 0;
/** `number`: the sequence number. */
const LOG = 1;
/** `number`: the generation. */
const SEGMENT = 2;
/** `number`: the chunk. */
const DOCUMENTS = 3;

const TABLE = `CREATE TABLE IF NOT EXISTS kindex (
  collection TEXT NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL, part INTEGER NOT NULL,
  piece INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (collection, kind, number, part, piece)
)`;

/**
 * The stores that are open, by object and name. An object that was evicted says nothing; when it comes back into the
 * same isolate, what it had open is closed, so that the memory is free again.
 */
const opened = new Map<string, DurableObjectStore>();

/** Collections in the SQLite database of a Durable Object. A batch is one transaction. */
export class DurableObjectStorage implements StorageAdapter {
  readonly kind = 'durable-object';
  readonly #context: DurableObjectContext;

  constructor(context: DurableObjectContext) {
    this.#context = context;
  }

  async open(name: string): Promise<Store> {
    return attempt(`opening collection '${name}'`, () => {
      this.#context.storage.sql.exec(TABLE);
      const key = `${this.#context.id} ${name}`;
      const before = opened.get(key);
      const store = new DurableObjectStore(this.#context, name, () => {
        if (opened.get(key) === store) opened.delete(key);
      });
      opened.set(key, store);
      before?.onClosed?.('its Durable Object was started anew');
      return store;
    });
  }

  async list(): Promise<string[]> {
    return attempt('listing the collections', () => {
      const { sql } = this.#context.storage;
      sql.exec(TABLE);
      const query = 'SELECT DISTINCT collection FROM kindex WHERE kind = ? ORDER BY collection';
      return Array.from(sql.exec(query, MANIFEST), ({ collection }) => String(collection));
    });
  }

  async destroy(name: string): Promise<void> {
    attempt(`deleting collection '${name}'`, () => {
      const { sql } = this.#context.storage;
      sql.exec(TABLE);
      sql.exec('DELETE FROM kindex WHERE collection = ?', name);
    });
  }
}

/** Calls are answered at once: the database is in the same process. */
class DurableObjectStore implements Store {
  readonly durable = true;
  /** There is one object of an id in the world. */
  readonly exclusive = true;
  onClosed: ((reason: string) => void) | undefined;
  readonly #storage: DurableObjectContext['storage'];
  readonly #name: string;
  readonly #onClose: () => void;

  constructor(context: DurableObjectContext, name: string, onClose: () => void) {
    this.#storage = context.storage;
    this.#name = name;
    this.#onClose = onClose;
  }

  async readManifest(): Promise<Bytes | undefined> {
    return this.#run('reading the manifest', () => this.#read(MANIFEST, 0, 0));
  }

  async writeManifest(bytes: Bytes): Promise<void> {
    this.#run('writing the manifest', () =>
      this.#storage.transactionSync(() => this.#replace(MANIFEST, 0, 0, bytes)),
    );
    await this.#sync('writing the manifest');
  }

  async append(batch: Append, durability: Durability): Promise<void> {
    this.#run('writing a batch', () =>
      this.#storage.transactionSync(() => {
        for (const [chunk, bytes] of batch.documents) this.#replace(DOCUMENTS, chunk, 0, bytes);
        for (const [sequence, bytes] of batch.log) this.#insert(LOG, sequence, 0, bytes);
      }),
    );
    // Without it the object's answers wait for the disk all the same; with it, so does the caller inside.
    if (durability === 'strict') await this.#sync('writing a batch');
  }

  async *readLog(from: number): AsyncIterable<{ sequence: number; bytes: Bytes }> {
    for (let next = from; ; ) {
      const record = this.#run('reading the log', () => {
        const query =
          'SELECT number FROM kindex WHERE collection = ? AND kind = ? AND number >= ? ORDER BY number LIMIT 1';
        for (const row of this.#storage.sql.exec(query, this.#name, LOG, next)) {
          const sequence = Number(row.number);
          const bytes = this.#read(LOG, sequence, 0);
          return bytes && { sequence, bytes };
        }
        return undefined;
      });
      if (!record) return;
      yield record;
      next = record.sequence + 1;
    }
  }

  async writeSegment(generation: number, part: number, bytes: Bytes): Promise<void> {
    this.#run('writing a snapshot', () =>
      this.#storage.transactionSync(() => this.#replace(SEGMENT, generation, part, bytes)),
    );
  }

  async *readSegments(generation: number): AsyncIterable<Bytes> {
    for (let part = 0; ; part++) {
      const bytes = this.#run('reading the snapshot', () => this.#read(SEGMENT, generation, part));
      if (!bytes) return;
      yield bytes;
    }
  }

  async readDocuments(chunk: number): Promise<Bytes | undefined> {
    return this.#run('reading documents', () => this.#read(DOCUMENTS, chunk, 0));
  }

  async sweep({ keepSegments, logFrom, logEnd, keepDocuments }: Garbage): Promise<void> {
    this.#run('deleting what is no longer needed', () =>
      this.#storage.transactionSync(() => {
        this.#delete('kind = ? AND (number < ? OR number >= ?)', LOG, logFrom, logEnd);
        this.#delete('kind = ? AND number <> ?', SEGMENT, keepSegments ?? -1);
        if (!keepDocuments) return;
        const query = 'SELECT DISTINCT number FROM kindex WHERE collection = ? AND kind = ?';
        const chunks = Array.from(this.#storage.sql.exec(query, this.#name, DOCUMENTS), (row) =>
          Number(row.number),
        );
        for (const chunk of chunks)
          if (!keepDocuments.has(chunk)) this.#delete('kind = ? AND number = ?', DOCUMENTS, chunk);
      }),
    );
  }

  async close(): Promise<void> {
    this.#onClose();
  }

  /** A value, put together from its pieces. */
  #read(kind: number, number: number, part: number): Bytes | undefined {
    const query =
      'SELECT bytes FROM kindex WHERE collection = ? AND kind = ? AND number = ? AND part = ? ORDER BY piece';
    const rows = this.#storage.sql.exec(query, this.#name, kind, number, part);
    const pieces = Array.from(rows, ({ bytes }) => new Uint8Array(bytes as ArrayBuffer));
    if (pieces.length < 2) return pieces[0];
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  #replace(kind: number, number: number, part: number, bytes: Bytes): void {
    this.#delete('kind = ? AND number = ? AND part = ?', kind, number, part);
    this.#insert(kind, number, part, bytes);
  }

  #insert(kind: number, number: number, part: number, bytes: Bytes): void {
    const query = 'INSERT INTO kindex VALUES (?, ?, ?, ?, ?, ?)';
    for (let piece = 0; piece === 0 || piece * PIECE_BYTES < bytes.length; piece++) {
      const slice = bytes.slice(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
      this.#storage.sql.exec(query, this.#name, kind, number, part, piece, slice.buffer);
    }
  }

  #delete(condition: string, ...bindings: number[]): void {
    const query = `DELETE FROM kindex WHERE collection = ? AND ${condition}`;
    this.#storage.sql.exec(query, this.#name, ...bindings);
  }

  async #sync(doing: string): Promise<void> {
    await this.#storage.sync().catch((thrown) =>
      this.#run(doing, () => {
        throw thrown;
      }),
    );
  }

  #run<T>(doing: string, work: () => T): T {
    return attempt(`${doing} of collection '${this.#name}'`, work);
  }
}

function attempt<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    // A trap of the wasm while it made a value stays what it is: the host must see it. So do the engine's errors.
    if (thrown instanceof KindexError || thrown instanceof WebAssembly.RuntimeError) throw thrown;
    if (typeof (thrown as { code?: unknown }).code === 'string') throw thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const cause = { cause: thrown };
    if (/UNIQUE constraint/i.test(message))
      throw new KindexError('CONFLICT', `${doing}: another writer was faster`, cause);
    if (/SQLITE_FULL|database or disk is full/i.test(message))
      throw new KindexError('QUOTA_EXCEEDED', `${doing}: the object's database is full`, cause);
    if (/SQLITE_(CORRUPT|NOTADB)|malformed|not a database/i.test(message))
      throw new KindexError('CORRUPT', `${doing}: ${message}`, cause);
    throw new KindexError('STORAGE_UNAVAILABLE', `${doing}: ${message}`, cause);
  }
}
