import { KindexError, toKindexError, toWire } from '../errors.js';
import type { Storages } from '../storage/choose.js';
import type { StorageAdapter } from '../storage/storage.js';
import { MemoryBudget } from './budget.js';
import { documentsContaining } from './document-search.js';
import { exportParts } from './export.js';
import { ForwardedBatch } from './forwarded-batch.js';
import { type Glue, isTrap, type Loader, owned } from './glue.js';
import { type BatchSink, HostBatch } from './host-batch.js';
import { HostCollection } from './host-collection.js';
import type {
  BatchToken,
  CallName,
  Calls,
  Change,
  CollectionInfo,
  Handle,
  HostProgress,
  Reply,
  Request,
  ResultColumns,
  Selected,
  StreamToken,
} from './protocol.js';
import type { Place } from './recover.js';
import { checkSettings } from './settings.js';
import { verify } from './verify.js';

/** Bytes of a part of an exported snapshot. */
const EXPORT_BYTES = 4 * 1024 * 1024;

/** What a tab may ask of the one that writes. */
const FORWARDED: ReadonlySet<CallName> = new Set<CallName>([
  'begin',
  'stage',
  'stageWhere',
  'commit',
  'cancel',
  'compact',
]);

type Send = (reply: Reply, transfer: ArrayBuffer[]) => void;
type Report = (progress: HostProgress) => void;
type Handlers = {
  [K in CallName]: (input: Calls[K]['in'], report: Report) => Promise<Calls[K]['out']>;
};

/** A collection with everybody who has it open. */
interface Entry {
  readonly key: string;
  readonly collection: Promise<HostCollection>;
  /** The same, as soon as it is open. */
  opened?: HostCollection;
  readonly handles: Set<Handle>;
  /** Other tabs for which this one writes. */
  readonly guests: Map<string, Handle>;
}

interface Export {
  readonly parts: AsyncIterator<Uint8Array>;
  readonly release: () => void;
}
interface Import {
  readonly place: Place;
  readonly key: string;
  readonly loader: Loader;
  /** Read so far. */
  bytes: number;
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
  readonly #send: Send;
  readonly #budget: MemoryBudget | undefined;
  /** Bytes staged by the batches under way. */
  readonly #staged = new Map<BatchToken, number>();
  readonly #entries = new Map<string, Entry>();
  readonly #byHandle = new Map<Handle, Entry>();
  readonly #batches = new Map<BatchToken, BatchSink>();
  /** Who has begun each batch. */
  readonly #owners = new Map<BatchToken, Handle>();
  readonly #exports = new Map<StreamToken, Export>();
  readonly #imports = new Map<StreamToken, Import>();
  #tokens = 0;
  #crash: KindexError | undefined;

  constructor(parts: {
    glue: Glue;
    threads: number;
    storages: Storages;
    send: Send;
    /** Most bytes that all collections may take together; undefined: what the system grants. */
    memoryBudget?: number | undefined;
  }) {
    this.#glue = parts.glue;
    this.#threads = parts.threads;
    this.#storages = parts.storages;
    this.#send = parts.send;
    this.#budget =
      parts.memoryBudget === undefined
        ? undefined
        : new MemoryBudget(parts.memoryBudget, () => this.#bytesTaken());
  }

  /** Runs a call; its replies go to `send`. */
  async receive({ id, call, arguments: input }: Request, send = this.#send): Promise<void> {
    try {
      if (this.#crash) throw this.#crash;
      const handler = this.#handlers[call] as (input: unknown, report: Report) => Promise<unknown>;
      const value = await handler(input, (progress) => send({ id, progress }, []));
      send({ id, value }, transfers(value));
    } catch (thrown) {
      send({ id, error: toWire(this.#judge(thrown)) }, []);
    }
  }

  /** Runs a call of another tab, which knows no handle of this host. Its batches end when it does. */
  async #serve(
    entry: Entry,
    request: Request,
    from: string,
    reply: (reply: Reply) => void,
  ): Promise<void> {
    if (!FORWARDED.has(request.call)) return;
    let handle = entry.guests.get(from);
    if (handle === undefined) {
      handle = this.#token();
      entry.guests.set(from, handle);
      this.#byHandle.set(handle, entry);
    }
    const input = { ...request.arguments, collection: handle };
    await this.receive({ ...request, arguments: input } as Request, reply);
  }

  #gone(entry: Entry, from: string): void {
    const handle = entry.guests.get(from);
    entry.guests.delete(from);
    if (handle === undefined) return;
    this.#byHandle.delete(handle);
    for (const [token, owner] of this.#owners) {
      if (owner !== handle) continue;
      this.#batches.get(token)?.cancel();
      this.#endBatch(token);
    }
  }

  #endBatch(token: BatchToken): void {
    this.#batches.delete(token);
    this.#owners.delete(token);
    this.#staged.delete(token);
  }

  /** Bytes of the collections that are open. */
  #bytesTaken(): number {
    let taken = 0;
    for (const { opened } of this.#entries.values()) {
      if (!opened) continue;
      const { bytes } = JSON.parse(opened.engine.stats()) as { bytes: Record<string, number> };
      for (const part of Object.values(bytes)) taken += part;
    }
    return taken;
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
      // It may have been open already, for somebody who wanted it otherwise.
      checkSettings(name, settings, JSON.parse(collection.engine.options()));
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
    verify: async ({ name, storage }) => {
      const { adapter, reason } = await this.#storages.resolve(storage);
      const entry = this.#entries.get(keyOf(adapter, name));
      if (entry) return (await entry.collection).verify();
      // Opening would make one.
      if (!(await adapter.list()).includes(name))
        throw new KindexError('NOT_FOUND', `there is no collection '${name}'`);
      const place = await this.#place(adapter, name, reason);
      try {
        return await verify(place);
      } finally {
        await place.store.close();
      }
    },
    revalidate: async () => {
      for (const { collection } of this.#entries.values()) await (await collection).revalidate();
      return undefined;
    },
    close: async ({ collection: handle }) => {
      const entry = this.#entry(handle);
      this.#byHandle.delete(handle);
      entry.handles.delete(handle);
      if (entry.handles.size === 0) {
        this.#entries.delete(entry.key);
        for (const guest of entry.guests.values()) this.#byHandle.delete(guest);
        await (await entry.collection).close();
      }
      return undefined;
    },

    begin: async ({ collection: handle, op, atomic, batchId }) => {
      const collection = await this.#collection(handle);
      const batch = collection.writing
        ? await HostBatch.begin(collection, op, atomic, batchId)
        : new ForwardedBatch(collection, { operation: op, atomic, batchId });
      if (!this.#byHandle.has(handle)) {
        batch.cancel();
        throw new KindexError('CLOSED', 'the collection was closed');
      }
      const token = this.#token();
      this.#batches.set(token, batch);
      this.#owners.set(token, handle);
      return token;
    },
    stage: async ({ batch, slice }) => {
      if (this.#budget) {
        const staged = this.#budget.admitRows(slice, this.#staged.get(batch) ?? 0);
        this.#staged.set(batch, staged);
      }
      this.#batch(batch).stage(slice);
      return undefined;
    },
    stageWhere: async ({ batch, where }) => void this.#batch(batch).stageWhere(where),
    commit: async ({ batch: token, ...how }, report) => {
      const batch = this.#batch(token);
      this.#endBatch(token);
      try {
        return await batch.commit(how, report);
      } catch (thrown) {
        if (!isTrap(thrown)) batch.cancel();
        throw thrown;
      }
    },
    cancel: async ({ batch: token }) => {
      this.#batches.get(token)?.cancel();
      this.#endBatch(token);
      return undefined;
    },

    search: async ({ collection: handle, call }) => {
      const collection = await this.#collection(handle);
      const { queries, k, ef, exact, where, decay, include, explain } = call;
      const documents = await documentsOf(collection, call);
      return collection.answer((engine) =>
        engine.search(queries, k, ef, exact, where, documents, decay, include, explain),
      );
    },
    get: async ({ collection: handle, ids, include }) => {
      const collection = await this.#collection(handle);
      return collection.answer((engine) => engine.get(ids.bytes, ids.ends, include));
    },
    find: async ({ collection: handle, order, limit, offset, include, ...selected }) => {
      const collection = await this.#collection(handle);
      const documents = await documentsOf(collection, selected);
      const { field, descending = false } = order ?? {};
      const { where } = selected;
      return collection.answer((engine) =>
        engine.find(where, documents, field, descending, limit, offset, include),
      );
    },
    count: async ({ collection: handle, ...selected }) => {
      const collection = await this.#collection(handle);
      const documents = await documentsOf(collection, selected);
      return collection.engine.count(selected.where, documents);
    },
    facets: async ({ collection: handle, field, limit, ...selected }) => {
      const collection = await this.#collection(handle);
      const documents = await documentsOf(collection, selected);
      return collection.engine.facets(field, selected.where, documents, limit);
    },
    duplicatesFrom: async ({ collection: handle, first, count, threshold, where }) => {
      const collection = await this.#collection(handle);
      return collection.answer((engine) => engine.duplicatesFrom(first, count, threshold, where));
    },
    stats: async ({ collection }) => this.#stats(await this.#collection(collection)),
    compact: async ({ collection: handle }, report) => {
      const collection = await this.#collection(handle);
      const { size: total } = collection.engine;
      report({ phase: 'compact', done: 0, total });
      await collection.whereWritten(
        () => collection.compact(),
        (writer) => writer.call('compact', { collection: 0 }),
      );
      report({ phase: 'compact', done: total, total });
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
      const taken = place.store.tabs?.writing === false;
      if (taken || (place.store.durable && (await place.store.readManifest()))) {
        await place.store.close();
        throw new KindexError(
          'DUPLICATE_ID',
          `there is already a collection '${name}'; destroy it first`,
        );
      }
      // Nothing but the one that makes it writes to an empty store; the others find no manifest and wait.
      if (place.store.durable) await place.store.claim?.();
      const token = this.#token();
      this.#imports.set(token, { place, key, loader: this.#glue.Engine.load(), bytes: 0 });
      return token;
    },
    loadPart: async ({ stream, bytes }) => {
      const load = this.#stream(this.#imports, stream);
      const { loader, place } = load;
      this.#budget?.admitStored(load.bytes + bytes.length);
      load.bytes += bytes.length;
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

  async #place(adapter: StorageAdapter, name: string, reason: string | undefined): Promise<Place> {
    const opened = await adapter.open(name);
    const store = this.#budget ? this.#budget.watch(opened) : opened;
    return { name, store, storageKind: adapter.kind, storageReason: reason, glue: this.#glue };
  }

  /** The entry of a collection that is open, or that `open` opens; one that fails to open leaves no entry. */
  #enter(adapter: StorageAdapter, name: string, open: () => Promise<HostCollection>): Entry {
    const key = keyOf(adapter, name);
    return this.#entries.get(key) ?? this.#enterAs(key, open);
  }

  #enterAs(key: string, open: () => Promise<HostCollection>): Entry {
    const entry: Entry = {
      key,
      collection: open(),
      handles: new Set(),
      guests: new Map(),
    };
    this.#entries.set(key, entry);
    entry.collection.then(
      (collection) => {
        entry.opened = collection;
        const failed = (thrown: unknown) => this.#tell(entry, toWire(this.#judge(thrown)));
        collection.onError = failed;
        collection.onChange = (change) => this.#changed(entry, collection, change);
        collection.store.onClosed = (reason) => void this.#dismiss(entry, reason).catch(() => {});
        // A collection that is closed meanwhile is nobody's concern any more.
        const quietly = (work: Promise<void>) =>
          void work.catch((thrown) => collection.closed || failed(thrown));
        collection.link?.attach({
          serve: (request, from, reply) => void this.#serve(entry, request, from, reply),
          gone: (from) => this.#gone(entry, from),
          heard: (change) => quietly(collection.heard(change)),
          turn: () => quietly(collection.turn()),
        });
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

  #changed(entry: Entry, { engine }: HostCollection, change: Change | undefined): void {
    for (const handle of entry.handles)
      this.#send({ event: 'change', collection: handle, size: engine.size, change }, []);
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
      writing: collection.writing,
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

  #batch(token: BatchToken): BatchSink {
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

/** What a text in documents leaves of the selection; undefined where none is wanted. */
async function documentsOf(
  collection: HostCollection,
  { where, containing }: Selected,
): Promise<Uint32Array | undefined> {
  return containing === undefined ? undefined : documentsContaining(collection, where, containing);
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

/** Buffers of a reply that go over without a copy. */
function transfers(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null || !('distances' in value)) return [];
  const { counts, idEnds, distances, scores, vectors } = value as ResultColumns;
  return [counts, idEnds, distances, scores, vectors].map((column) => column.buffer as ArrayBuffer);
}
