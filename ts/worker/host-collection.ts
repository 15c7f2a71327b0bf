import { KindexError } from '../errors.js';
import type { Store } from '../storage/storage.js';
import { Documents } from './documents.js';
import { type Engine, type Glue, owned, type Results } from './glue.js';
import { decodeManifest, encodeManifest, type Manifest, newManifest } from './manifest.js';
import { Mutex } from './mutex.js';
import type { EngineSettings, HostProgress, ResultColumns } from './protocol.js';
import { checkSettings, newOptions } from './settings.js';

/** Bytes of a snapshot part in storage. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** A log below this is not worth a checkpoint: replaying it takes a moment. */
const SMALL_LOG = 4 * 1024 * 1024;
/** A log of this many bytes is folded into a checkpoint even while batches keep coming. */
const LARGE_LOG = 64 * 1024 * 1024;
/** How long nothing must have been written before a checkpoint in the background. */
const IDLE_MS = 1000;

type Report = (progress: HostProgress) => void;

/** A collection that is open: the engine's memory, and the store that can rebuild it. */
export class HostCollection {
  readonly name: string;
  readonly storageKind: string;
  readonly storageReason: string | undefined;
  readonly glue: Glue;
  readonly store: Store;
  readonly engine: Engine;
  readonly documents: Documents;
  /** Held by whoever changes the collection or needs it unchanged. */
  readonly writers = new Mutex();
  /** Told of what goes wrong in the background. */
  onError: (thrown: unknown) => void = () => {};
  #manifest: Manifest;
  #sequence: number;
  #logBytes = 0;
  /** Whether storage may hold leftovers of a batch that failed. */
  #littered = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(parts: Opened) {
    this.name = parts.name;
    this.storageKind = parts.storageKind;
    this.storageReason = parts.storageReason;
    this.glue = parts.glue;
    this.store = parts.store;
    this.engine = parts.engine;
    this.documents = new Documents(parts.store, parts.glue);
    this.#manifest = parts.manifest;
    this.#sequence = parts.sequence;
    this.#logBytes = parts.logBytes;
  }

  /** Opens what is stored, or makes an empty collection. Takes over the store, and closes it on failure. */
  static async open(
    place: Place,
    settings: EngineSettings,
    report: Report,
  ): Promise<HostCollection> {
    const { store, glue, name } = place;
    try {
      const stored = await store.readManifest();
      if (stored) return await HostCollection.#recover(place, settings, stored, report);
      const engine = new glue.Engine(newOptions(name, settings));
      const manifest = newManifest(engine.options());
      if (store.durable) await store.writeManifest(encodeManifest(manifest, glue.crc32));
      return new HostCollection({ ...place, engine, manifest, sequence: 0, logBytes: 0 });
    } catch (thrown) {
      await store.close().catch(() => {});
      throw thrown;
    }
  }

  /** Makes a collection of an engine that was read from a snapshot file. The store must be empty. */
  static async adopt(place: Place, engine: Engine): Promise<HostCollection> {
    const manifest = newManifest(engine.options());
    const collection = new HostCollection({ ...place, engine, manifest, sequence: 0, logBytes: 0 });
    if (collection.durable) await collection.checkpoint();
    return collection;
  }

  static async #recover(
    place: Place,
    settings: EngineSettings,
    stored: Uint8Array,
    report: Report,
  ): Promise<HostCollection> {
    const { store, glue, name } = place;
    const manifest = decodeManifest(stored, name, glue.crc32);
    checkSettings(name, settings, manifest.options);
    const engine = manifest.checkpoint
      ? await readCheckpoint(place, manifest.checkpoint, report)
      : new glue.Engine(JSON.stringify(manifest.options));
    let sequence = manifest.log;
    let logBytes = 0;
    for await (const record of store.readLog(manifest.log)) {
      if (record.sequence !== sequence) {
        throw new KindexError(
          'CORRUPT',
          `log record ${sequence} of collection '${name}' is missing`,
        );
      }
      engine.replay(record.bytes);
      sequence += 1;
      logBytes += record.bytes.length;
    }
    sequence -= engine.endReplay();
    const collection = new HostCollection({ ...place, engine, manifest, sequence, logBytes });
    // Whatever an interrupted batch or checkpoint has left is in nobody's way, but takes space. The sweep must
    // come before the next batch, not before the first search.
    collection.#littered = true;
    collection.scheduleCheckpoint();
    return collection;
  }

  get durable(): boolean {
    return this.store.durable;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  get checkpointGeneration(): number | undefined {
    return this.#manifest.checkpoint?.generation;
  }

  /** The next sequence number of the log. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Notes that a batch was appended. */
  appended(records: number, bytes: number): void {
    this.#sequence += records;
    this.#logBytes += bytes;
  }

  /** Notes that an append failed: some storages keep a part of it. */
  appendFailed(firstDocumentChunk: number): void {
    this.#littered = true;
    this.documents.forgetFrom(firstDocumentChunk);
  }

  /** Deletes what nothing refers to. Called by whoever holds {@link writers}, before it appends. */
  async tidy(): Promise<void> {
    if (!this.#littered || !this.durable || !this.store.exclusive) return;
    await this.store.sweep({
      keepSegments: this.#manifest.checkpoint?.number,
      logFrom: this.#manifest.log,
      logEnd: this.#sequence,
    });
    this.#littered = false;
  }

  /** A batch has ended: sees to a checkpoint, now or when it is quiet. The caller holds {@link writers}. */
  async batchEnded(): Promise<void> {
    const covered = this.#manifest.checkpoint?.bytes ?? 0;
    if (this.#logBytes >= Math.max(LARGE_LOG, 2 * covered) && this.#checkpointPays())
      await this.#inBackground();
    else this.scheduleCheckpoint();
  }

  scheduleCheckpoint(): void {
    clearTimeout(this.#idle);
    if (this.#closed || !this.#checkpointPays()) return;
    this.#idle = setTimeout(async () => {
      if (!this.writers.idle) return;
      const release = await this.writers.acquire();
      try {
        if (!this.#closed) await this.#inBackground();
      } finally {
        release();
      }
    }, IDLE_MS);
    // In Node a waiting checkpoint must not keep the process alive.
    (this.#idle as { unref?: () => void }).unref?.();
  }

  /**
   * Writes the whole collection as a new generation of segments, then the manifest that names it, then deletes what
   * it covers: each in transactions of its own, so that any interruption leaves the old or the new. The caller
   * holds {@link writers}.
   */
  async checkpoint(): Promise<void> {
    await this.tidy();
    const number = (this.#manifest.checkpoint?.number ?? 0) + 1;
    const { generation } = this.engine;
    let parts = 0;
    let bytes = 0;
    this.#littered = true;
    this.engine.beginSnapshot();
    for (let part = this.engine.nextSnapshotPart(SEGMENT_BYTES); part; ) {
      await this.store.writeSegment(number, parts, owned(part));
      parts += 1;
      bytes += part.length;
      part = this.engine.nextSnapshotPart(SEGMENT_BYTES);
    }
    const manifest = {
      ...this.#manifest,
      checkpoint: { number, generation, parts, bytes },
      log: this.#sequence,
    };
    await this.store.writeManifest(encodeManifest(manifest, this.glue.crc32));
    this.#manifest = manifest;
    this.#logBytes = 0;
    await this.tidy();
  }

  /** Takes the results out of wasm and adds the documents. */
  async columns(results: Results): Promise<ResultColumns> {
    const places = results.documents();
    const columns = {
      counts: results.counts(),
      ids: results.ids(),
      idEnds: results.idEnds(),
      distances: results.distances(),
      metadata: results.metadata(),
      vectors: results.vectors(),
      explanation: results.explanation(),
    };
    const { total } = results;
    results.free();
    const documents = places.length === 2 * total ? await this.documents.read(places) : undefined;
    return { ...columns, documents };
  }

  async close(): Promise<void> {
    const release = await this.writers.acquire();
    this.#closed = true;
    clearTimeout(this.#idle);
    try {
      if (this.#checkpointPays()) await this.#inBackground();
      await this.store.close();
    } finally {
      this.engine.free();
      release();
    }
  }

  /** Lets go of the store at once: those who wait to write fail with `reason`. */
  async abandon(reason: KindexError): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.writers.abandon(reason);
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

  #checkpointPays(): boolean {
    if (!this.durable || !this.store.exclusive) return false;
    const covered = this.#manifest.checkpoint?.bytes ?? 0;
    return this.#logBytes >= Math.max(SMALL_LOG, covered / 2);
  }

  /** A checkpoint that fails costs nothing but time at the next opening: it is reported, not thrown. */
  async #inBackground(): Promise<void> {
    try {
      await this.checkpoint();
    } catch (thrown) {
      this.onError(thrown);
    }
  }
}

/** Where a collection lives. */
export interface Place {
  readonly name: string;
  readonly store: Store;
  readonly storageKind: string;
  readonly storageReason: string | undefined;
  readonly glue: Glue;
}

interface Opened extends Place {
  readonly engine: Engine;
  readonly manifest: Manifest;
  readonly sequence: number;
  readonly logBytes: number;
}

async function readCheckpoint(
  { store, glue, name }: Place,
  checkpoint: NonNullable<Manifest['checkpoint']>,
  report: Report,
): Promise<Engine> {
  const loader = glue.Engine.load();
  let parts = 0;
  let done = 0;
  for await (const bytes of store.readSegments(checkpoint.number)) {
    loader.push(bytes);
    parts += 1;
    done += bytes.length;
    report({ phase: 'load', done, total: checkpoint.bytes });
  }
  if (parts !== checkpoint.parts || done !== checkpoint.bytes) {
    loader.free();
    throw new KindexError(
      'CORRUPT',
      `the snapshot of collection '${name}' has ${parts} parts of ${done} bytes; ` +
        `${checkpoint.parts} parts of ${checkpoint.bytes} bytes were written`,
    );
  }
  return loader.finish();
}
