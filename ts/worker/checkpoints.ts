import { rest } from '../progress.js';
import { chunksInUse } from './export.js';
import { type Engine, owned } from './glue.js';
import type { HostCollection } from './host-collection.js';
import { encodeManifest, type Manifest } from './manifest.js';

/** Bytes of a snapshot part in storage; of one that is written beside batches, which wait for it. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const SMALL_SEGMENT_BYTES = 1024 * 1024;
/** A log below this is not worth a checkpoint: replaying it takes a moment. */
const SMALL_LOG = 1024 * 1024;
/** A log of this many bytes is folded into a checkpoint even while batches keep coming. */
const LARGE_LOG = 16 * 1024 * 1024;
/** How long nothing must have been written before a checkpoint in the background. */
const IDLE_MS = 1000;
/** How long what a checkpoint has replaced stays for other tabs that are still reading it. */
const READERS_MS = 2000;
/** Bytes of parts that may wait in memory for storage, so that batches need not. */
const HELD_BYTES = 160 * 1024 * 1024;
/** Parts that are taken out of the engine before its thread may answer somebody else. */
const PARTS_AT_ONCE = 8;
/** Pauses between the steps that are taken beside batches, as a multiple of what the last one took: shorter ones hold
 * up fewer batches, each for longer, and the log grows less meanwhile. */
const PAUSES = 10;
/** Rows of what a checkpoint has replaced that are deleted at a time beside batches. */
const ROWS_AT_ONCE = 1;

/** A checkpoint from its beginning to its manifest. */
interface Underway {
  readonly number: number;
  /** Bytes of the log that it will cover. */
  readonly covered: number;
  readonly generation: number;
  readonly options: Manifest['options'];
  /** The first log record that it does not cover. */
  readonly log: number;
  parts: number;
  bytes: number;
}

/** A checkpoint whose last parts are written while batches go on. */
interface Rest {
  readonly underway: Underway;
  cancelled: boolean;
  /** Whether somebody waits for it. */
  hurried: boolean;
  /** Ends the pause that it makes. */
  wake: () => void;
  /** Resolves when nothing more is written, to whether all parts are there. */
  written: Promise<boolean>;
}

/** When a collection is written anew as a snapshot, how, and when what that has replaced is deleted. */
export class Checkpoints {
  readonly #collection: HostCollection;
  /** Whether storage may hold what is in the way of the next batch. */
  #littered = false;
  /** Whether storage may hold anything that is not the collection: what is written beside batches, or was replaced. */
  #takesRoom = false;
  /** Whether documents may have lost their records. */
  #unreferenced = true;
  #rest: Rest | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #report = (thrown: unknown): void => {
    if (!this.#collection.closed) this.#collection.onError(thrown);
  };

  constructor(collection: HostCollection) {
    this.#collection = collection;
  }

  /** Something was left over that nothing refers to: it goes before the next batch. */
  litter(): void {
    this.#littered = true;
  }

  /** Documents may have lost their records. */
  loseDocuments(): void {
    this.#unreferenced = true;
  }

  /** Whether a batch could have the room of a checkpoint that does not count, yet or any more. */
  get takesRoom(): boolean {
    return this.#takesRoom;
  }

  /** Whether the log is long enough. */
  get pays(): boolean {
    const { durable, store, state } = this.#collection;
    if (!durable || !store.exclusive) return false;
    return state.logBytes >= Math.max(SMALL_LOG, this.#coveredBytes / 8);
  }

  get #coveredBytes(): number {
    return this.#collection.state.manifest.checkpoint?.bytes ?? 0;
  }

  /**
   * Sees to a checkpoint: at once when the log has grown long, else when it has been quiet for a while. Batches that
   * come meanwhile go first, except before a long log.
   */
  schedule(): void {
    this.unschedule();
    const { closed, store, durable, claimed, state } = this.#collection;
    if (closed || !store.exclusive || !durable || this.#rest) return;
    const { pays } = this;
    if (!pays && !(this.#littered && claimed)) return;
    const urgent = state.logBytes >= Math.max(LARGE_LOG, this.#coveredBytes / 2);
    this.#timer = setTimeout(
      () => void this.#inBackground(urgent),
      urgent ? 0 : pays ? IDLE_MS : READERS_MS,
    );
    // In Node a waiting checkpoint must not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  unschedule(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Writes the whole collection as a new generation of segments, then the manifest that names it, then deletes what
   * it covers: each in transactions of its own, so that any interruption leaves the old or the new. The caller
   * holds the collection's writers.
   *
   * @returns whether it was finished, or goes on by itself: `giveWay` is asked between parts
   */
  async write(giveWay: () => 'no' | 'give up' | 'hold the rest' = () => 'no'): Promise<boolean> {
    const collection = this.#collection;
    await this.stop();
    await collection.prepareToWrite();
    const { engine, manifest, sequence, logBytes } = collection.state;
    const underway: Underway = {
      number: (manifest.checkpoint?.number ?? 0) + 1,
      covered: logBytes,
      generation: engine.generation,
      options: JSON.parse(engine.options()),
      log: sequence,
      parts: 0,
      bytes: 0,
    };
    const whole = bytesInMemory(engine);
    this.#littered = true;
    this.#takesRoom = true;
    engine.beginSnapshot();
    for (let part = nextPart(engine); part; part = nextPart(engine)) {
      const how = giveWay();
      if (how === 'give up') return false;
      if (how === 'hold the rest' && whole - underway.bytes <= HELD_BYTES) {
        this.#goOn(underway, await takeAll(engine, part));
        return true;
      }
      await this.#writePart(underway, part);
    }
    await this.#complete(underway);
    await this.#sweepUnlessShared();
    return true;
  }

  /** Ends what goes on by itself; what it has written is litter. The caller holds the collection's writers. */
  async stop(): Promise<void> {
    const going = this.#rest;
    if (!going) return;
    going.cancelled = true;
    going.wake();
    await this.#conclude(going);
  }

  /** Waits for what goes on by itself. The caller holds the collection's writers. */
  async finish(): Promise<void> {
    const going = this.#rest;
    if (!going) return;
    going.hurried = true;
    going.wake();
    if (await this.#conclude(going)) await this.#sweepUnlessShared().catch(this.#report);
  }

  /** Deletes what is in the way of the next batch. The caller holds the collection's writers. */
  async tidy(): Promise<void> {
    if (!this.#littered || !this.#collection.durable) return;
    // A sweep would take its parts for leftovers.
    await this.stop();
    await this.#sweep();
  }

  async #writePart(underway: Underway, part: Uint8Array): Promise<void> {
    await this.#collection.store.writeSegment(underway.number, underway.parts, owned(part));
    underway.parts += 1;
    underway.bytes += part.length;
  }

  /** From here on the checkpoint counts. The caller holds the collection's writers. */
  async #complete(underway: Underway): Promise<void> {
    const { store, glue, state } = this.#collection;
    const { number, generation, parts, bytes, covered, options, log } = underway;
    const checkpoint = { number, generation, parts, bytes };
    const manifest = { ...state.manifest, options, checkpoint, log };
    try {
      await store.writeManifest(encodeManifest(manifest, glue.crc32));
    } catch (thrown) {
      // It may be there all the same: the next to write reads which one is, before it deletes what that does not name.
      this.#collection.disclaim();
      throw thrown;
    }
    state.manifest = manifest;
    state.logBytes -= covered;
  }

  /**
   * Writes the parts that are left, with pauses for the batches that come meanwhile: they are not held up, since
   * nothing more is asked of the engine. What they append stays in the log.
   */
  #goOn(underway: Underway, parts: Uint8Array[]): void {
    const going: Rest = {
      underway,
      cancelled: false,
      hurried: false,
      wake: () => {},
      written: Promise.resolve(false),
    };
    going.written = this.#writeRest(going, parts);
    // What it writes is no litter to those who tidy up before a batch.
    this.#littered = false;
    this.#rest = going;
    void this.#concludeInTurn(going);
  }

  /** What makes a pause after a step that took so long, if there is a batch or was one since the last step. */
  #breathing(going: Rest): (took: number) => Promise<void> {
    const { state, writers } = this.#collection;
    let sequence = going.underway.log;
    return async (took) => {
      if (writers.idle && state.sequence === sequence) return;
      sequence = state.sequence;
      await pause(going, PAUSES * took);
    };
  }

  /** Resolves to whether all of it was written. */
  async #writeRest(going: Rest, parts: Uint8Array[]): Promise<boolean> {
    const collection = this.#collection;
    const breathe = this.#breathing(going);
    try {
      for (let part = parts.shift(); part; part = parts.shift()) {
        const began = performance.now();
        await this.#writePart(going.underway, part);
        await breathe(performance.now() - began);
        // Where a batch has failed, it is not known what the log has.
        if (going.cancelled || !collection.claimed) return false;
      }
      return true;
    } catch (thrown) {
      this.#report(thrown);
      return false;
    }
  }

  /** The manifest changes between batches only: whoever holds the writers relies on the one that it has read. */
  async #concludeInTurn(going: Rest): Promise<void> {
    await going.written;
    // Rejects where the collection is given up.
    const release = await this.#collection.writers.acquire().catch(() => undefined);
    if (!release) return;
    const counts = this.#rest === going && (await this.#conclude(going));
    // What it replaces is in nobody's way.
    if (counts) this.#littered = false;
    release();
    // After a failure the next batch sees to the next attempt.
    if (!counts) return;
    this.schedule();
    await this.#sweepBesideBatches(going);
  }

  /**
   * Makes of what was written the checkpoint that counts, or litter. The caller holds the collection's writers.
   *
   * @returns whether it counts
   */
  async #conclude(going: Rest): Promise<boolean> {
    const collection = this.#collection;
    const whole = await going.written;
    this.#rest = undefined;
    this.#littered = true;
    if (!whole || going.cancelled || collection.closed || !collection.claimed) return false;
    try {
      await this.#complete(going.underway);
      return true;
    } catch (thrown) {
      this.#report(thrown);
      return false;
    }
  }

  /** Deletes what a checkpoint has replaced, a little at a time. */
  async #sweepBesideBatches(going: Rest): Promise<void> {
    const collection = this.#collection;
    const { store, state, writers, link } = collection;
    if (link?.shared) await pause(going, READERS_MS);
    const breathe = this.#breathing(going);
    for (let more = true; more; ) {
      const release = await writers.acquire().catch(() => undefined);
      if (!release) return;
      const began = performance.now();
      try {
        const { checkpoint, log } = state.manifest;
        // Another checkpoint has begun, or a batch has failed: that sweeps everything by itself.
        const another =
          this.#rest || this.#littered || checkpoint?.number !== going.underway.number;
        if (another || collection.closed || !collection.claimed) return;
        const garbage = { keepSegments: checkpoint.number, logFrom: log, logEnd: state.sequence };
        more = (await store.sweepSome?.(garbage, ROWS_AT_ONCE)) ?? false;
        if (!more) await this.#sweepAll();
      } catch (thrown) {
        this.#littered = true;
        this.#report(thrown);
        return;
      } finally {
        release();
      }
      if (more) await breathe(performance.now() - began);
    }
  }

  /** Other tabs may be reading what a checkpoint has replaced. */
  async #sweepUnlessShared(): Promise<void> {
    if (!this.#collection.link?.shared) await this.#sweepAll();
  }

  async #sweepAll(): Promise<void> {
    await this.#sweep(this.#unreferenced ? chunksInUse(this.#collection.engine) : undefined);
  }

  async #sweep(keepDocuments?: ReadonlySet<number>): Promise<void> {
    const { store, state } = this.#collection;
    await store.sweep({
      keepSegments: state.manifest.checkpoint?.number,
      logFrom: state.manifest.log,
      logEnd: state.sequence,
      keepDocuments,
    });
    this.#littered = false;
    this.#takesRoom = false;
    if (keepDocuments) this.#unreferenced = false;
  }

  /** A checkpoint that fails costs nothing but time at the next opening: it is reported, not thrown. */
  async #inBackground(urgent: boolean): Promise<void> {
    const collection = this.#collection;
    const { writers, link, store } = collection;
    if (!urgent && !writers.idle) return;
    // Without Web Locks the tab that wrote last sees to it.
    if (link?.locked === false && !collection.claimed) return;
    const release = await writers.acquire();
    const giveWay = () => {
      if (!writers.wanted) return 'no';
      if (!urgent) return 'give up';
      return store.concurrent && !collection.lean ? 'hold the rest' : 'no';
    };
    try {
      if (collection.closed || !store.exclusive || this.#rest) return;
      if (this.pays) await this.write(giveWay);
      else if (this.#littered && collection.claimed) await this.#sweepAll();
      if (this.#littered) this.schedule();
    } catch (thrown) {
      // The next batch sees to the next attempt.
      this.#report(thrown);
    } finally {
      release();
    }
  }
}

function pause(going: Rest, ms: number): Promise<void> {
  if (going.cancelled || going.hurried) return Promise.resolve();
  return new Promise((resolve) => {
    going.wake = resolve;
    setTimeout(resolve, ms);
  });
}

function nextPart(engine: Engine, bytes = SEGMENT_BYTES): Uint8Array | undefined {
  return engine.nextSnapshotPart(bytes);
}

async function takeAll(engine: Engine, first: Uint8Array): Promise<Uint8Array[]> {
  const parts = [first];
  const next = () => nextPart(engine, SMALL_SEGMENT_BYTES);
  for (let part = next(); part; part = next()) {
    parts.push(part);
    if (parts.length % PARTS_AT_ONCE === 0) await rest();
  }
  return parts;
}

/** About as many as its snapshot has. */
function bytesInMemory(engine: Engine): number {
  const { memory } = JSON.parse(engine.stats()) as { memory: Record<string, number> };
  return Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
}
