/** @module kindex/core */
import { checkInteger, engineSettings, queryMatrix } from '../arguments.js';
import { KindexError, show, toKindexError } from '../errors.js';
import initGlue, { Index as Engine } from '../generated/single.js';
import { LIMITS } from '../limits.js';
import { checkNames, type Names } from '../options.js';
import type { Metric, OpenOptions, Vector } from '../types.js';
import { hasRelaxedSimd } from '../worker/features.js';
import { assertSimd, compileWasm } from '../worker/wasm-source.js';

export { type ErrorCode, KindexError } from '../errors.js';

/** Options of an {@link Index}. */
export type IndexOptions = Pick<
  OpenOptions,
  'metric' | 'quantization' | 'graph' | 'keepVectors'
> & {
  /** Components of every vector, 1 to 4096. */
  readonly dimension: number;
};

const INDEX: Names<IndexOptions> = {
  dimension: 1,
  metric: 1,
  quantization: 1,
  graph: 1,
  keepVectors: 1,
};

/** Keys and distances of the nearest, closest first. */
export interface IndexHits {
  /** As given to `insert`, or returned by it. */
  readonly keys: Uint32Array;
  /** As the `distance` of a collection's hits. */
  readonly distances: Float32Array;
}

/**
 * Loads the wasm; needed once, before the first {@link Index}.
 *
 * @param wasm the compiled module, its bytes, or its address; default: the file beside this one
 * @throws KindexError `UNSUPPORTED`
 */
export async function initialize(
  wasm?: WebAssembly.Module | BufferSource | URL | string,
): Promise<void> {
  assertSimd();
  await initGlue({ module_or_path: await moduleOf(wasm) });
}

async function moduleOf(wasm: WebAssembly.Module | BufferSource | URL | string | undefined) {
  if (wasm instanceof WebAssembly.Module) return wasm;
  const best = hasRelaxedSimd()
    ? new URL('./kindex-relaxed.wasm', import.meta.url)
    : new URL('./kindex.wasm', import.meta.url);
  const source = wasm ?? best;
  if (typeof source !== 'string' && !(source instanceof URL)) return WebAssembly.compile(source);
  const file = String(source).startsWith('file:') ? readLocal(source) : undefined;
  return file ? WebAssembly.compile(file) : compileWasm(source);
}

/** Node's `fetch` knows no files. Asked of `process`, so that no bundler sees an import of Node's. */
function readLocal(url: string | URL): BufferSource | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const files = process?.getBuiltinModule?.('node:fs') as
    | { readFileSync(url: URL): BufferSource }
    | undefined;
  return files?.readFileSync(new URL(url));
}

/** Vectors under numeric keys, in memory and synchronous: for code that already runs in a worker. */
export class Index {
  /** Components of every vector. */
  readonly dimension: number;
  /** How vectors are compared. */
  readonly metric: Metric;
  readonly #engine: Engine;

  constructor(options: IndexOptions) {
    checkNames('Index', INDEX, options);
    this.dimension = checkInteger('dimension', options.dimension, 1, LIMITS.dimension);
    this.metric = options.metric ?? 'cosine';
    const settings = JSON.stringify(engineSettings(options));
    this.#engine = typed(() => new Engine(settings));
  }

  /** Vectors. */
  get size(): number {
    return this.#engine.size;
  }

  /**
   * Adds vectors (a flat n x d array, or a row each) under these keys, or under new ones. Returns the keys.
   *
   * @throws KindexError with nothing changed: `DIMENSION_MISMATCH`, `NOT_FINITE`, `ZERO_VECTOR`, `DUPLICATE_ID`
   */
  insert(vectors: Float32Array | readonly Vector[], keys?: Uint32Array): Uint32Array {
    if (keys !== undefined && !(keys instanceof Uint32Array)) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `keys are a Uint32Array, but this is ${show(keys)}`,
      );
    }
    const matrix = queryMatrix(vectors, this.dimension);
    return typed(() => this.#engine.insert(matrix, keys));
  }

  /** Removes keys; returns how many were there. */
  remove(keys: Uint32Array): number {
    return this.#engine.remove(keys);
  }

  /** The `k` nearest of one query. */
  search(query: Vector, k = 10, ef = 64): IndexHits {
    const matrix = queryMatrix([query], this.dimension);
    const hits = typed(() => this.#engine.search(matrix, checkInteger('k', k, 1, LIMITS.k), ef));
    const found = { keys: hits.keys(), distances: hits.distances() };
    hits.free();
    return found;
  }

  /** The `k` nearest of each query (a flat n x d array, or a row each). */
  searchBatch(queries: Float32Array | readonly Vector[], k = 10, ef = 64): IndexHits[] {
    const matrix = queryMatrix(queries, this.dimension);
    const hits = typed(() =>
      this.#engine.searchBatch(matrix, checkInteger('k', k, 1, LIMITS.k), ef),
    );
    const keys = hits.keys();
    const distances = hits.distances();
    let end = 0;
    const found = Array.from(hits.counts(), (count) => {
      end += count;
      return { keys: keys.slice(end - count, end), distances: distances.slice(end - count, end) };
    });
    hits.free();
    return found;
  }

  /** Gives its memory back; the index is of no use afterwards. */
  close(): void {
    this.#engine.free();
  }
}

function typed<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw toKindexError(thrown);
  }
}
