import type { BatchOperation, KindexError } from '../errors.js';
import type { Client } from './client.js';
import { type BatchSink, HostBatch } from './host-batch.js';
import type { HostCollection } from './host-collection.js';
import type { BatchOutcome, CommitOptions, HostProgress, Slice } from './protocol.js';
import type { TabLink } from './tab-link.js';

/** Slices under way to the other tab, which would have to keep more in memory otherwise. */
const SLICES_AHEAD = 2;
/** How many tabs may end, one after the other, while they write a batch: it might be the batch that ends them. */
const ATTEMPTS = 4;

/**
 * A batch of a tab that does not write: handed to the one that does.
 *
 * It keeps the slices until the answer is there. When the other tab ends without one, the batch goes to whoever takes
 * over, under the same name, by which a batch that was already committed is recognised.
 */
export class ForwardedBatch implements BatchSink {
  readonly collection: HostCollection;
  readonly operation: BatchOperation;
  readonly #link: TabLink;
  readonly #atomic: boolean;
  readonly #batchId: string;
  readonly #slices: Slice[] = [];
  #where: string | undefined;

  constructor(
    collection: HostCollection,
    link: TabLink,
    kind: { operation: BatchOperation; atomic: boolean; batchId: string | undefined },
  ) {
    this.collection = collection;
    this.#link = link;
    this.operation = kind.operation;
    this.#atomic = kind.atomic;
    this.#batchId = kind.batchId ?? crypto.randomUUID();
  }

  stage(slice: Slice): void {
    this.#slices.push(slice);
  }

  stageWhere(where: string): void {
    this.#where = where;
  }

  async commit(
    how: CommitOptions,
    report: (progress: HostProgress) => void,
  ): Promise<BatchOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = this.collection.writing
          ? await this.#here(how, report)
          : await this.#link.ask((writer) => this.#there(writer, how, report));
        // What was written can be read at once, also here.
        await this.collection.follow(outcome.generation);
        this.collection.onChange(undefined);
        return { ...outcome, size: this.collection.engine.size };
      } catch (thrown) {
        const { code } = thrown as KindexError;
        const ended = code === 'CLOSED' || code === 'CRASHED';
        if (!ended || this.collection.closed || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  cancel(): void {
    this.#slices.length = 0;
  }

  async #there(
    writer: Client,
    how: CommitOptions,
    report: (progress: HostProgress) => void,
  ): Promise<BatchOutcome> {
    const batch = await writer.call('begin', {
      collection: 0,
      op: this.operation,
      atomic: this.#atomic,
      batchId: this.#batchId,
    });
    try {
      const underWay: Promise<unknown>[] = [];
      for (const slice of this.#slices) {
        const staged = writer.call('stage', { batch, slice });
        staged.catch(() => {});
        underWay.push(staged);
        if (underWay.length > SLICES_AHEAD) await underWay.shift();
      }
      if (this.#where !== undefined) await writer.call('stageWhere', { batch, where: this.#where });
      await Promise.all(underWay);
    } catch (thrown) {
      writer.call('cancel', { batch }).catch(() => {});
      throw thrown;
    }
    return writer.call('commit', { batch, ...how }, { onProgress: report });
  }

  async #here(how: CommitOptions, report: (progress: HostProgress) => void): Promise<BatchOutcome> {
    const { collection, operation } = this;
    const batch = await HostBatch.begin(collection, operation, this.#atomic, this.#batchId);
    try {
      for (const slice of this.#slices) batch.stage(slice);
      if (this.#where !== undefined) batch.stageWhere(this.#where);
      return await batch.commit(how, report);
    } catch (thrown) {
      batch.cancelUnlessTrapped(thrown);
      throw thrown;
    }
  }
}
