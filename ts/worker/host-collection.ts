import { KindexError } from '../errors.js';
import { withRetries } from '../retry.js';
import type { Store } from '../storage/storage.js';
import type { VerifyReport } from '../types.js';
import { Checkpoints } from './checkpoints.js';
import type { Client } from './client.js';
import { Documents } from './documents.js';
import type { Engine, Glue, Results } from './glue.js';
import { encodeManifest, newManifest } from './manifest.js';
import { Mutex } from './mutex.js';
import type { Change, EngineSettings, HostProgress, ResultColumns } from './protocol.js';
import { catchUp, type Place, recover, refuseLog, type State } from './recover.js';
import { takeColumns } from './result-columns.js';
import { checkSettings, newOptions } from './settings.js';
import { TabLink } from './tab-link.js';
import { verify } from './verify.js';

/** How long a tab waits for another one that is about to make the collection, and how often it looks. */
const MAKING_MS = 10_000;
const LOOK_MS = 100;

/** How long the browser may take to say that another tab has the right to write. */
const HEARING_MS = 1000;

/** How many tabs may end, one after the other, during the same work: it might be the work that ends them. */
const MOST_WRITERS = 4;

type Report = (progress: HostProgress) => void;

/** A collection that is open: the engine's memory, and the store that can rebuild it. */
export class HostCollection {
  readonly name: string;
  readonly storageKind: string;
  readonly storageReason: string | undefined;
  readonly glue: Glue;
  readonly store: Store;
  /** The other tabs; undefined where the store knows none. */
  readonly link: TabLink | undefined;
  readonly documents: Documents;
  /** Held by whoever changes the collection or needs it unchanged. */
  readonly writers = new Mutex();
  /** Told of what goes wrong in the background. */
  onError: (thrown: unknown) => void = () => {};
  /** Told of batches, and (without one) of a catching up. */
  onChange: (change: Change | undefined) => void = () => {};
  readonly #place: Place;
  /** Changed by whoever holds {@link writers}, and by a checkpoint that becomes the one that counts. */
  readonly state: State;
  readonly #checkpoints: Checkpoints = new Checkpoints(this);
  /** Whether this one is known to be the one that writes, with nothing of others unread. */
  #claimed = false;
  /** Whether storage still has the float vectors that memory has given up. */
  #dropped = false;
  #told: number;
  #closed = false;

  private constructor(place: Place, state: State, link: TabLink | undefined) {
    this.name = place.name;
    this.storageKind = place.storageKind;
    this.storageReason = place.storageReason;
    this.glue = place.glue;
    this.store = place.store;
    this.link = link;
    this.documents = new Documents(place.store, place.glue);
    this.#place = place;
    this.state = state;
    this.#told = state.engine.generation;
  }

  /** Opens what is stored, or makes an empty collection. Takes over the store, and closes it on failure. */
  static async open(
    place: Place,
    settings: EngineSettings,
    report: Report,
  ): Promise<HostCollection> {
    const { store, name } = place;
    const link = store.tabs && new TabLink(store.tabs);
    const check = (manifest: { options: Readonly<Record<string, unknown>> }) =>
      checkSettings(name, settings, manifest.options);
    try {
      for (let waited = 0; ; waited += LOOK_MS) {
        const state = store.empty ? undefined : await recover(place, check, report);
        if (state) {
          const collection = new HostCollection(place, state, link);
          // Whatever an interrupted batch or checkpoint has left is in nobody's way, but takes space. The sweep
          // must come before the next batch, not before the first search.
          collection.#checkpoints.litter();
          collection.scheduleCheckpoint();
          return collection;
        }
        if (!link || link.writing) return await HostCollection.#make(place, settings, link);
        if (waited >= MAKING_MS)
          throw new KindexError('LOCKED', `another tab is making collection '${name}'`);
        await link.moved(LOOK_MS);
      }
    } catch (thrown) {
      link?.close();
      await store.close().catch(() => {});
      throw thrown;
    }
  }

  static async #make(
    place: Place,
    settings: EngineSettings,
    link: TabLink | undefined,
  ): Promise<HostCollection> {
    const { store, glue, name } = place;
    const engine = new glue.Engine(newOptions(name, settings));
    const manifest = newManifest(engine.options());
    const state = { engine, manifest, sequence: 0, logBytes: 0 };
    const collection = new HostCollection(place, state, link);
    if (!store.durable) return collection;
    const { empty } = store;
    try {
      if (!empty) await refuseLog(store, name);
    } catch (thrown) {
      engine.free();
      throw thrown;
    }
    await store.claim?.();
    // A load that was interrupted may have left documents and segments.
    const garbage = { keepSegments: undefined, logFrom: 0, logEnd: 0, keepDocuments: new Set([]) };
    if (!empty) await store.sweep(garbage);
    await store.writeManifest(encodeManifest(manifest, glue.crc32));
    collection.#claimed = true;
    link?.announce();
    return collection;
  }

  /** Makes a collection of an engine that was read from a snapshot file. The store must be empty, and claimed. */
  static async adopt(place: Place, engine: Engine): Promise<HostCollection> {
    const manifest = newManifest(engine.options());
    const link = place.store.tabs && new TabLink(place.store.tabs);
    const state = { engine, manifest, sequence: 0, logBytes: 0 };
    const collection = new HostCollection(place, state, link);
    collection.#claimed = true;
    // A load that was interrupted may have left more segments than this one has.
    collection.#checkpoints.litter();
    if (collection.durable) await collection.#checkpoints.write();
    return collection;
  }

  get engine(): Engine {
    return this.state.engine;
  }

  get durable(): boolean {
    return this.store.durable;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether batches are written here; if not, another tab does. */
  get writing(): boolean {
    return this.link?.writing ?? true;
  }

  /** Whether this one is known to be the one that writes. */
  get claimed(): boolean {
    return this.#claimed;
  }

  /** From now on it is not known: whoever writes next reads first what is stored. */
  disclaim(): void {
    this.#claimed = false;
  }

  /** Whether memory is scarce. */
  get lean(): boolean {
    return this.#place.lean;
  }

  /** Notes that a batch was appended. */
  appended(records: number, bytes: number): void {
    this.state.sequence += records;
    this.state.logBytes += bytes;
  }

  /**
   * Notes that an append failed. Some storages keep a part of it, and one whose connection died may have kept all:
   * the next to write reads what is there first.
   */
  appendFailed(firstDocumentChunk: number): void {
    this.#claimed = false;
    this.#checkpoints.litter();
    this.#checkpoints.loseDocuments();
    this.documents.forgetFrom(firstDocumentChunk);
  }

  /**
   * Sees to it that nobody else writes, that nothing is unread, and that no leftovers are in the way. A storage that
   * fails for a moment is reopened and tried again. Called by whoever holds {@link writers}, before it writes.
   */
  async prepareToWrite(): Promise<void> {
    if (this.#closed) throw new KindexError('CLOSED', `collection '${this.name}' is closed`);
    if (!this.durable) return;
    const attempt = async () => {
      if (!this.#claimed) await this.#claim();
      await this.tidy();
    };
    await withRetries(attempt, async () => this.store.reopen?.());
  }

  /** Deletes what nothing refers to. Called by whoever holds {@link writers}. */
  async tidy(): Promise<void> {
    await this.#checkpoints.tidy();
  }

  /**
   * Deletes what a checkpoint beside batches has written or replaced, if a batch that has just failed could do with the
   * room. Called by whoever holds {@link writers}.
   *
   * @returns whether there was anything
   */
  async makeRoom(): Promise<boolean> {
    if (!this.#checkpoints.takesRoom) return false;
    await this.tidy();
    return true;
  }

  /** Tells of a batch that was written here, in this tab and the others. */
  changed(change: Change): void {
    this.#told = change.generation;
    if (change.operation !== 'insert') this.#checkpoints.loseDocuments();
    this.link?.announce(change);
    this.onChange(change);
  }

  /** Another tab has committed a batch. */
  async heard(change: Change): Promise<void> {
    if (change.generation <= this.#told) return;
    this.#told = change.generation;
    if (!this.link?.locked) this.#claimed = false;
    await this.follow(change.generation);
    this.onChange(change);
  }

  /** Reads what other tabs have committed, unless that generation is here already. */
  async follow(generation: number): Promise<void> {
    if (this.engine.generation >= generation) return;
    await this.exclusively(() => catchUp(this.#place, this.state));
  }

  /** This tab was away, and may have missed what others said. */
  async revalidate(): Promise<void> {
    if (!this.link || this.#closed) return;
    const before = this.engine.generation;
    await this.exclusively(() => catchUp(this.#place, this.state));
    if (this.engine.generation > before) this.onChange(undefined);
  }

  /** It is this tab's turn to write, or no longer. */
  async turn(): Promise<void> {
    this.#claimed = false;
    if (!this.writing) return;
    await this.exclusively(() => this.prepareToWrite());
    this.scheduleCheckpoint();
  }

  /** Runs work where batches are written: here, or at another tab, and at the next one if that changes meanwhile. */
  async whereWritten<T>(here: () => Promise<T>, there: (writer: Client) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.link && !this.writing ? await this.link.ask(there) : await here();
      } catch (thrown) {
        const { code } = thrown as KindexError;
        const ended =
          code === 'CLOSED' ||
          code === 'CRASHED' ||
          (code === 'CONFLICT' && (await this.mayBeginAgain()));
        if (!ended || this.#closed || attempt === MOST_WRITERS) throw thrown;
      }
    }
  }

  /**
   * After a `CONFLICT`, of which nothing is stored: whether the same may begin again. Where a lock says who writes,
   * either another tab took over while this one was frozen, and is handed it; or this one has the lock, and takes the
   * claim back from a tab that thawed. Without locks the caller is to see first what the others have written.
   */
  async mayBeginAgain(): Promise<boolean> {
    this.#claimed = false;
    if (!this.link?.locked) return false;
    if (this.writing) await this.link.moved(HEARING_MS);
    return true;
  }

  /** Gives up the float vectors in memory; see {@link keepWithoutVectors}. */
  dropVectors(): void {
    if (this.engine.dropVectors()) this.#dropped = true;
  }

  /**
   * Stores what memory has after its vectors were given up, before a batch comes on top: read again, all of it has to
   * fit in memory. The caller holds {@link writers}.
   */
  async keepWithoutVectors(): Promise<void> {
    if (!this.#dropped) return;
    if (this.durable) await this.#checkpoints.write();
    this.#dropped = false;
  }

  /** Reclaims what deleted records hold. The checkpoint makes it lasting. */
  async compact(): Promise<void> {
    await this.exclusively(async () => {
      await this.prepareToWrite();
      this.engine.compact();
      if (this.durable) await this.#checkpoints.write();
    });
    this.scheduleCheckpoint();
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.writers.acquire();
    try {
      if (this.#closed) throw new KindexError('CLOSED', `collection '${this.name}' is closed`);
      return await work();
    } finally {
      release();
    }
  }

  /** Sees to it that the log does not grow for ever. */
  scheduleCheckpoint(): void {
    this.#checkpoints.schedule();
  }

  /** Runs a search, and takes its results out of wasm. */
  async answer(search: (engine: Engine) => Results): Promise<ResultColumns> {
    try {
      return await takeColumns(search(this.engine), this.documents);
    } catch (thrown) {
      if ((thrown as KindexError).code !== 'CORRUPT' || this.#closed) throw thrown;
      // A document may have been replaced, and its chunk deleted, while the answer was on its way.
      await this.revalidate();
      return takeColumns(search(this.engine), this.documents);
    }
  }

  /** Checks what is stored, which nothing changes meanwhile. */
  async verify(): Promise<VerifyReport> {
    if (!this.durable)
      throw new KindexError('NOT_FOUND', `collection '${this.name}' is kept in memory only`);
    return this.exclusively(() => verify(this.#place));
  }

  async close(): Promise<void> {
    const release = await this.writers.acquire();
    this.#checkpoints.unschedule();
    try {
      await this.#checkpoints.finish();
      if (this.#checkpoints.pays)
        await this.#checkpoints.write().catch((thrown) => this.onError(thrown));
      this.#closed = true;
      this.link?.close();
      await this.store.close();
    } finally {
      this.#closed = true;
      this.engine.free();
      release();
    }
  }

  /** Lets go of the store at once: those who wait to write fail with `reason`. */
  async abandon(reason: KindexError): Promise<void> {
    this.#closed = true;
    this.#checkpoints.unschedule();
    this.writers.abandon(reason);
    this.link?.close();
    await this.store.close().catch(() => {});
  }

  /** After a crash: no finalizer may hand the old address to the instance that takes its place. */
  disownEngine(): void {
    (this.engine as { __destroy_into_raw?: () => void }).__destroy_into_raw?.();
  }

  /** Frees the engine once the batch that is under way has failed at the closed store. */
  async freeEngine(): Promise<void> {
    await this.writers.acquire();
    this.engine.free();
  }

  async #claim(): Promise<void> {
    // What it writes under the old claim must not go on under the new one.
    await this.#checkpoints.stop();
    await this.store.claim?.();
    await catchUp(this.#place, this.state);
    this.#claimed = true;
    this.#checkpoints.litter();
  }
}
