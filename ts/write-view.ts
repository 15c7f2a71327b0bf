import { inTurn } from './batch-turn.js';
import { KindexError, throwIfAborted } from './errors.js';
import { ProgressReporter } from './progress.js';
import { noText, textColumn } from './text-column.js';
import type { BatchOptions, Progress } from './types.js';
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
 * @internal
 */
export async function writeView(
  target: Target,
  name: string,
  definition: string | undefined,
  { durability = 'relaxed', workers = 0, signal, onProgress }: ViewChange,
): Promise<void> {
  throwIfAborted(signal);
  const { client } = target;
  const progress = new ProgressReporter((heard) => {
    onProgress?.(heard);
    target.onProgress(heard);
  });
  const kind = { op: 'view', atomic: true, batchId: undefined, rows: 0 } as const;
  try {
    await inTurn(target, kind, signal, async (batch) => {
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
    });
  } finally {
    progress.finish();
  }
}
