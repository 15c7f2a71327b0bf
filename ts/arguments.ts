import { checkAttached, checkedVector } from './batch-encoder.js';
import { KindexError, show } from './errors.js';
import { LIMITS } from './limits.js';
import { checkNames, checkOptions, type Names } from './options.js';
import type { StorageAdapter } from './storage/storage.js';
import { utf8Length } from './text-column.js';
import type {
  BatchOptions,
  EngineOptions,
  GraphOptions,
  Include,
  OpenOptions,
  PlaceOptions,
} from './types.js';
import type { BudgetSettings, EngineSettings, StorageChoice } from './worker/protocol.js';

const GRAPH: Names<GraphOptions> = { m: 1, efConstruction: 1 };
const INCLUDES: ReadonlySet<unknown> = new Set<Include>(['metadata', 'document', 'vector']);

/** @throws KindexError `INVALID_ARGUMENT` */
export function checkInteger(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
    return value;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${name} must be a whole number from ${least} to ${most}, but is ${show(value)}`,
  );
}

/** @throws KindexError `INVALID_ARGUMENT` */
export function checkName(name: unknown): string {
  return checkNameOf("a collection's name", name);
}

/** @throws KindexError `INVALID_ARGUMENT` */
export function checkViewName(name: unknown): string {
  return checkNameOf("a view's name", name);
}

function checkNameOf(what: string, name: unknown): string {
  const bytes = typeof name === 'string' ? utf8Length(name) : 0;
  if (
    typeof name === 'string' &&
    bytes >= 1 &&
    bytes <= LIMITS.nameBytes &&
    !/\p{Surrogate}/u.test(name)
  )
    return name;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${what} is a string of 1 to ${LIMITS.nameBytes} bytes, but this is ${show(name)}`,
  );
}

/** @throws KindexError `INVALID_ARGUMENT` */
export function checkInclude(
  include: readonly Include[] | undefined,
  otherwise: readonly Include[],
): readonly Include[] {
  if (include === undefined) return otherwise;
  const bad = Array.isArray(include) ? include.findIndex((part) => !INCLUDES.has(part)) : -1;
  if (Array.isArray(include) && bad < 0) return include;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `include is an array of 'metadata', 'document' and 'vector', but ${bad < 0 ? `this is ${show(include)}` : `has ${show(include[bad])}`}`,
  );
}

/** What `open` asks of the engine; undefined = whatever is stored. The engine checks bounds. */
export function engineSettings(options: OpenOptions): EngineSettings {
  const { dimension, metric, quantization, graph, whenFull } = options;
  if (graph !== undefined) checkNames('graph', GRAPH, graph);
  // Where they may be dropped, a stored collection may be without them.
  const keepVectors =
    whenFull === 'dropVectors' && options.keepVectors === true ? undefined : options.keepVectors;
  if (dimension !== undefined) checkInteger('dimension', dimension, 1, LIMITS.dimension);
  checkOneOf('metric', metric, ['cosine', 'dot', 'euclidean']);
  checkOneOf('quantization', quantization, ['none', 'int8', 'binary']);
  return {
    dimension,
    metric,
    quantization,
    m: graph?.m,
    efConstruction: graph?.efConstruction,
    keepVectors,
  };
}

/**
 * Where a collection is kept, in the form that goes to the engine.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function storageChoice(
  { storage, folder }: PlaceOptions,
  otherwise: 'auto' | 'memory',
): StorageChoice {
  if (
    typeof (storage ?? '') !== 'string' &&
    typeof (storage as Partial<StorageAdapter>).open !== 'function'
  )
    throw new KindexError(
      'INVALID_ARGUMENT',
      `storage is a name or an adapter, but is ${show(storage)}`,
    );
  if (folder === undefined) return storage ?? otherwise;
  if ((typeof folder !== 'string' && !(folder instanceof URL)) || folder === '') {
    throw new KindexError('INVALID_ARGUMENT', `folder is a path, but is ${show(folder)}`);
  }
  if (storage === undefined || storage === 'auto' || storage === 'file') return `file:${folder}`;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `folder is for storage 'file', but storage is ${show(storage)}`,
  );
}

/** @throws KindexError `INVALID_ARGUMENT` */
export function checkBatchOptions(options: BatchOptions): void {
  checkOptions('a batch', options);
  const { atomic, batchSize, parallel, workers, durability, batchId } = options;
  if (atomic !== undefined && typeof atomic !== 'boolean')
    throw new KindexError('INVALID_ARGUMENT', `atomic is a boolean, but is ${show(atomic)}`);
  if (batchSize !== undefined && batchSize !== 'auto')
    checkInteger('batchSize', batchSize, 1, LIMITS.batchRows);
  if (parallel !== undefined && parallel !== 'auto' && typeof parallel !== 'boolean') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `parallel is 'auto' or a boolean, but is ${show(parallel)}`,
    );
  }
  if (workers !== undefined) checkInteger('workers', workers, 1, LIMITS.workers);
  checkOneOf('durability', durability, ['relaxed', 'strict']);
  const bytes = typeof batchId === 'string' ? utf8Length(batchId) : 0;
  if (batchId !== undefined && (bytes < 1 || bytes > LIMITS.batchIdBytes)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `batchId is a string of 1 to ${LIMITS.batchIdBytes} bytes, but is ${show(batchId)}`,
    );
  }
}

/**
 * `otherwise`: bytes where none are given.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function memoryBudget(
  { memoryBudget, whenFull = 'refuse' }: EngineOptions,
  otherwise?: number,
): BudgetSettings | undefined {
  checkOneOf('whenFull', whenFull, ['refuse', 'dropVectors']);
  const wanted = memoryBudget ?? otherwise;
  const dropVectors = whenFull === 'dropVectors';
  if (wanted !== undefined) {
    const bytes = checkInteger('memoryBudget', wanted, 1, Number.MAX_SAFE_INTEGER);
    return { bytes, dropVectors };
  }
  if (!dropVectors) return undefined;
  throw new KindexError('INVALID_ARGUMENT', "whenFull 'dropVectors' needs a memoryBudget");
}

function checkOneOf(name: string, value: unknown, names: readonly string[]): void {
  if (value === undefined || names.includes(value as string)) return;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${name} is one of '${names.join("', '")}', but is ${show(value)}`,
  );
}

/**
 * Queries as one array of their own, row-major.
 *
 * @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`
 */
export function queryMatrix(queries: unknown, dimension: number): Float32Array<ArrayBuffer> {
  if (queries instanceof Float32Array) {
    checkAttached('queries', queries);
    if (queries.length % dimension === 0) return new Float32Array(queries);
    throw new KindexError(
      'DIMENSION_MISMATCH',
      `queries holds ${queries.length} numbers, which is no multiple of the dimension ${dimension}`,
    );
  }
  if (!Array.isArray(queries)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `queries are a Float32Array or an array, but this is ${show(queries)}`,
    );
  }
  const matrix = new Float32Array(queries.length * dimension);
  for (const [i, query] of queries.entries()) {
    try {
      matrix.set(checkedVector(query, dimension), i * dimension);
    } catch (thrown) {
      if (!(thrown instanceof KindexError)) throw thrown;
      throw new KindexError(thrown.code, `query ${i}: ${thrown.message}`, { index: i });
    }
  }
  return matrix;
}
