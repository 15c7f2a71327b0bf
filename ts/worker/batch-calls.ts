import { KindexError } from '../errors.js';
import type { MemoryBudget } from './budget.js';
import type { Entries } from './entries.js';
import { ForwardedBatch } from './forwarded-batch.js';
import { isTrap } from './glue.js';
import type { HandlersOf } from './handlers.js';
import { type BatchSink, HostBatch } from './host-batch.js';
import type { BatchToken, Handle } from './protocol.js';

/** A batch of so many rows is worth waiting for the threads that index it. */
const ROWS_FOR_THREADS = 2000;

/** A batch under way. */
interface Pending {
  readonly sink: BatchSink;
  /** Who has begun it. */
  readonly owner: Handle;
  /** Rows and bytes staged. */
  rows: number;
  bytes: number;
}

/** The calls of a batch, from its beginning to its end. */
export class BatchCalls {
  readonly #entries: Entries;
  readonly #token: () => number;
  readonly #budget: MemoryBudget | undefined;
  readonly #threads: () => number | Promise<number>;
  readonly #pending = new Map<BatchToken, Pending>();

  constructor(owner: {
    entries: Entries;
    token: () => number;
    budget: MemoryBudget | undefined;
    /** Has the threads start, and settles when all have. */
    threads: () => number | Promise<number>;
  }) {
    this.#entries = owner.entries;
    this.#token = owner.token;
    this.#budget = owner.budget;
    this.#threads = owner.threads;
  }

  /** Cancels what somebody has begun who has ended. */
  cancelOf(owner: Handle): void {
    for (const [token, pending] of this.#pending) {
      if (pending.owner !== owner) continue;
      pending.sink.cancel();
      this.#pending.delete(token);
    }
  }

  readonly handlers: HandlersOf<
    'begin' | 'stage' | 'stageWhere' | 'commit' | 'cancel' | 'mayBeginAgain'
  > = {
    begin: async ({ collection: owner, ...kind }) => {
      const collection = await this.#entries.collection(owner);
      const sink = collection.writing
        ? // What is admitted slice by slice must not take its memory before that.
          await HostBatch.begin(collection, this.#budget ? { ...kind, rows: 0 } : kind)
        : new ForwardedBatch(collection, kind);
      if (!this.#entries.has(owner)) {
        sink.cancel();
        throw new KindexError('CLOSED', 'the collection was closed');
      }
      const token = this.#token();
      this.#pending.set(token, { sink, owner, rows: 0, bytes: 0 });
      return token;
    },
    stage: async ({ batch, slice }) => {
      const pending = this.#of(batch);
      const { sink } = pending;
      const { collection } = sink;
      if (this.#budget && sink.operation === 'view' && slice.metadata.bytes.length > 0)
        this.#budget.admitView(new TextDecoder().decode(slice.metadata.bytes), collection);
      else if (this.#budget)
        pending.bytes = this.#budget.admitRows(slice, pending.bytes, collection);
      pending.rows += slice.rows;
      // They start while the rest is encoded and stored.
      if (pending.rows >= ROWS_FOR_THREADS) void this.#threads();
      sink.stage(slice);
      return undefined;
    },
    stageWhere: async ({ batch, ...selected }) => {
      await this.#of(batch).sink.stageWhere(selected);
      return undefined;
    },
    commit: async ({ batch, ...how }, report) => {
      const { sink, rows } = this.#of(batch);
      this.#pending.delete(batch);
      try {
        if (rows >= ROWS_FOR_THREADS) await this.#threads();
        return await sink.commit(how, report);
      } catch (thrown) {
        if (!isTrap(thrown)) sink.cancel();
        throw thrown;
      }
    },
    cancel: async ({ batch }) => {
      this.#pending.get(batch)?.sink.cancel();
      this.#pending.delete(batch);
      return undefined;
    },
    mayBeginAgain: async ({ collection }) =>
      (await this.#entries.collection(collection)).mayBeginAgain(),
  };

  #of(batch: BatchToken): Pending {
    const pending = this.#pending.get(batch);
    if (!pending) throw new KindexError('CLOSED', 'the batch has ended');
    return pending;
  }
}
