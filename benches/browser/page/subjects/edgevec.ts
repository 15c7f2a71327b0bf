import initEdgevec, { EdgeVec, EdgeVecConfig } from 'edgevec/edgevec.js';
import type { Settings } from '../task.js';
import type { Subject } from './subject.js';

/** edgevec: its beam is a setting of the index, and only its L2 returns the nearest first. */
export class Edgevec implements Subject {
  #index: EdgeVec | undefined;
  #dimension = 0;
  readonly #rowOfId = new Map<number, number>();

  async open({ dimension, m, efConstruction, ef }: Settings): Promise<void> {
    await initEdgevec({ module_or_path: '/rivals/edgevec_bg.wasm' });
    this.#dimension = dimension;
    const config = new EdgeVecConfig(dimension);
    config.metric = 'l2';
    config.m = m;
    config.m0 = 2 * m;
    config.ef_construction = efConstruction;
    config.ef_search = ef;
    this.#index = new EdgeVec(config);
  }

  prepare(rows: Float32Array): Float32Array {
    return rows;
  }

  insert(rows: Float32Array): void {
    // One flat array crosses faster than the array of arrays of its other call.
    const ids = this.#index!.insertBatchFlat(rows, rows.length / this.#dimension);
    for (const id of ids) this.#rowOfId.set(id, this.#rowOfId.size);
  }

  search(query: Float32Array, k: number): { id: number }[] {
    return this.#index!.search(query, k);
  }

  rowsOf(found: { id: number }[]): number[] {
    return found.map(({ id }) => this.#rowOfId.get(id)!);
  }

  about(): string {
    return 'edgevec';
  }
}
