import { KindexError, toKindexError, toWire } from '../errors.js';
import type { Storages } from '../storage/choose.js';
import type { StorageAdapter } from '../storage/storage.js';
import { exportParts } from './export.js';
import { type Glue, type Loader, owned } from './glue.js';
import { HostBatch } from './host-batch.js';
import { HostCollection, type Place } from './host-collection.js';
import type {
  BatchToken,
  CallName,
  Calls,
  CollectionInfo,
  Handle,
  HostProgress,
  Reply,
  Request,
  ResultColumns,
  StreamToken,
} from './protocol.js';

/** Bytes of a part of an exported snapshot. */
const EXPORT_BYTES = 4 * 1024 * 1024;

type Report = (progress: HostProgress) => void;
type Handlers = {
  [K in CallName]: (input: Calls[K]['in'], report: Report) => Promise<Calls[K]['out']>;
};

/** A collection with everybody who has it open. */
interface Entry {
  readonly key: string;
  readonly collection: Promise<HostCollection>;
  readonly handles: Set<Handle>;
}

interface Export {
  readonly parts: AsyncIterator<Uint8Array>;
  readonly release: () => void;
}
interface Import {
  readonly place: Place;
  readonly key: string;
  readonly loader: Loader;
}

/**
 * The engine's side of the protocol: owns the wasm and the storage, in a worker or in place.
 *
 * Calls are taken at once and run concurrently wherever they wait for storage; what changes a collection goes
 * through its {@link HostCollection.writers}.
 */
export class Host {
  readonly #glue: Glue;
  readonly #threads: number;
  readonly #storages: Storages;
  readonly #send: (reply: Reply, transfer: ArrayBuffer[]) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #byHandle = new Map<Handle, Entry>();
  readonly #batches = new Map<BatchToken, HostBatch>();
  readonly #exports = new Map<StreamToken, Export>();
  readonly #imports = new Map<StreamToken, Import>();
  #tokens = 0;
  #crash: KindexError | undefined;

  constructor(parts: {
    glue: Glue;
    threads: number;
    storages: Storages;
    send: (reply: Reply, transfer: ArrayBuffer[]) => void;
  }) {
    this.#glue = parts.glue;
    this.#threads = parts.threads;
    this.#storages = parts.storages;
    this.#send = parts.send;
  }

  /** Runs a call; its replies go to `send`. */
  async receive({ id, call, arguments: input }: Request): Promise<void> {
    try {
      if (this.#crash) throw this.#crash;
      const handler = this.#handlers[call] as (input: unknown, report: Report) => Promise<unknown>;
      const value = await handler(input, (progress) => this.#send({ id, progress }, []));
      this.#send({ id, value }, transfers(value));
    } catch (thrown) {
      this.#send({ id, error: toWire(this.#judge(thrown)) }, []);
    }
  }

  /** A trap ends the host: its memory may hold half of a change. */
  #judge(thrown: unknown): KindexError {
    if (!isTrap(thrown)) return toKindexError(thrown);
    if (this.#crash) return this.#crash;
    const message = `the engine has crashed (${thrown.message}); collections in storage are reopened by the next call`;
    this.#crash = new KindexError('CRASHED', message, { cause: thrown });
    for (const entry of this.#entries.values()) {
      entry.collection
        .then((collection) => {
          collection.disownEngine();
          return collection.abandon(this.#crash as KindexError);
        })
        .catch(() => {});
    }
    this.#send({ event: 'crashed', message }, []);
    return this.#crash;
  }

  readonly #handlers: Handlers = {
    open: async ({ name, settings, storage }, report) => {
      const { adapter, reason } = await this.#storages.resolve(storage);
      const entry = this.#enter(adapter, name, async () =>
        HostCollection.open(await this.#place(adapter, name, reason), settings, report),
      );
      const collection = await entry.collection;
      return this.#info(entry, collection);
    },
    list: async ({ storage }) => (await this.#storages.resolve(storage)).adapter.list(),
    destroy: async ({ name, storage }) => {
      const { adapter } = await this.#storages.resolve(storage);
      const entry = this.#entries.get(keyOf(adapter, name));
      if (entry) await this.#dismiss(entry, 'it was destroyed');
      await adapter.destroy(name);
      return undefined;
    },
    close: async ({ collection: handle }) => {
      const entry = this.#entry(handle);
      this.#byHandle.delete(handle);
      entry.handles.delete(handle);
      if (entry.handles.size === 0) {
        this.#entries.delete(entry.key);
        await (await entry.collection).close();
      }
      return undefined;
    },

    begin: async ({ collection, op, atomic, batchId }) => {
      const batch = await HostBatch.begin(await this.#collection(collection), op, atomic, batchId);
      const token = this.#token();
      this.#batches.set(token, batch);
      return token;
    },
    stage: async ({ batch, slice }) => void this.#batch(batch).stage(slice),
    stageWhere: async ({ batch, where }) => void this.#batch(batch).stageWhere(where),
    commit: async ({ batch: token, refused, durability }, report) => {
      const batch = this.#batch(token);
      this.#batches.delete(token);
      try {
        const outcome = await batch.commit(refused, durability, report);
        if (outcome.written > 0) this.#changed(batch, outcome.written);
        return outcome;
      } catch (thrown) {
        if (!isTrap(thrown)) batch.cancel();
        throw thrown;
      }
    },
    cancel: async ({ batch: token }) => {
      this.#batches.get(token)?.cancel();
      this.#batches.delete(token);
      return undefined;
    },

    search: async ({ collection: handle, call }) => {
      const collection = await this.#collection(handle);
      const { queries, k, ef, exact, where, include, explain } = call;
      return collection.columns(
        collection.engine.search(queries, k, ef, exact, where, include, explain),
      );
    },
    get: async ({ collection: handle, ids, include }) => {
      const collection = await this.#collection(handle);
      return collection.columns(collection.engine.get(ids.bytes, ids.ends, include));
    },
    find: async ({ collection: handle, where, limit, offset, include }) => {
      const collection = await this.#collection(handle);
      return collection.columns(collection.engine.find(where, limit, offset, include));
    },
    count: async ({ collection, where }) =>
      (await this.#collection(collection)).engine.count(where),
    stats: async ({ collection }) => this.#stats(await this.#collection(collection)),
    compact: async ({ collection: handle }) => {
      const collection = await this.#collection(handle);
      await this.#writing(collection, async () => {
        collection.engine.compact();
        if (collection.durable && collection.store.exclusive) await collection.checkpoint();
      });
      return undefined;
    },

    beginSnapshot: async ({ collection: handle }) => {
      const collection = await this.#collection(handle);
      const release = await collection.writers.acquire();
      const token = this.#token();
      this.#exports.set(token, { parts: exportParts(collection, EXPORT_BYTES), release });
      return token;
    },
    nextSnapshotPart: async ({ stream }) => {
      const { done, value } = await this.#stream(this.#exports, stream).parts.next();
      return done ? undefined : value;
    },
    endSnapshot: async ({ stream }) => {
      this.#exports.get(stream)?.release();
      this.#exports.delete(stream);
      return undefined;
    },

    beginLoad: async ({ name, storage }) => {
      const { adapter, reason } = await this.#storages.resolve(storage);
      const key = keyOf(adapter, name);
      if (this.#entries.has(key))
        throw new KindexError('DUPLICATE_ID', `collection '${name}' is already open`);
      const place = await this.#place(adapter, name, reason);
      if (place.store.durable && (await place.store.readManifest())) {
        await place.store.close();
        throw new KindexError(
          'DUPLICATE_ID',
          `there is already a collection '${name}'; destroy it first`,
        );
      }
      const token = this.#token();
      this.#imports.set(token, { place, key, loader: this.#glue.Engine.load() });
      return token;
    },
    loadPart: async ({ stream, bytes }) => {
      const { loader, place } = this.#stream(this.#imports, stream);
      loader.push(bytes);
      await place.store.append({ documents: documentChunks(loader), log: [] }, 'relaxed');
      return undefined;
    },
    finishLoad: async ({ stream }) => {
      const { loader, place, key } = this.#stream(this.#imports, stream);
      this.#imports.delete(stream);
      const engine = loader.finish();
      const entry = this.#enterAs(key, () => HostCollection.adopt(place, engine));
      return this.#info(entry, await entry.collection);
    },
    cancelLoad: async ({ stream }) => {
      const load = this.#imports.get(stream);
      this.#imports.delete(stream);
      load?.loader.free();
      await load?.place.store.close();
      return undefined;
    },
  };

  async #writing<T>(collection: HostCollection, work: () => Promise<T>): Promise<T> {
    const release = await collection.writers.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #place(adapter: StorageAdapter, name: string, reason: string | undefined): Promise<Place> {
    const store = await adapter.open(name);
    return { name, store, storageKind: adapter.kind, storageReason: reason, glue: this.#glue };
  }

  /** The entry of a collection that is open, or that `open` opens; one that fails to open leaves no entry. */
  #enter(adapter: StorageAdapter, name: string, open: () => Promise<HostCollection>): Entry {
    const key = keyOf(adapter, name);
    return this.#entries.get(key) ?? this.#enterAs(key, open);
  }

  #enterAs(key: string, open: () => Promise<HostCollection>): Entry {
    const entry: Entry = { key, collection: open(), handles: new Set() };
    this.#entries.set(key, entry);
    entry.collection.then(
      (collection) => {
        collection.onError = (thrown) => this.#tell(entry, toWire(this.#judge(thrown)));
        collection.store.onClosed = (reason) => void this.#dismiss(entry, reason).catch(() => {});
      },
      () => this.#entries.delete(key),
    );
    return entry;
  }

  #info(entry: Entry, collection: HostCollection): CollectionInfo {
    const handle = this.#token();
    entry.handles.add(handle);
    this.#byHandle.set(handle, entry);
    const { name, engine, durable } = collection;
    return {
      handle,
      name,
      options: engine.options(),
      size: engine.size,
      generation: engine.generation,
      durable,
    };
  }

  /** Closes a collection for everybody who has it open. */
  async #dismiss(entry: Entry, reason: string): Promise<void> {
    this.#entries.delete(entry.key);
    for (const handle of entry.handles) {
      this.#byHandle.delete(handle);
      this.#send({ event: 'closed', collection: handle, reason }, []);
    }
    const collection = await entry.collection;
    await collection.abandon(
      new KindexError('CLOSED', `collection '${collection.name}' is closed: ${reason}`),
    );
    await collection.freeEngine();
  }

  #changed(batch: HostBatch, written: number): void {
    const { collection, operation } = batch;
    const { generation, size } = collection.engine;
    for (const [handle, entry] of this.#byHandle) {
      void entry.collection.then((other) => {
        if (other === collection) {
          this.#send(
            { event: 'change', collection: handle, generation, size, operation, written },
            [],
          );
        }
      });
    }
  }

  #tell(entry: Entry, error: ReturnType<typeof toWire>): void {
    for (const handle of entry.handles)
      this.#send({ event: 'error', collection: handle, error }, []);
  }

  #stats(collection: HostCollection): string {
    const { version, simd } = JSON.parse(this.#glue.capabilities());
    const engine = JSON.parse(collection.engine.stats());
    return JSON.stringify({
      ...engine,
      version,
      simd,
      threads: this.#threads,
      storage: collection.storageKind,
      storageReason: collection.storageReason,
      logBytes: collection.logBytes,
      checkpoint: collection.checkpointGeneration,
    });
  }

  #entry(handle: Handle): Entry {
    const entry = this.#byHandle.get(handle);
    if (!entry) throw new KindexError('CLOSED', 'the collection is closed');
    return entry;
  }

  #collection(handle: Handle): Promise<HostCollection> {
    return this.#entry(handle).collection;
  }

  #batch(token: BatchToken): HostBatch {
    const batch = this.#batches.get(token);
    if (!batch) throw new KindexError('CLOSED', 'the batch has ended');
    return batch;
  }

  #stream<T>(streams: Map<StreamToken, T>, token: StreamToken): T {
    const stream = streams.get(token);
    if (!stream) throw new KindexError('CLOSED', 'the snapshot has ended');
    return stream;
  }

  #token(): number {
    this.#tokens += 1;
    return this.#tokens;
  }
}

const adapterNumbers = new WeakMap<StorageAdapter, number>();
let adapters = 0;

/** Two adapters may hold collections of the same name. */
function keyOf(adapter: StorageAdapter, name: string): string {
  let number = adapterNumbers.get(adapter);
  if (number === undefined) {
    number = adapters++;
    adapterNumbers.set(adapter, number);
  }
  return `${number}:${name}`;
}

function* documentChunks(loader: Loader) {
  for (let chunk = loader.takeDocumentChunk(); chunk; chunk = loader.takeDocumentChunk()) {
    yield [chunk.number, owned(chunk.bytes)] as const;
  }
}

/** A stack that overflows inside wasm is a `RangeError` and leaves the memory as undone as a trap does. */
function isTrap(thrown: unknown): thrown is Error {
  return (
    thrown instanceof WebAssembly.RuntimeError ||
    (thrown instanceof RangeError && !('code' in thrown))
  );
}

/** Buffers of a reply that go over without a copy. */
function transfers(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null || !('distances' in value)) return [];
  const { counts, idEnds, distances, vectors } = value as ResultColumns;
  return [counts, idEnds, distances, vectors].map((column) => column.buffer as ArrayBuffer);
}
