import { untilAborted } from './abort.js';
import type { KindexError } from './errors.js';
import type { BatchKind, BatchToken } from './worker/protocol.js';
import type { Target } from './write.js';

/**
 * Begins a batch when it is its turn at the engine, and cancels it if `work` fails.
 *
 * Where another tab took over while this one was frozen, the batch is refused as a whole. It begins once more, at the
 * tab that writes now, and `work` runs again.
 */
export async function inTurn<T>(
  { client, collection }: Pick<Target, 'client' | 'collection'>,
  kind: BatchKind,
  signal: AbortSignal | undefined,
  work: (batch: BatchToken) => Promise<T>,
): Promise<T> {
  const attempt = async () => {
    const turn = client.call('begin', { collection, ...kind });
    let batch: BatchToken;
    try {
      batch = await untilAborted(turn, signal);
    } catch (thrown) {
      turn.then((token) => client.call('cancel', { batch: token })).catch(() => {});
      throw thrown;
    }
    try {
      return await work(batch);
    } catch (thrown) {
      await client.call('cancel', { batch }).catch(() => {});
      throw thrown;
    }
  };
  try {
    return await attempt();
  } catch (thrown) {
    const { code } = thrown as Partial<KindexError>;
    if (code !== 'CONFLICT') throw thrown;
    if (!(await client.call('mayBeginAgain', { collection }).catch(() => false))) throw thrown;
    return attempt();
  }
}
