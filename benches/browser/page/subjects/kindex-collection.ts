import { Collection, type Hit } from 'kindex';
import { bucketOf, type Settings } from '../task.js';
import type { Subject } from './subject.js';

interface Bucketed {
  bucket: number;
}

/** What `insert` takes. */
interface Prepared {
  ids: string[];
  vectors: Float32Array;
  metadatas?: Bucketed[];
}

/** The `Collection` of the package, on the page's main thread, kept in memory. */
export class KindexCollection implements Subject {
  #collection: Collection<{ bucket: number }> | undefined;
  /** Whether rows get metadata to filter by. */
  readonly #buckets: boolean;

  constructor({ buckets = false } = {}) {
    this.#buckets = buckets;
  }

  async open({ dimension, metric, threads, m, efConstruction }: Settings): Promise<void> {
    this.#collection = await Collection.open('bench', {
      dimension,
      metric,
      threads,
      graph: { m, efConstruction },
      storage: 'memory',
    });
  }

  prepare(vectors: Float32Array, firstRow: number): Prepared {
    const count = vectors.length / this.#collection!.dimension;
    const ids = Array.from({ length: count }, (_, i) => String(firstRow + i));
    if (!this.#buckets) return { ids, vectors };
    const metadatas = ids.map((_, i) => ({ bucket: bucketOf(firstRow + i) }));
    return { ids, vectors, metadatas };
  }

  insert(prepared: Prepared): Promise<unknown> {
    return this.#collection!.insert(prepared);
  }

  search(query: Float32Array, k: number, ef: number): Promise<Hit[]> {
    return this.#collection!.search(query, { k, ef, include: [] });
  }

  searchBatch(queries: Float32Array, k: number, ef: number): Promise<Hit[][]> {
    return this.#collection!.searchBatch(queries, { k, ef, include: [] });
  }

  /** Records whose bucket is below `share` thousandths; `exact` compares with each of them. */
  searchWhere(query: Float32Array, k: number, ef: number, share: number, exact: boolean) {
    return this.#collection!.search(query, {
      k,
      ef,
      exact,
      where: { bucket: { $lt: share } },
      include: [],
    });
  }

  /** How a filtered search finds its answer. */
  async strategyWhere(query: Float32Array, ef: number, share: number): Promise<string> {
    const { explanation } = await this.#collection!.search(query, {
      ef,
      where: { bucket: { $lt: share } },
      explain: true,
    });
    return explanation?.strategy ?? 'unknown';
  }

  rowsOf(found: Hit[]): number[] {
    return found.map(({ id }) => Number(id));
  }

  async about(): Promise<string> {
    const { threads, simd, storage } = await this.#collection!.stats();
    return `Collection, ${threads} thread${threads === 1 ? '' : 's'}, ${simd}, storage ${storage}`;
  }

  async bytes(): Promise<Record<string, number>> {
    return { ...(await this.#collection!.stats()).memory };
  }
}
