import { type HierarchicalNSW, loadHnswlib } from 'hnswlib-wasm';
import type { Settings } from '../task.js';
import { eachRow, type Subject } from './subject.js';

/** Seed of its levels, its own default. */
const SEED = 100;

/** hnswlib-wasm, in the page: its file system wants a window. */
export class Hnswlib implements Subject {
  #index: HierarchicalNSW | undefined;
  #dimension = 0;
  readonly #rowOfLabel: number[] = [];

  async open({ dimension, metric, capacity, m, efConstruction }: Settings): Promise<void> {
    const library = await loadHnswlib();
    this.#dimension = dimension;
    // Rows of unit length need no 'cosine', which would only measure each of them again.
    this.#index = new library.HierarchicalNSW(metric === 'euclidean' ? 'l2' : 'ip', dimension, '');
    this.#index.initIndex(capacity, m, efConstruction, SEED);
  }

  prepare(rows: Float32Array): Float32Array[] {
    return eachRow(rows, this.#dimension);
  }

  insert(rows: Float32Array[]): void {
    // The way that it recommends; the labels are its own.
    const labels = this.#index!.addItems(rows, false);
    for (let i = 0; i < labels.length; i++) this.#rowOfLabel[labels[i]!] = this.#rowOfLabel.length;
  }

  search(query: Float32Array, k: number, ef: number): { neighbors: number[] } {
    this.#index!.setEfSearch(ef);
    return this.#index!.searchKnn(query, k, undefined);
  }

  rowsOf(found: { neighbors: number[] }): number[] {
    return found.neighbors.map((label) => this.#rowOfLabel[label]!);
  }

  about(): string {
    return 'hnswlib-wasm';
  }
}
