import { untilAborted } from './abort.js';
import { KindexError, throwIfAborted } from './errors.js';
import { ProgressReporter } from './progress.js';
import { noText, textColumn } from './text-column.js';
import type { BatchOptions, Progress } from './types.js';
import type { BatchToken } from './worker/protocol.js';
import type { Target } from './write.js';

/** Options of what makes or drops a view: it is one batch of its own. */
export interface ViewChange extends Pick<BatchOptions, 'durability' | 'workers' | 'signal'> {
  /** Called at most every 50 ms, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Makes a view, or without a definition drops it.
 *
 * @throws KindexError what is wrong with it; nothing was changed then
 */
export async function writeView(
  target: Target,
  name: string,
  definition: string | undefined,
  { durability = 'relaxed', workers = 0, signal, onProgress }: ViewChange,
): Promise<void> {
  throwIfAborted(signal);
  const { client, collection } = target;
  const progress = new ProgressReporter((heard) => {
    onProgress?.(heard);
    target.onProgress(heard);
  });
  const turn = client.call('begin', {
    collection,
    op: 'view',
    atomic: true,
    batchId: undefined,
    rows: 0,
  });
  let batch: BatchToken | undefined;
  try {
    batch = await untilAborted(turn, signal);
    const none = new Float32Array(0);
    const slice = {
      rows: 1,
      ids: textColumn([name]),
      vectors: none,
      hasVector: new Uint8Array(0),
      metadata: definition === undefined ? noText() : textColumn([definition]),
      documents: noText(),
    };
    await client.call('stage', { batch, slice });
    throwIfAborted(signal);
    const { errors } = await client.call(
      'commit',
      { batch, refused: 0, durability, threads: workers, dedupe: undefined },
      { onProgress: ({ phase, done, total }) => progress.report(phase, done, total) },
    );
    const [wrong] = errors;
    if (wrong) throw new KindexError(wrong.code, wrong.message);
  } catch (thrown) {
    const begun = batch === undefined ? turn : Promise.resolve(batch);
    begun.then((token) => client.call('cancel', { batch: token })).catch(() => {});
    throw thrown;
  } finally {
    progress.finish();
  }
}
