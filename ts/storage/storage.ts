import type { Tabs } from './tabs.js';

/** How much a resolved write promises: `relaxed` outlives the page, `strict` outlives a power cut. */
export type Durability = 'relaxed' | 'strict';

/** What one batch adds. The iterables make each value when it is asked for, so that few are in memory at once. */
export interface Append {
  /** Document chunks by number; a chunk that is there is replaced. */
  readonly documents: Iterable<readonly [chunk: number, bytes: Uint8Array<ArrayBuffer>]>;
  /** Log records by sequence number; one that is there is a `CONFLICT`. The last completes the batch. */
  readonly log: Iterable<readonly [sequence: number, bytes: Uint8Array<ArrayBuffer>]>;
}

/** What may be deleted because nothing refers to it. */
export interface Garbage {
  /** All segments but those of this generation; undefined: all. */
  readonly keepSegments: number | undefined;
  /** Log records before this one are covered by the segments. */
  readonly logFrom: number;
  /** Log records from this one on belong to no committed batch. */
  readonly logEnd: number;
  /** Document chunks that a record refers to; undefined: not known now, so all stay. */
  readonly keepDocuments?: ReadonlySet<number> | undefined;
}

/**
 * Where one collection is kept. It moves opaque bytes; what they mean is the engine's business.
 *
 * Every method rejects with a `KindexError` and leaves what was stored before; none hangs.
 */
export interface Store {
  /** Whether a process that starts anew finds the bytes. Nothing but documents is given to one that is not. */
  readonly durable: boolean;
  /** Whether this one may write and delete: nobody else does, or {@link claim} keeps them off. */
  readonly exclusive: boolean;
  /** Whether it was made by being opened here, and nobody else can have written to it. */
  readonly empty?: boolean;
  /** Whether segments may be written while a batch is appended. */
  readonly concurrent?: boolean;
  /** The record that says what else is there; undefined in an empty store. */
  readManifest(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Replaces the manifest: durably (`strict`), in a transaction of its own. */
  writeManifest(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Adds a batch in one transaction: all of it is there when this resolves, none of it when this rejects. */
  append(batch: Append, durability: Durability): Promise<void>;
  /** The log from a record on, in order. */
  readLog(from: number): AsyncIterable<{
    /** Its place in the log: each is larger than the one before. */
    readonly sequence: number;
    /** What was appended under it. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }>;
  /** Writes a part of a snapshot, counted from 0, before the manifest that names its generation. */
  writeSegment(generation: number, part: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The parts of a generation, in order. */
  readSegments(generation: number): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** A chunk of documents by its number; undefined where it is not there. */
  readDocuments(chunk: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Deletes what nothing refers to. */
  sweep(garbage: Garbage): Promise<void>;
  /**
   * Deletes some of the log and the segments that are covered.
   *
   * @returns whether there may be more
   */
  sweepSome?(garbage: Garbage, rows: number): Promise<boolean>;
  /** Replaces a connection that no longer answers. Called after a failure, before the same is tried again. */
  reopen?(): Promise<void>;
  /**
   * For stores that several may have open: makes this the one that writes, until another claims it. Whatever the
   * others try to write or delete from then on is a `CONFLICT`, even where they were frozen half-way.
   */
  claim?(): Promise<void>;
  /** The tabs and workers that may have it open besides; undefined where there are none. */
  readonly tabs?: Tabs | undefined;
  /** Called when the store was closed from outside: another tab deletes or upgrades it, or its data was cleared. */
  onClosed?: ((reason: string) => void) | undefined;
  /** Lets go of connections, locks and files. */
  close(): Promise<void>;
}

/** A kind of place for collections. */
export interface StorageAdapter {
  /** Shown by `stats()`. */
  readonly kind: string;
  /** Opens the store of that name, and makes an empty one where there is none. */
  open(name: string): Promise<Store>;
  /** Names of all collections. */
  list(): Promise<string[]>;
  /** Deletes the collection; nothing happens where there is none. */
  destroy(name: string): Promise<void>;
}
