import { checkInteger } from './arguments.js';
import type { Connection } from './connection.js';
import { checkPath, type FieldPath, type ValueAt } from './filter.js';
import { LIMITS } from './limits.js';
import { checkOptions } from './options.js';
import { encodeSelection, type Where } from './selection.js';
import type { Metadata, Stored } from './types.js';

const DEFAULT_FACETS = 100;

/** Which values `facets` counts. */
export interface FacetQuery<M extends object = Metadata, P extends FieldPath<M> = FieldPath<M>>
  extends Where<M> {
  /** A field by its dotted path. */
  readonly field: P;
  /** The most frequent values wanted, 1 to 10,000; default 100. */
  readonly limit?: number;
}

/** A value, and how many records have it. Of an array, every distinct element counts. */
export interface Facet<V> {
  /** A string, number or boolean, or `null`; dates are milliseconds. */
  readonly value: V;
  /** Records that have it. */
  readonly count: number;
}

/** The values that a field counts by: dates are milliseconds, arrays their elements. */
export type FacetValue<M extends object, P> = string extends keyof M
  ? string | number | boolean | null
  : P extends string
    ? Element<Stored<ValueAt<M, P>>>
    : never;
type Element<V> = V extends readonly (infer E)[]
  ? E
  : V extends string | number | boolean | null
    ? V
    : never;

/** The most frequent values of a field, most frequent first. @internal */
export async function facets<M extends object, V>(
  connection: Connection,
  query: FacetQuery<M>,
): Promise<Facet<V>[]> {
  checkOptions('facets', query);
  const field = checkPath('field', query.field);
  const limit = checkInteger('limit', query.limit ?? DEFAULT_FACETS, 1, LIMITS.facets);
  const selected = encodeSelection(query);
  const { client, collection } = await connection.use();
  const list = await client.call('facets', { collection, ...selected, field, limit });
  return Array.from({ length: list.length / 2 }, (_, i) => ({
    value: list[2 * i] as V,
    count: list[2 * i + 1] as number,
  }));
}
