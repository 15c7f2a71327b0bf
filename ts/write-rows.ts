import { batchRows } from './batch-rows.js';
import { type BatchOperation, PartialWriteError, toKindexError } from './errors.js';
import { mayFallBack, writeInSmaller } from './fallback.js';
import { part } from './part.js';
import { idsOf, prepare, type Ready, repeatedIds, rowsToEmbed, withoutRepeats } from './prepare.js';
import { encodeSelection } from './selection.js';
import { Tally } from './tally.js';
import type { Batch, BatchOptions, BatchResult, RowStream } from './types.js';
import { type Target, WriteCall } from './write.js';
import type { PartsTarget } from './write-parts.js';

const writingParts = () => import('./write-parts.js');

/**
 * Writes a batch as one: embeds what has no vector, encodes slice by slice, and commits. With `atomic: false` it may
 * become several: where texts are embedded, each part is written while the next is embedded; and a batch that storage
 * refuses as a whole is tried in smaller ones.
 *
 * @throws BatchError if the batch is atomic and an item is bad; PartialWriteError if a part of several was written;
 * KindexError for everything else. Nothing was written then, unless the code is `CRASHED`: the batch is then there as a
 * whole or not at all.
 */
export async function writeRows(
  target: Target,
  operation: BatchOperation,
  batch: Batch<object>,
  options: BatchOptions,
): Promise<BatchResult> {
  const call = new WriteCall(operation, options, target.onProgress);
  try {
    const { dimension, embedder } = target;
    const rows = batchRows(operation, batch, dimension);
    const divisible = !call.atomic && options.batchId === undefined && operation !== 'delete';
    if (embedder && divisible && rowsToEmbed(rows).length > embedder.size) {
      const turn: PartsTarget['turn'] = (work) => work(target);
      const { writeDivided } = await part(writingParts);
      return await writeDivided(call, rows, { dimension, embedder, turn });
    }
    const ready = await prepare(operation, rows, embedder, options.signal, call.progress);
    return await writeReady(call, target, ready);
  } finally {
    call.progress.finish();
  }
}

/** Writes what a stream gives, part by part. `turn` runs when it is the turn of a part. */
export async function writeStream(
  target: PartsTarget & Pick<Target, 'onProgress'>,
  operation: BatchOperation,
  stream: RowStream<object>,
  options: BatchOptions,
): Promise<BatchResult> {
  const call = new WriteCall(operation, options, target.onProgress);
  call.progress.openEnded = true;
  try {
    const { writeParts } = await part(writingParts);
    return await writeParts(call, stream, target);
  } finally {
    call.progress.finish();
  }
}

/** Deletes what filters match. */
export async function deleteWhere(
  target: Target,
  filters: { readonly where?: unknown; readonly whereDocument?: unknown },
  options: BatchOptions,
): Promise<BatchResult> {
  const call = new WriteCall('delete', options, target.onProgress);
  try {
    const written = await call.deleteWhere(target, encodeSelection(filters));
    return call.result(written, written.written + written.errors.length, []);
  } finally {
    call.progress.finish();
  }
}

async function writeReady(call: WriteCall, target: Target, ready: Ready): Promise<BatchResult> {
  const rows = ready.rows.length;
  const ids = idsOf(ready);
  try {
    return call.result(await call.write(target, ready), rows, ids);
  } catch (thrown) {
    if (!mayFallBack(call, thrown, rows)) throw thrown;
    const refusal = toKindexError(thrown);
    const unique = withoutRepeats(ready, repeatedIds(ready.rows));
    const tally = new Tally();
    const sum = () => call.result(tally.sum(), rows, ids);
    try {
      const { batches } = await writeInSmaller(call, target, unique, refusal, tally);
      const { code, message } = refusal;
      return { ...sum(), fallback: { code, message, batches } };
    } catch (cause) {
      if (tally.written === 0) throw cause;
      throw new PartialWriteError(toKindexError(cause), { ...sum(), success: false });
    }
  }
}
