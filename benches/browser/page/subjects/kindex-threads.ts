import initGlue, {
  capabilities,
  Index,
  type IndexHits,
  type InitOutput,
  initThreadPool,
  poolHasStarted,
} from '../../../../ts/generated/threads.js';
import { Pool } from '../../../../ts/worker/pool.js';
import { provideThreads } from '../../../../ts/worker/start-workers.js';
import { chooseWasm, compileWasm, urlsIn } from '../../../../ts/worker/wasm-source.js';
import type { Settings } from '../task.js';
import type { Subject } from './subject.js';

/** The threaded engine itself, in the worker that owns it: no collection, no storage, no messages. */
export class KindexThreads implements Subject {
  #index: Index | undefined;
  #exports: InitOutput | undefined;
  readonly #keepVectors: boolean;

  constructor({ keepVectors = true } = {}) {
    this.#keepVectors = keepVectors;
  }

  async open({ dimension, metric, threads, m, efConstruction }: Settings): Promise<void> {
    const module = await compileWasm(chooseWasm(urlsIn('/kindex/'), true));
    this.#exports = await initGlue({ module_or_path: module });
    const pool = new Pool(() => new Worker(self.location.href, { type: 'module' }));
    provideThreads((request) => pool.start(request));
    await initThreadPool(threads);
    poolHasStarted();
    const keepVectors = this.#keepVectors;
    const options = { dimension, metric, quantization: 'int8', m, efConstruction, keepVectors };
    this.#index = new Index(JSON.stringify(options));
  }

  prepare(rows: Float32Array): Float32Array {
    return rows;
  }

  insert(rows: Float32Array): Uint32Array {
    return this.#index!.insert(rows);
  }

  search(query: Float32Array, k: number, ef: number): Uint32Array {
    return keysOf(this.#index!.search(query, k, ef));
  }

  searchBatch(queries: Float32Array, k: number, ef: number): Uint32Array[] {
    const hits = this.#index!.searchBatch(queries, k, ef);
    const counts = hits.counts();
    const keys = keysOf(hits);
    let end = 0;
    return Array.from(counts, (count) => {
      end += count;
      return keys.subarray(end - count, end);
    });
  }

  rowsOf(found: Uint32Array): number[] {
    return [...found];
  }

  about(): string {
    return `engine with ${JSON.parse(capabilities()).simd}`;
  }

  bytes(): Record<string, number> {
    const memory = this.#exports!.memory.buffer.byteLength;
    return { ...JSON.parse(this.#index!.stats()).bytes, 'wasm memory': memory };
  }
}

function keysOf(hits: IndexHits): Uint32Array {
  const keys = hits.keys();
  hits.free();
  return keys;
}
