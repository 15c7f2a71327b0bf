import { DurableObject } from 'cloudflare:workers';
import { BatchError, Collection, type Hit, type ItemError, KindexError, type Row } from 'kindex';
import { DurableObjectStorage } from 'kindex/durable-object';

export const DIMENSION = 384;

/** What a shard made of its part of a batch. */
export interface ShardReport {
  readonly written: number;
  readonly errors: readonly ItemError[];
}

/** One part of the collection. Its own batches are atomic. */
export class Shard extends DurableObject<{ MEMORY_BUDGET?: string }> {
  #opening: Promise<Collection> | undefined;

  /** Opened by the first call, so that a shard that can't be opened fails its calls, and is asked again by the next. */
  #collection(): Promise<Collection> {
    this.#opening ??= Collection.open('shard', {
      dimension: DIMENSION,
      storage: new DurableObjectStorage(this.ctx),
      // Several shards may share an isolate, and its memory. A machine of one's own may give more than the default.
      memoryBudget: Number(this.env.MEMORY_BUDGET ?? 96 * 1024 * 1024),
    }).catch((thrown) => {
      this.#opening = undefined;
      throw thrown;
    });
    return this.#opening;
  }

  /** `batchId`: a batch that is sent again, because its answer was lost, is not written twice. */
  async insert(rows: readonly Row[], batchId: string): Promise<ShardReport> {
    try {
      const { written } = await (await this.#collection()).insert(rows, { batchId });
      return { written, errors: [] };
    } catch (thrown) {
      if (thrown instanceof BatchError) return { written: 0, errors: thrown.errors };
      throw named(thrown);
    }
  }

  async search(vector: Float32Array, k: number): Promise<Hit[]> {
    try {
      return await (await this.#collection()).search(vector, { k });
    } catch (thrown) {
      throw named(thrown);
    }
  }
}

/** Of an error, its message is what reaches the caller in another object. */
function named(thrown: unknown): Error {
  return thrown instanceof KindexError
    ? new Error(`${thrown.code}: ${thrown.message}`)
    : (thrown as Error);
}
