import type { Duplicate } from '../dedupe.js';
import { KindexError } from '../errors.js';
import { append } from './append.js';
import { isExact, readyForExact } from './fingerprints.js';
import { type Engine, isTrap } from './glue.js';
import type { HostCollection } from './host-collection.js';
import type {
  BatchKind,
  BatchOutcome,
  CommitOptions,
  HostProgress,
  Selected,
  Slice,
  Verb,
} from './protocol.js';
import { documentsOf } from './read-calls.js';

/** A batch between its beginning and its end, here or at another tab. */
export interface BatchSink {
  readonly collection: HostCollection;
  readonly operation: Verb;
  stage(slice: Slice): void;
  stageWhere(selected: Selected): Promise<void>;
  commit(how: CommitOptions, report: (progress: HostProgress) => void): Promise<BatchOutcome>;
  cancel(): void;
}

/** One batch on its way into a collection. It has the collection for itself until it ends. */
export class HostBatch implements BatchSink {
  readonly collection: HostCollection;
  readonly #kind: BatchKind;
  readonly #release: () => void;
  #rows = 0;
  #byFilter = false;
  #ended = false;

  private constructor(collection: HostCollection, kind: BatchKind, release: () => void) {
    this.collection = collection;
    this.#kind = kind;
    this.#release = release;
  }

  static async begin(collection: HostCollection, kind: BatchKind): Promise<HostBatch> {
    const release = await collection.writers.acquire();
    try {
      await collection.prepareToWrite();
      collection.engine.begin(kind.op, kind.atomic, kind.batchId, kind.rows);
      return new HostBatch(collection, kind, release);
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  get operation(): Verb {
    return this.#kind.op;
  }

  stage(slice: Slice): void {
    const { ids, metadata, documents } = slice;
    this.collection.engine.stage(
      ids.bytes,
      ids.ends,
      slice.vectors,
      slice.hasVector,
      metadata.bytes,
      metadata.ends,
      metadata.present,
      documents.bytes,
      documents.ends,
      documents.present,
    );
    this.#rows += slice.rows;
  }

  async stageWhere(selected: Selected): Promise<void> {
    const documents = await documentsOf(this.collection, selected);
    this.collection.engine.stageWhere(selected.where, documents);
    this.#byFilter = true;
  }

  /** Validates, stores, indexes. Whatever fails before the last step leaves collection and storage as they were. */
  async commit(
    how: CommitOptions,
    report: (progress: HostProgress) => void,
  ): Promise<BatchOutcome> {
    const { engine } = this.collection;
    const total = this.#rows;
    const { op, atomic, batchId } = this.#kind;
    const repeated = batchId === undefined ? undefined : engine.outcome(batchId);
    if (repeated !== undefined) {
      this.cancel();
      return this.#repeated(JSON.parse(repeated));
    }
    await this.collection.keepWithoutVectors();
    report({ phase: 'validate', done: 0, total });
    if (how.dedupe !== undefined && isExact(how.dedupe)) await readyForExact(this.collection);
    const errors: BatchOutcome['errors'] = JSON.parse(engine.validate(how.dedupe));
    const duplicates = how.dedupe === undefined ? [] : duplicatesIn(engine);
    report({ phase: 'validate', done: total, total });
    const bad = new Set(errors.map((error) => error.index)).size;
    if ((atomic && how.refused + bad > 0) || (!this.#byFilter && total === bad)) {
      this.cancel();
      return this.#outcome(0, errors);
    }
    await append(this.collection, how.durability, (done, all) =>
      report({ phase: 'commit', done, total: all }),
    );
    const written = this.#apply(how.threads, report);
    this.#ended = true;
    const { generation } = engine;
    if (written > 0) this.collection.changed({ generation, operation: op, written });
    this.#release();
    this.collection.scheduleCheckpoint();
    return { ...this.#outcome(written, errors), duplicates };
  }

  #apply(threads: number, report: (progress: HostProgress) => void): number {
    const { engine, link } = this.collection;
    try {
      return engine.apply((done, total) => {
        report({ phase: 'index', done, total });
        link?.beat();
      }, threads);
    } catch (thrown) {
      if (isTrap(thrown)) throw thrown;
      // It is stored, and memory does not have it: as after a trap, only a start from storage mends that.
      throw new WebAssembly.RuntimeError(`a stored batch could not be applied: ${thrown}`);
    }
  }

  /** Ends the batch; nothing of it remains. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.collection.engine.discard();
    } finally {
      this.#release();
    }
  }

  /** Cancels after a failure; after a trap there is nothing that could be cancelled. */
  cancelUnlessTrapped(thrown: unknown): void {
    if (!isTrap(thrown)) this.cancel();
  }

  /** A batch of this name was written before: this time it reports what was done then. */
  #repeated(outcome: { op: string; written: number; failed: number }): BatchOutcome {
    const { op, batchId } = this.#kind;
    if (outcome.op === op) return { ...this.#outcome(outcome.written, []), failed: outcome.failed };
    throw new KindexError(
      'INVALID_ARGUMENT',
      `batchId '${batchId}' was used for an ${outcome.op} before, and now for an ${op}`,
    );
  }

  #outcome(written: number, errors: BatchOutcome['errors']): BatchOutcome {
    const { engine, durable } = this.collection;
    const { generation, size } = engine;
    return { written, errors, duplicates: [], generation, size, durable };
  }
}

function duplicatesIn(engine: Engine): BatchOutcome['duplicates'] {
  const distances = engine.duplicateDistances();
  const found: Omit<Duplicate, 'distance'>[] = JSON.parse(engine.duplicates());
  return found.map((duplicate, i) => ({ ...duplicate, distance: distances[i] as number }));
}
