import { untilAborted } from './abort.js';
import { checkInteger } from './arguments.js';
import { BatchEncoder } from './batch-encoder.js';
import { type BatchRows, batchRows } from './batch-rows.js';
import { EMBED_BATCH, embedTexts } from './embed.js';
import {
  BatchError,
  type BatchOperation,
  type ItemError,
  isRetryable,
  throwIfAborted,
} from './errors.js';
import { encodeFilter } from './filter.js';
import { makeIds } from './ids.js';
import { LIMITS } from './limits.js';
import { ProgressReporter, rest } from './progress.js';
import type { Batch, BatchOptions, BatchResult, Embed, Phase, Progress } from './types.js';
import type { Client } from './worker/client.js';
import {
  type BatchOutcome,
  type BatchToken,
  type Handle,
  sliceTransfers,
} from './worker/protocol.js';

/** Slices under way to the engine: the next is encoded while the last is taken over. */
const SLICES_AHEAD = 2;

/** What a batch is written to. */
export interface Target {
  readonly client: Client;
  readonly collection: Handle;
  readonly dimension: number;
  readonly embed: Embed | undefined;
  readonly embedBatchSize: number | undefined;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Writes rows: embeds what has no vector, encodes slice by slice, and commits.
 *
 * @throws BatchError if the batch is atomic and an item is bad; KindexError for everything else. Nothing was written
 * then, unless the code is `CRASHED`: the batch is then there as a whole or not at all.
 */
export async function writeRows(
  target: Target,
  operation: BatchOperation,
  batch: Batch<object>,
  options: BatchOptions,
): Promise<BatchResult> {
  const run = new Run(target, operation, options);
  const rows = batchRows(operation, batch, target.dimension);
  try {
    return await run.rows(rows);
  } finally {
    run.finish();
  }
}

/** Deletes what a filter matches. */
export async function deleteWhere(
  target: Target,
  where: unknown,
  options: BatchOptions,
): Promise<BatchResult> {
  const run = new Run(target, 'delete', options);
  try {
    return await run.where(encodeFilter(where));
  } finally {
    run.finish();
  }
}

/** One batch from the page's side. */
class Run {
  readonly #target: Target;
  readonly #operation: BatchOperation;
  readonly #options: BatchOptions;
  readonly #atomic: boolean;
  readonly #batchSize: number | 'auto';
  readonly #started = performance.now();
  readonly #progress: ProgressReporter;
  #slices = 0;

  constructor(target: Target, operation: BatchOperation, options: BatchOptions) {
    this.#target = target;
    this.#operation = operation;
    this.#options = options;
    this.#atomic = options.atomic ?? true;
    const { batchSize = 'auto' } = options;
    this.#batchSize =
      batchSize === 'auto' ? batchSize : checkInteger('batchSize', batchSize, 1, LIMITS.batchRows);
    this.#progress = new ProgressReporter((progress) => {
      options.onProgress?.(progress);
      target.onProgress(progress);
    });
    throwIfAborted(options.signal);
  }

  finish(): void {
    this.#progress.finish();
  }

  async rows(rows: BatchRows): Promise<BatchResult> {
    const adds = this.#operation === 'insert' || this.#operation === 'upsert';
    const unnamed =
      adds &&
      Array.from({ length: rows.length }, (_, i) => i).some((i) => rows.id(i) === undefined);
    const embedded = await this.#embed(rows);
    const encoder = new BatchEncoder({
      operation: this.#operation,
      rows,
      dimension: this.#target.dimension,
      made: unnamed ? makeIds(rows.length) : undefined,
      vectors: (row) => embedded.get(row),
      batchSize: this.#batchSize,
    });
    const token = await this.#begin();
    const outcome = await this.#orCancel(token, async () => {
      await this.#stage(token, encoder, rows.length);
      return this.#commit(token, encoder.errors.length);
    });
    const errors = [
      ...encoder.errors,
      ...this.#itemErrors(outcome, (staged) => encoder.place(staged)),
    ].sort((a, b) => a.index - b.index);
    const ids = Array.from({ length: rows.length }, (_, i) => encoder.id(i) ?? '');
    return this.#result(outcome, errors, rows.length, ids);
  }

  async where(filterJson: string): Promise<BatchResult> {
    const token = await this.#begin();
    const outcome = await this.#orCancel(token, async () => {
      await this.#target.client.call('stageWhere', { batch: token, where: filterJson });
      this.#slices = 1;
      return this.#commit(token, 0);
    });
    const errors = this.#itemErrors(outcome, (staged) => staged);
    return this.#result(outcome, errors, outcome.written + errors.length, []);
  }

  /** Vectors of the rows that have a document and no vector. */
  async #embed(rows: BatchRows): Promise<Map<number, Float32Array>> {
    const { embed, dimension, embedBatchSize = EMBED_BATCH } = this.#target;
    const vectors = new Map<number, Float32Array>();
    if (!embed || this.#operation === 'delete') return vectors;
    const wanted: number[] = [];
    const texts: string[] = [];
    for (let row = 0; row < rows.length; row++) {
      const document = rows.document(row);
      if (rows.vector(row) !== undefined || typeof document !== 'string') continue;
      wanted.push(row);
      texts.push(document);
    }
    if (texts.length === 0) return vectors;
    const { signal } = this.#options;
    const onDone = (done: number) => this.#report('embed', done, texts.length);
    const made = await embedTexts(embed, texts, dimension, {
      size: embedBatchSize,
      signal,
      onDone,
    });
    for (const [i, row] of wanted.entries())
      vectors.set(row, made.subarray(i * dimension, (i + 1) * dimension));
    return vectors;
  }

  /** Waits for the batch's turn; a signal that fires meanwhile ends the waiting. */
  async #begin(): Promise<BatchToken> {
    const { client, collection } = this.#target;
    const { batchId, signal } = this.#options;
    const turn = client.call('begin', {
      collection,
      op: this.#operation,
      atomic: this.#atomic,
      batchId,
    });
    try {
      return await untilAborted(turn, signal);
    } catch (thrown) {
      turn.then((token) => client.call('cancel', { batch: token })).catch(() => {});
      throw thrown;
    }
  }

  async #orCancel<T>(token: BatchToken, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      await this.#target.client.call('cancel', { batch: token }).catch(() => {});
      throw thrown;
    }
  }

  async #stage(token: BatchToken, encoder: BatchEncoder, total: number): Promise<void> {
    const underWay: Promise<unknown>[] = [];
    for (let slice = encoder.next(); slice; slice = encoder.next()) {
      throwIfAborted(this.#options.signal);
      this.#slices += 1;
      const staged = this.#target.client.call(
        'stage',
        { batch: token, slice },
        { transfer: sliceTransfers(slice) },
      );
      // Heard of when it is awaited; until then it must not count as unhandled.
      staged.catch(() => {});
      underWay.push(staged);
      this.#report('encode', encoder.done, total);
      if (underWay.length > SLICES_AHEAD) await underWay.shift();
      if (encoder.done < total) await rest();
    }
    await Promise.all(underWay);
    throwIfAborted(this.#options.signal);
  }

  #commit(batch: BatchToken, refused: number): Promise<BatchOutcome> {
    const { durability = 'relaxed' } = this.#options;
    const onProgress = ({ phase, done, total }: { phase: Phase; done: number; total: number }) =>
      this.#report(phase, done, total);
    return this.#target.client.call('commit', { batch, refused, durability }, { onProgress });
  }

  #report(phase: Phase, done: number, total: number): void {
    this.#progress.report({ phase, done, total, batches: this.#slices });
  }

  #itemErrors(outcome: BatchOutcome, place: (staged: number) => number): ItemError[] {
    return outcome.errors.map(({ index, id, code, message }) => ({
      index: place(index),
      id,
      op: this.#operation,
      code,
      message,
      retryable: isRetryable(code),
    }));
  }

  #result(
    outcome: BatchOutcome,
    errors: ItemError[],
    rows: number,
    ids: readonly string[],
  ): BatchResult {
    if (this.#atomic && errors.length > 0) throw new BatchError(this.#operation, rows, errors);
    const failed = new Set(errors.map((error) => error.index)).size + (outcome.failed ?? 0);
    return {
      success: failed === 0,
      atomic: this.#atomic,
      operation: this.#operation,
      ids,
      written: outcome.written,
      failed,
      errors,
      batchesProcessed: this.#slices,
      durable: outcome.durable,
      generation: outcome.generation,
      elapsedMs: performance.now() - this.#started,
    };
  }
}
