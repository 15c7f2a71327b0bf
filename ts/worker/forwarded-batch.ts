import type { Client } from './client.js';
import { type BatchSink, HostBatch } from './host-batch.js';
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

/** Slices under way to the other tab, which would have to keep more in memory otherwise. */
const SLICES_AHEAD = 2;

/**
 * A batch of a tab that does not write: handed to the one that does.
 *
 * It keeps the slices until the answer is there. When the other tab ends without one, the batch goes to whoever takes
 * over, under the same name, by which a batch that was already committed is recognised.
 */
export class ForwardedBatch implements BatchSink {
  readonly collection: HostCollection;
  readonly #kind: BatchKind;
  readonly #slices: Slice[] = [];
  #selected: Selected | undefined;

  constructor(collection: HostCollection, kind: BatchKind) {
    this.collection = collection;
    this.#kind = { ...kind, batchId: kind.batchId ?? crypto.randomUUID() };
  }

  get operation(): Verb {
    return this.#kind.op;
  }

  stage(slice: Slice): void {
    this.#slices.push(slice);
  }

  async stageWhere(selected: Selected): Promise<void> {
    this.#selected = selected;
  }

  async commit(
    how: CommitOptions,
    report: (progress: HostProgress) => void,
  ): Promise<BatchOutcome> {
    const { collection } = this;
    const outcome = await collection.whereWritten(
      () => this.#here(how, report),
      (writer) => this.#there(writer, how, report),
    );
    // What was written can be read at once, also here.
    await collection.follow(outcome.generation);
    collection.onChange(undefined);
    return { ...outcome, size: collection.engine.size };
  }

  cancel(): void {
    this.#slices.length = 0;
  }

  async #there(
    writer: Client,
    how: CommitOptions,
    report: (progress: HostProgress) => void,
  ): Promise<BatchOutcome> {
    const batch = await writer.call('begin', { collection: 0, ...this.#kind });
    try {
      const underWay: Promise<unknown>[] = [];
      for (const slice of this.#slices) {
        const staged = writer.call('stage', { batch, slice });
        staged.catch(() => {});
        underWay.push(staged);
        if (underWay.length > SLICES_AHEAD) await underWay.shift();
      }
      if (this.#selected) await writer.call('stageWhere', { batch, ...this.#selected });
      await Promise.all(underWay);
    } catch (thrown) {
      writer.call('cancel', { batch }).catch(() => {});
      throw thrown;
    }
    return writer.call('commit', { batch, ...how }, { onProgress: report });
  }

  async #here(how: CommitOptions, report: (progress: HostProgress) => void): Promise<BatchOutcome> {
    const batch = await HostBatch.begin(this.collection, this.#kind);
    try {
      for (const slice of this.#slices) batch.stage(slice);
      if (this.#selected) await batch.stageWhere(this.#selected);
      return await batch.commit(how, report);
    } catch (thrown) {
      batch.cancelUnlessTrapped(thrown);
      throw thrown;
    }
  }
}
