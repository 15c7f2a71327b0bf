import { checkBatchOptions } from './arguments.js';
import { BatchEncoder } from './batch-encoder.js';
import { inTurn } from './batch-turn.js';
import { encodeDedupe } from './dedupe.js';
import type { Embedder } from './embed.js';
import {
  BatchError,
  type BatchOperation,
  type ItemError,
  isRetryable,
  throwIfAborted,
} from './errors.js';
import type { Ready } from './prepare.js';
import { ProgressReporter, rest, type Steps } from './progress.js';
import type { BatchOptions, BatchResult, Phase, Progress } from './types.js';
import type { Client } from './worker/client.js';
import {
  type BatchOutcome,
  type BatchToken,
  type Handle,
  type Selected,
  sliceTransfers,
} from './worker/protocol.js';

/** Slices under way to the engine: the next is encoded while the last is taken over. */
const SLICES_AHEAD = 2;
/** A batch of fewer rows is indexed on one thread under `parallel: 'auto'`. */
const PARALLEL_ROWS = 64;

/** What a batch is written to. */
export interface Target {
  readonly client: Client;
  readonly collection: Handle;
  readonly dimension: number;
  readonly embedder: Embedder | undefined;
  readonly onProgress: (progress: Progress) => void;
}

/** What one batch of a call did. */
export type Written = Pick<BatchOutcome, 'written' | 'durable' | 'generation' | 'duplicates'> & {
  /** By place in the rows of the call. */
  readonly errors: readonly ItemError[];
  /** Rows that failed without an error that is known. */
  readonly unknown: number;
};

/** One call of a batch verb: what it asks for, and how far it has come. It may write several batches. */
export class WriteCall {
  readonly operation: BatchOperation;
  readonly options: BatchOptions;
  readonly atomic: boolean;
  readonly progress: ProgressReporter;
  readonly #dedupe: string | undefined;
  readonly #started = performance.now();

  /** @throws KindexError `INVALID_ARGUMENT`, `ABORTED` */
  constructor(
    operation: BatchOperation,
    options: BatchOptions,
    onProgress: (progress: Progress) => void,
  ) {
    checkBatchOptions(options);
    throwIfAborted(options.signal);
    this.#dedupe = encodeDedupe(operation, options);
    this.operation = operation;
    this.options = options;
    this.atomic = options.atomic ?? true;
    this.progress = new ProgressReporter((progress) => {
      options.onProgress?.(progress);
      onProgress(progress);
    });
  }

  /**
   * Writes a range of the rows as one batch.
   *
   * @throws KindexError why nothing was written; under the code `CRASHED` the batch is there as a whole or not at all
   */
  async write(
    target: Target,
    ready: Ready,
    range: readonly [first: number, end: number] = [0, ready.rows.length],
    batchId = this.options.batchId,
  ): Promise<Written> {
    const { operation } = this;
    const { batchSize = 'auto' } = this.options;
    const { dimension } = target;
    const { progress } = ready;
    return this.#batch(target, batchId, range[1] - range[0], async (batch) => {
      const encoder = new BatchEncoder({ operation, ready, range, dimension, batchSize });
      await this.#stage(target, batch, encoder, progress);
      const refused = encoder.errors.length;
      const outcome = await this.#commit(target, batch, refused, encoder.total, progress);
      const errors = [
        ...encoder.errors,
        ...this.#itemErrors(outcome, (staged) => encoder.place(staged)),
      ];
      const duplicates = outcome.duplicates.map(({ index, ...rest }) => ({
        index: encoder.place(index),
        ...rest,
      }));
      const unknown = outcome.failed ?? 0;
      return { ...outcome, duplicates, errors: errors.sort(byIndex), unknown };
    });
  }

  /** Deletes what is selected. */
  async deleteWhere(target: Target, selected: Selected): Promise<Written> {
    return this.#batch(target, this.options.batchId, 0, async (batch) => {
      await target.client.call('stageWhere', { batch, ...selected });
      this.progress.batches += 1;
      const outcome = await this.#commit(target, batch, 0, PARALLEL_ROWS, this.progress);
      const errors = this.#itemErrors(outcome, (staged) => staged);
      return { ...outcome, errors, unknown: outcome.failed ?? 0 };
    });
  }

  /**
   * The result of the call that wrote this.
   *
   * @throws BatchError if the call was for all or nothing, and it was nothing
   */
  result(written: Written, rows: number, ids: readonly string[]): BatchResult {
    const { errors, unknown, durable, generation } = written;
    if (this.atomic && errors.length > 0) throw new BatchError(this.operation, rows, errors);
    const failed = new Set(errors.map((error) => error.index)).size + unknown;
    return {
      success: failed === 0,
      atomic: this.atomic,
      operation: this.operation,
      ids,
      written: written.written,
      duplicates: written.duplicates,
      failed,
      errors,
      batchesProcessed: this.progress.batches,
      durable,
      generation,
      elapsedMs: performance.now() - this.#started,
    };
  }

  #batch(
    target: Target,
    batchId: string | undefined,
    rows: number,
    work: (batch: BatchToken) => Promise<Written>,
  ): Promise<Written> {
    const { operation: op, atomic, options, progress } = this;
    const { batches } = progress;
    return inTurn(target, { op, atomic, batchId, rows }, options.signal, (batch) => {
      progress.batches = batches;
      return work(batch);
    });
  }

  async #stage(
    { client }: Target,
    batch: BatchToken,
    encoder: BatchEncoder,
    progress: Steps,
  ): Promise<void> {
    const { signal } = this.options;
    const underWay: Promise<unknown>[] = [];
    for (let slice = encoder.next(); slice; slice = encoder.next()) {
      throwIfAborted(signal);
      this.progress.batches += 1;
      const staged = client.call('stage', { batch, slice }, { transfer: sliceTransfers(slice) });
      // Heard of when it is awaited; until then it must not count as unhandled.
      staged.catch(() => {});
      underWay.push(staged);
      progress.report('encode', encoder.done, encoder.total);
      if (underWay.length > SLICES_AHEAD) await underWay.shift();
      if (encoder.done < encoder.total) await rest();
    }
    await Promise.all(underWay);
    throwIfAborted(signal);
  }

  #commit(
    { client }: Target,
    batch: BatchToken,
    refused: number,
    rows: number,
    progress: Steps,
  ): Promise<BatchOutcome> {
    const { durability = 'relaxed', parallel = 'auto', workers = 0 } = this.options;
    const alone = parallel === false || (parallel === 'auto' && rows < PARALLEL_ROWS);
    const onProgress = ({ phase, done, total }: { phase: Phase; done: number; total: number }) =>
      progress.report(phase, done, total);
    return client.call(
      'commit',
      { batch, refused, durability, threads: alone ? 1 : workers, dedupe: this.#dedupe },
      { onProgress },
    );
  }

  #itemErrors(outcome: BatchOutcome, place: (staged: number) => number): ItemError[] {
    return outcome.errors.map(({ index, id, code, message }) => ({
      index: place(index),
      id,
      op: this.operation,
      code,
      message,
      retryable: isRetryable(code),
    }));
  }
}

export function byIndex(a: ItemError, b: ItemError): number {
  return a.index - b.index;
}
