import { checkInteger } from './arguments.js';
import { KindexError } from './errors.js';
import { encodeFilter, type Filter } from './filter.js';
import { LIMITS } from './limits.js';
import { checkOptions } from './options.js';
import type { Found, Hit, Metadata, SearchOptions, Vector } from './types.js';
import type { ViewChange } from './write-view.js';

/** How `createView` makes a view. */
export interface ViewOptions<M extends object = Metadata> extends ViewChange {
  /** Which records the view has. */
  readonly where: Filter<M>;
  /** Records that are linked at a time while it is made; default all at once, which is quickest. Fewer take less memory meanwhile. */
  readonly batchSize?: number;
}

/** A view, as `listViews` shows it. */
export interface ViewInfo<M extends object = Metadata> {
  /** The name that it was made under. */
  readonly name: string;
  /** Which records it has; dates are milliseconds. */
  readonly where: Filter<M>;
  /** Records that it has now. */
  readonly size: number;
  /** Whether it has a graph of its own; a small one is scanned. */
  readonly graph: boolean;
  /** Bytes in memory, beside the records themselves. */
  readonly bytes: number;
}

interface Searchable<M extends object> {
  search(query: Vector | string, options: SearchOptions<M>): Promise<Found<M>>;
  searchBatch(
    queries: Float32Array | readonly Vector[] | readonly string[],
    options: SearchOptions<M>,
  ): Promise<Hit<M>[][]>;
  dropView(name: string): Promise<void>;
}

/** A named part of a collection, with an index of its own. Every search fails with `NOT_FOUND` where there is none of that name. */
export class View<M extends object = Metadata> {
  /** The name that it was made under. */
  readonly name: string;
  readonly #collection: Searchable<M>;

  /** @internal */
  constructor(collection: Searchable<M>, name: string) {
    this.name = name;
    this.#collection = collection;
  }

  /** As `search` of the collection, among the records of the view. */
  search(query: Vector | string, options: SearchOptions<M> = {}): Promise<Found<M>> {
    return this.#collection.search(query, { ...options, view: this.name });
  }

  /** As `searchBatch` of the collection, among the records of the view. */
  searchBatch(
    queries: Float32Array | readonly Vector[] | readonly string[],
    options: SearchOptions<M> = {},
  ): Promise<Hit<M>[][]> {
    return this.#collection.searchBatch(queries, { ...options, view: this.name });
  }

  /** As `dropView` of the collection. */
  drop(): Promise<void> {
    return this.#collection.dropView(this.name);
  }
}

/**
 * The definition of a view as the engine takes it: JSON.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 * @internal
 */
export function encodeView<M extends object>(name: string, options: ViewOptions<M>): string {
  checkOptions('createView', options);
  const { where, batchSize } = options;
  if (where === undefined) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `view '${name}' needs a filter: createView takes { where }`,
    );
  }
  const size =
    batchSize === undefined
      ? ''
      : `,"batchSize":${checkInteger('batchSize', batchSize, 1, LIMITS.batchRows)}`;
  return `{"where":${encodeFilter(where)}${size}}`;
}

/** @internal */
export function decodeViews<M extends object>(json: string): ViewInfo<M>[] {
  const views: {
    name: string;
    definition: { where: Filter<M> };
    records: number;
    bytes: number;
    graph: boolean;
  }[] = JSON.parse(json);
  return views.map(({ name, definition: { where }, records, graph, bytes }) => ({
    name,
    where,
    size: records,
    graph,
    bytes,
  }));
}
