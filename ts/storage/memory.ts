import { KindexError } from '../errors.js';
import type { Append, Durability, Garbage, StorageAdapter, Store } from './storage.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** What one collection keeps in memory. */
class Shelf {
  manifest: Bytes | undefined;
  readonly log = new Map<number, Bytes>();
  readonly segments = new Map<number, Bytes[]>();
  readonly documents = new Map<number, Bytes>();
}

/** Options of {@link MemoryStorage}. */
export interface MemoryStorageOptions {
  /**
   * Keep the log and the segments as well, so that a collection that was closed can be opened again with this
   * adapter. Costs as much memory as the collection itself; default false.
   */
  readonly retain?: boolean;
}

/** Collections that live as long as the page or process does. */
export class MemoryStorage implements StorageAdapter {
  readonly kind = 'memory';
  readonly #retain: boolean;
  readonly #shelves = new Map<string, Shelf>();

  constructor(options: MemoryStorageOptions = {}) {
    this.#retain = options.retain ?? false;
  }

  async open(name: string): Promise<Store> {
    const shelf = this.#shelves.get(name) ?? new Shelf();
    this.#shelves.set(name, shelf);
    const retain = this.#retain;
    return new MemoryStore(shelf, retain, () => {
      if (!retain) this.#shelves.delete(name);
    });
  }

  async list(): Promise<string[]> {
    return [...this.#shelves.keys()].sort();
  }

  async destroy(name: string): Promise<void> {
    this.#shelves.delete(name);
  }
}

class MemoryStore implements Store {
  readonly exclusive = true;
  readonly durable: boolean;
  readonly #shelf: Shelf;
  readonly #onClose: () => void;

  constructor(shelf: Shelf, retain: boolean, onClose: () => void) {
    this.#shelf = shelf;
    this.durable = retain;
    this.#onClose = onClose;
  }

  async readManifest(): Promise<Bytes | undefined> {
    return this.#shelf.manifest;
  }

  async writeManifest(bytes: Bytes): Promise<void> {
    this.#shelf.manifest = bytes;
  }

  async append(batch: Append, _durability: Durability): Promise<void> {
    // All values are made before the first is kept: a maker that throws leaves the shelf as it was.
    const documents = [...batch.documents];
    const log = [...batch.log];
    for (const [sequence] of log) {
      if (this.#shelf.log.has(sequence))
        throw new KindexError('CONFLICT', `log record ${sequence} is already there`);
    }
    for (const [chunk, bytes] of documents) this.#shelf.documents.set(chunk, bytes);
    for (const [sequence, bytes] of log) this.#shelf.log.set(sequence, bytes);
  }

  async *readLog(from: number): AsyncIterable<{ sequence: number; bytes: Bytes }> {
    const sequences = [...this.#shelf.log.keys()]
      .filter((sequence) => sequence >= from)
      .sort((a, b) => a - b);
    for (const sequence of sequences)
      yield { sequence, bytes: this.#shelf.log.get(sequence) as Bytes };
  }

  async writeSegment(generation: number, part: number, bytes: Bytes): Promise<void> {
    const parts = this.#shelf.segments.get(generation) ?? [];
    parts[part] = bytes;
    this.#shelf.segments.set(generation, parts);
  }

  async *readSegments(generation: number): AsyncIterable<Bytes> {
    yield* this.#shelf.segments.get(generation) ?? [];
  }

  async readDocuments(chunk: number): Promise<Bytes | undefined> {
    return this.#shelf.documents.get(chunk);
  }

  async sweep(garbage: Garbage): Promise<void> {
    for (const generation of this.#shelf.segments.keys()) {
      if (generation !== garbage.keepSegments) this.#shelf.segments.delete(generation);
    }
    for (const sequence of this.#shelf.log.keys()) {
      if (sequence < garbage.logFrom || sequence >= garbage.logEnd)
        this.#shelf.log.delete(sequence);
    }
  }

  async close(): Promise<void> {
    this.#onClose();
  }
}
