import * as glue from 'voy-search/voy_search_bg.js';
import type { Settings } from '../task.js';
import { eachRow, type Subject } from './subject.js';

/** Its k-d tree knows this dimension only; zeros to the end change no distance. */
const DIMENSION = 768;

/** voy: a k-d tree, built from one resource. */
export class Voy implements Subject {
  #index: glue.Voy | undefined;
  #dimension = 0;

  async open({ dimension }: Settings): Promise<void> {
    this.#dimension = dimension;
    const imports = { './voy_search_bg.js': glue as unknown as WebAssembly.ModuleImports };
    const wasm = await WebAssembly.instantiateStreaming(
      fetch('/rivals/voy_search_bg.wasm'),
      imports,
    );
    glue.__wbg_set_wasm(wasm.instance.exports);
    this.#index = new glue.Voy();
  }

  prepare(rows: Float32Array, firstRow: number) {
    const embeddings = eachRow(rows, this.#dimension).map((row, i) => ({
      id: String(firstRow + i),
      title: '',
      url: '',
      embeddings: [...padded(row)],
    }));
    return { embeddings };
  }

  insert(resource: ReturnType<Voy['prepare']>): void {
    if (this.#index!.size() === 0) this.#index!.index(resource);
    else this.#index!.add(resource);
  }

  search(query: Float32Array, k: number): glue.SearchResult {
    return this.#index!.search(padded(query), k);
  }

  rowsOf(found: glue.SearchResult): number[] {
    return found.neighbors.map(({ id }) => Number(id));
  }

  about(): string {
    return 'voy';
  }
}

function padded(row: Float32Array): Float32Array {
  const wide = new Float32Array(DIMENSION);
  wide.set(row);
  return wide;
}
