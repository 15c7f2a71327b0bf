import { KindexError, toKindexError, toWire } from '../errors.js';
import type { Storages } from '../storage/choose.js';
import type { StorageAdapter } from '../storage/storage.js';
import { BatchCalls } from './batch-calls.js';
import { MemoryBudget } from './budget.js';
import { Entries, keyOf } from './entries.js';
import { type Glue, isTrap } from './glue.js';
import type { Handlers, HandlersOf, Report, Send } from './handlers.js';
import { HostCollection } from './host-collection.js';
import {
  type BudgetSettings,
  type CallName,
  type Handle,
  large,
  type Reply,
  type Request,
  type ResultColumns,
} from './protocol.js';
import { readCalls } from './read-calls.js';
import type { Place } from './recover.js';
import { checkSettings } from './settings.js';
import { snapshotCalls } from './snapshot-calls.js';
import { verify } from './verify.js';

/** What a tab may ask of the one that writes. */
const FORWARDED: ReadonlySet<CallName> = new Set<CallName>([
  'begin',
  'stage',
  'stageWhere',
  'commit',
  'cancel',
  'compact',
]);

type CollectionCall =
  | 'open'
  | 'list'
  | 'destroy'
  | 'verify'
  | 'revalidate'
  | 'close'
  | 'stats'
  | 'compact';

/**
 * The engine's side of the protocol: owns the wasm and the storage, in a worker or in place.
 *
 * Calls are taken at once and run concurrently wherever they wait for storage; what changes a collection goes
 * through its {@link HostCollection.writers}.
 */
export class Host {
  readonly #glue: Glue;
  /** How many there are, once all have started. */
  readonly #threads: () => number | Promise<number>;
  readonly #storages: Storages;
  readonly #send: Send;
  readonly #budget: MemoryBudget | undefined;
  readonly #entries: Entries;
  readonly #handlers: Handlers;
  #tokens = 0;
  #crash: KindexError | undefined;

  constructor(parts: {
    glue: Glue;
    threads: () => number | Promise<number>;
    storages: Storages;
    send: Send;
    /** Most bytes that all collections may take together; undefined: what the system grants. */
    memoryBudget?: BudgetSettings | undefined;
  }) {
    const { glue, threads, storages, send, memoryBudget } = parts;
    this.#glue = glue;
    this.#threads = threads;
    this.#storages = storages;
    this.#send = send;
    this.#budget =
      memoryBudget === undefined
        ? undefined
        : new MemoryBudget(memoryBudget, () => this.#bytesTaken());
    const token = () => ++this.#tokens;
    const entries = new Entries({
      send,
      token,
      judge: (thrown) => this.#judge(thrown),
      serve: (handle, request, reply) => this.#serve(handle, request, reply),
      gone: (handle) => batches.cancelOf(handle),
    });
    const batches = new BatchCalls({ entries, token, budget: this.#budget, threads });
    this.#entries = entries;
    this.#handlers = {
      ...this.#collectionCalls,
      ...batches.handlers,
      ...readCalls(entries),
      ...snapshotCalls({
        glue,
        storages,
        entries,
        budget: this.#budget,
        token,
        place: (adapter, name, reason) => this.#place(adapter, name, reason),
      }),
    };
  }

  /** Runs a call; its replies go to `send`. */
  async receive({ id, call, arguments: input }: Request, send = this.#send): Promise<void> {
    try {
      if (this.#crash) throw this.#crash;
      const handler = this.#handlers[call] as (input: unknown, report: Report) => Promise<unknown>;
      const value = await handler(input, (progress) => send({ id, progress }, []));
      send({ id, value }, large(transfers(value)));
    } catch (thrown) {
      send({ id, error: toWire(this.#judge(thrown)) }, []);
    }
  }

  /** Runs a call of another tab, whose batches end when it does. */
  #serve(collection: Handle, request: Request, reply: (reply: Reply) => void): void {
    if (!FORWARDED.has(request.call)) return;
    const input = { ...request.arguments, collection };
    void this.receive({ ...request, arguments: input } as Request, reply);
  }

  /** Bytes of the collections that are open. */
  #bytesTaken(): number {
    let taken = 0;
    for (const { opened } of this.#entries.all()) {
      if (!opened) continue;
      const { memory } = JSON.parse(opened.engine.stats()) as { memory: Record<string, number> };
      for (const part of Object.values(memory)) taken += part;
    }
    return taken;
  }

  /** A trap ends the host: its memory may hold half of a change. */
  #judge(thrown: unknown): KindexError {
    if (!isTrap(thrown)) return toKindexError(thrown);
    if (this.#crash) return this.#crash;
    const message = `the engine has crashed (${thrown.message}); collections in storage are reopened by the next call`;
    this.#crash = new KindexError('CRASHED', message, { cause: thrown });
    for (const entry of this.#entries.all()) {
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

  readonly #collectionCalls: HandlersOf<CollectionCall> = {
    open: async ({ name, settings, storage }, report) => {
      const { adapter, reason } = await this.#storages.resolve(storage);
      const entry = this.#entries.enter(keyOf(adapter, name), async () =>
        HostCollection.open(await this.#place(adapter, name, reason), settings, report),
      );
      const collection = await entry.collection;
      // It may have been open already, for somebody who wanted it otherwise.
      checkSettings(name, settings, JSON.parse(collection.engine.options()));
      return this.#entries.info(entry, collection);
    },
    list: async ({ storage }) => (await this.#storages.resolve(storage)).adapter.list(),
    destroy: async ({ name, storage }) => {
      const { adapter } = await this.#storages.resolve(storage);
      const entry = this.#entries.find(keyOf(adapter, name));
      if (entry) await this.#entries.dismiss(entry, 'it was destroyed');
      await adapter.destroy(name);
      return undefined;
    },
    verify: async ({ name, storage }) => {
      const { adapter, reason } = await this.#storages.resolve(storage);
      const entry = this.#entries.find(keyOf(adapter, name));
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
      for (const { collection } of this.#entries.all()) await (await collection).revalidate();
      return undefined;
    },
    close: async ({ collection: handle }) => {
      await this.#entries.leave(handle);
      return undefined;
    },
    stats: async ({ collection: handle }) => {
      // First of all: the collection may be closed while they start.
      const threads = await this.#threads();
      return this.#stats(await this.#entries.collection(handle), threads);
    },
    compact: async ({ collection: handle }, report) => {
      const collection = await this.#entries.collection(handle);
      const { size: total } = collection.engine;
      report({ phase: 'compact', done: 0, total });
      await collection.whereWritten(
        () => collection.compact(),
        (writer) => writer.call('compact', { collection: 0 }),
      );
      report({ phase: 'compact', done: total, total });
      return undefined;
    },
  };

  async #place(adapter: StorageAdapter, name: string, reason: string | undefined): Promise<Place> {
    const opened = await adapter.open(name);
    const store = this.#budget ? this.#budget.watch(opened) : opened;
    return {
      name,
      store,
      storageKind: adapter.kind,
      storageReason: reason,
      glue: this.#glue,
      lean: this.#budget !== undefined,
    };
  }

  #stats(collection: HostCollection, threads: number): string {
    const { version, simd } = JSON.parse(this.#glue.capabilities());
    const { memory, ...engine } = JSON.parse(collection.engine.stats());
    return JSON.stringify({
      ...engine,
      memory: { ...memory, documents: collection.documents.bytes },
      version,
      simd,
      threads,
      storage: collection.storageKind,
      storageReason: collection.storageReason,
      writing: collection.writing,
      logBytes: collection.state.logBytes,
      checkpoint: collection.state.manifest.checkpoint?.generation,
    });
  }
}

/** Buffers of a reply that go over without a copy. */
function transfers(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null || !('distances' in value)) return [];
  const { counts, idEnds, distances, scores, vectors } = value as ResultColumns;
  return [counts, idEnds, distances, scores, vectors].map((column) => column.buffer as ArrayBuffer);
}
