import type { DuplicateQuery } from './dedupe.js';
import { KindexError, show } from './errors.js';
import type { FacetQuery } from './facets.js';
import type { Where } from './selection.js';
import type {
  BatchOptions,
  Decay,
  GetOptions,
  GetQuery,
  LoadOptions,
  OpenOptions,
  OrderBy,
  PlaceOptions,
  SearchOptions,
} from './types.js';
import type { ViewOptions } from './views.js';
import type { ViewChange } from './write-view.js';

/** Every name of T: the compiler refuses one that is missing, and one too many. */
export type Names<T> = Readonly<Record<keyof T, 1>>;

const WHERE: Names<Where> = { where: 1, whereDocument: 1 };

const PLACE: Names<PlaceOptions> = {
  storage: 1,
  folder: 1,
  threads: 1,
  wasmUrl: 1,
  workerUrl: 1,
  memoryBudget: 1,
  whenFull: 1,
};

/** What `open` and `load` have in common. */
const OPEN: Names<Omit<LoadOptions, 'name'>> = {
  ...PLACE,
  embed: 1,
  embedBatchSize: 1,
  embedTimeoutMs: 1,
  onProgress: 1,
  signal: 1,
};

const VIEW_CHANGE: Names<ViewChange> = { durability: 1, workers: 1, onProgress: 1, signal: 1 };

/** The options of each call by name. */
const KNOWN = {
  open: {
    ...OPEN,
    dimension: 1,
    metric: 1,
    quantization: 1,
    graph: 1,
    keepVectors: 1,
  } satisfies Names<OpenOptions>,
  load: { ...OPEN, name: 1 } satisfies Names<LoadOptions>,
  list: PLACE,
  destroy: PLACE,
  verify: PLACE,
  compact: { onProgress: 1 },
  search: {
    ...WHERE,
    k: 1,
    ef: 1,
    include: 1,
    exact: 1,
    view: 1,
    decay: 1,
    explain: 1,
    signal: 1,
  } satisfies Names<SearchOptions>,
  decay: { field: 1, halfLife: 1, weight: 1, now: 1 } satisfies Names<Decay>,
  get: { ...WHERE, ids: 1, limit: 1, offset: 1, orderBy: 1 } satisfies Names<GetQuery>,
  orderBy: { field: 1, direction: 1 } satisfies Names<Exclude<OrderBy, string>>,
  'the second argument of get': { include: 1, signal: 1 } satisfies Names<GetOptions>,
  count: WHERE,
  facets: { ...WHERE, field: 1, limit: 1 } satisfies Names<FacetQuery>,
  findDuplicates: { threshold: 1, where: 1, signal: 1 } satisfies Names<DuplicateQuery>,
  createView: { where: 1, batchSize: 1, ...VIEW_CHANGE } satisfies Names<ViewOptions>,
  dropView: VIEW_CHANGE,
  delete: { ...WHERE, ids: 1 },
  'a batch': {
    atomic: 1,
    batchSize: 1,
    parallel: 1,
    workers: 1,
    durability: 1,
    onProgress: 1,
    signal: 1,
    dedupe: 1,
    onDuplicate: 1,
    batchId: 1,
  } satisfies Names<BatchOptions>,
} as const;

/**
 * Refuses what a call does not know. An option that is misspelled, or is another library's (`filter`, `topK`), would
 * otherwise be passed over, and the answer be another one than was asked for.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function checkOptions(call: keyof typeof KNOWN, options: unknown): void {
  checkNames(call, KNOWN[call], options);
}

/**
 * The same of a call with names of its own.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function checkNames(call: string, known: object, options: unknown): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  const stray = isObject
    ? Object.keys(options).find((name) => !Object.hasOwn(known, name))
    : undefined;
  if (isObject && stray === undefined) return;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${call} takes the options ${Object.keys(known).join(', ')}, but ${isObject ? `there is ${show(stray)}` : `this is ${show(options)}`}`,
  );
}
