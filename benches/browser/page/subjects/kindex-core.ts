import { Index, type IndexHits, initialize } from 'kindex/core';
import type { Settings } from '../task.js';
import type { Subject } from './subject.js';

/** The synchronous `Index` of the package, one thread. */
export class KindexCore implements Subject {
  #index: Index | undefined;

  async open({ dimension, metric, m, efConstruction }: Settings): Promise<void> {
    await initialize();
    this.#index = new Index({ dimension, metric, graph: { m, efConstruction } });
  }

  prepare(rows: Float32Array): Float32Array {
    return rows;
  }

  insert(rows: Float32Array): Uint32Array {
    return this.#index!.insert(rows);
  }

  search(query: Float32Array, k: number, ef: number): IndexHits {
    return this.#index!.search(query, k, ef);
  }

  searchBatch(queries: Float32Array, k: number, ef: number): IndexHits[] {
    return this.#index!.searchBatch(queries, k, ef);
  }

  rowsOf(found: IndexHits): number[] {
    return [...found.keys];
  }

  about(): string {
    return 'kindex/core';
  }
}
