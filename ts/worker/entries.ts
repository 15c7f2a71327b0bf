import { KindexError, toWire } from '../errors.js';
import type { StorageAdapter } from '../storage/storage.js';
import type { Send } from './handlers.js';
import type { HostCollection } from './host-collection.js';
import type { Change, CollectionInfo, Handle, Reply, Request } from './protocol.js';

/** A collection with everybody who has it open. */
export interface Entry {
  readonly key: string;
  readonly collection: Promise<HostCollection>;
  /** The same, as soon as it is open. */
  opened?: HostCollection;
  readonly handles: Set<Handle>;
  /** Other tabs for which this one writes. */
  readonly guests: Map<string, Handle>;
}

/** What the entries need of their host. */
interface Owner {
  readonly send: Send;
  /** A number that nothing else of this host has. */
  token(): number;
  judge(thrown: unknown): KindexError;
  /** Runs a call of another tab as that of a handle. */
  serve(handle: Handle, request: Request, reply: (reply: Reply) => void): void;
  /** Another tab has ended. */
  gone(handle: Handle): void;
}

/** The collections that are open, by key and by handle, and who hears of what becomes of them. */
export class Entries {
  readonly #owner: Owner;
  readonly #byKey = new Map<string, Entry>();
  readonly #byHandle = new Map<Handle, Entry>();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  all(): Iterable<Entry> {
    return this.#byKey.values();
  }

  find(key: string): Entry | undefined {
    return this.#byKey.get(key);
  }

  has(handle: Handle): boolean {
    return this.#byHandle.has(handle);
  }

  /** @throws KindexError `CLOSED` */
  collection(handle: Handle): Promise<HostCollection> {
    return this.#of(handle).collection;
  }

  /** The entry of a collection that is open, or that `open` opens; one that fails to open leaves no entry. */
  enter(key: string, open: () => Promise<HostCollection>): Entry {
    return this.#byKey.get(key) ?? this.add(key, open);
  }

  add(key: string, open: () => Promise<HostCollection>): Entry {
    const entry: Entry = { key, collection: open(), handles: new Set(), guests: new Map() };
    this.#byKey.set(key, entry);
    entry.collection.then(
      (collection) => this.#attach(entry, collection),
      () => this.#byKey.delete(key),
    );
    return entry;
  }

  /** A new handle, with what is known of the collection. */
  info(entry: Entry, collection: HostCollection): CollectionInfo {
    const handle = this.#newHandle(entry);
    entry.handles.add(handle);
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

  /** Gives a handle back; the collection closes with its last one. */
  async leave(handle: Handle): Promise<void> {
    const entry = this.#of(handle);
    this.#byHandle.delete(handle);
    entry.handles.delete(handle);
    if (entry.handles.size > 0) return;
    this.#byKey.delete(entry.key);
    for (const guest of entry.guests.values()) this.#byHandle.delete(guest);
    await (await entry.collection).close();
  }

  /** Closes a collection for everybody who has it open. */
  async dismiss(entry: Entry, reason: string): Promise<void> {
    this.#byKey.delete(entry.key);
    for (const handle of entry.handles) {
      this.#byHandle.delete(handle);
      this.#owner.send({ event: 'closed', collection: handle, reason }, []);
    }
    const collection = await entry.collection;
    await collection.abandon(
      new KindexError('CLOSED', `collection '${collection.name}' is closed: ${reason}`),
    );
    await collection.freeEngine();
  }

  #attach(entry: Entry, collection: HostCollection): void {
    entry.opened = collection;
    const failed = (thrown: unknown) => this.#tell(entry, this.#owner.judge(thrown));
    collection.onError = failed;
    collection.onChange = (change) => this.#changed(entry, collection, change);
    collection.store.onClosed = (reason) => void this.dismiss(entry, reason).catch(() => {});
    // A collection that is closed meanwhile is nobody's concern any more.
    const quietly = (work: Promise<void>) =>
      void work.catch((thrown) => collection.closed || failed(thrown));
    collection.link?.attach({
      serve: (request, from, reply) => this.#owner.serve(this.#guest(entry, from), request, reply),
      gone: (from) => this.#gone(entry, from),
      heard: (change) => quietly(collection.heard(change)),
      turn: () => quietly(collection.turn()),
    });
  }

  /** The handle of another tab, which knows none of this host. */
  #guest(entry: Entry, from: string): Handle {
    let handle = entry.guests.get(from);
    if (handle === undefined) {
      handle = this.#newHandle(entry);
      entry.guests.set(from, handle);
    }
    return handle;
  }

  #gone(entry: Entry, from: string): void {
    const handle = entry.guests.get(from);
    entry.guests.delete(from);
    if (handle === undefined) return;
    this.#byHandle.delete(handle);
    this.#owner.gone(handle);
  }

  #changed(entry: Entry, { engine }: HostCollection, change: Change | undefined): void {
    for (const handle of entry.handles)
      this.#owner.send({ event: 'change', collection: handle, size: engine.size, change }, []);
  }

  #tell(entry: Entry, error: KindexError): void {
    for (const handle of entry.handles)
      this.#owner.send({ event: 'error', collection: handle, error: toWire(error) }, []);
  }

  #newHandle(entry: Entry): Handle {
    const handle = this.#owner.token();
    this.#byHandle.set(handle, entry);
    return handle;
  }

  #of(handle: Handle): Entry {
    const entry = this.#byHandle.get(handle);
    if (!entry) throw new KindexError('CLOSED', 'the collection is closed');
    return entry;
  }
}

const adapterNumbers = new WeakMap<StorageAdapter, number>();
let adapters = 0;

/** Two adapters may hold collections of the same name. */
export function keyOf(adapter: StorageAdapter, name: string): string {
  let number = adapterNumbers.get(adapter);
  if (number === undefined) {
    number = adapters++;
    adapterNumbers.set(adapter, number);
  }
  return `${number}:${name}`;
}
