import type { FieldPath, TimePath } from './filter.js';
import type { Where } from './selection.js';
import type { Metadata, Stored } from './types.js';

/** Parts of a record that a call returns. */
export type Include = 'metadata' | 'document' | 'vector';

/** Options of `search` and `searchBatch`. */
export interface SearchOptions<M extends object = Metadata> extends Where<M> {
  /** Results wanted; default 10. */
  readonly k?: number;
  /** The beam of the walk, at least `k`; default 64. Wider finds more and takes longer. */
  readonly ef?: number;
  /** Default `['metadata']`. */
  readonly include?: readonly Include[];
  /** Compare with every vector. */
  readonly exact?: boolean;
  /** Search the records of this view only; with `where`, those of them that it holds for. */
  readonly view?: string;
  /** Let recency count inside the search: a recent record is found even where many others are more similar. */
  readonly decay?: Decay<M>;
  /** Put beside the hits how they were found, as `explanation`. For one query at a time. */
  readonly explain?: boolean;
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/**
 * How recency counts beside similarity. The score of a hit becomes `(1 - weight) * score + weight * recency`: recency
 * is 1 for a record of `now` or later and halves with every `halfLife` before; it is 0 for a record without a number
 * or date in the field. `distance` stays what it is. Under `dot`, scores have no bounds: choose `weight` for yours.
 */
export interface Decay<M extends object = Metadata> {
  /** A field with dates or numbers. */
  readonly field: TimePath<M>;
  /** What halves the recency: milliseconds for dates, else in the unit of the field. Above 0. */
  readonly halfLife: number;
  /** 0 (only similarity counts) to 1 (only recency counts); default 0.5. */
  readonly weight?: number;
  /** Default: now, in milliseconds. */
  readonly now?: number | Date;
}

/**
 * The way that a search took.
 *
 * - `exact`: all that may be in the answer was compared: the collection or the matches are few, or `exact` was asked for.
 * - `walk`: through the graph. `exact-walk`: then on by exact distances, where codes could not tell vectors apart.
 * - `filtered-walk`: through the graph, keeping what matches; where most records do.
 * - `bridged-walk`: from match to match, across others. `exact-fallback`: that would have cost more than to compare all
 *   matches.
 */
export type Strategy =
  | 'exact'
  | 'walk'
  | 'exact-walk'
  | 'filtered-walk'
  | 'bridged-walk'
  | 'exact-fallback';

/** How a search found its answer. */
export interface Explanation {
  /** The way that was taken. */
  readonly strategy: Strategy;
  /** Distances computed. */
  readonly distances: number;
  /** Nodes whose links were followed. */
  readonly visited: number;
}

/** A record that was found. */
export interface Hit<M extends object = Metadata> {
  /** The record's id. */
  readonly id: string;
  /** 1 - cos, -dot, or the L2 distance. Smaller is closer. */
  readonly distance: number;
  /** cos, dot, or 1 / (1 + distance); with `decay`, recency counts too. Larger is better. */
  readonly score: number;
  /** Unless `include` leaves it out. */
  readonly metadata?: Stored<M>;
  /** Only if `include` names it. */
  readonly document?: string;
  /** Only if `include` names it; under `cosine` at length 1, without `keepVectors` as the codes have it. */
  readonly vector?: Float32Array;
}

/** The hits of a query, closest first. */
export interface Found<M extends object = Metadata> extends Array<Hit<M>> {
  /** With `explain: true`. */
  readonly explanation?: Explanation;
}

/** A stored record. */
export interface StoredRecord<M extends object = Metadata> {
  /** The record's id. */
  readonly id: string;
  /** Unless `include` leaves it out; dates are milliseconds. */
  readonly metadata?: Stored<M>;
  /** Unless `include` leaves it out. */
  readonly document?: string;
  /** Only if `include` names it; under `cosine` at length 1, without `keepVectors` as the codes have it. */
  readonly vector?: Float32Array;
}

/** Which records `get` returns. */
export interface GetQuery<M extends object = Metadata> extends Where<M> {
  /** These records, in this order. Not together with `where` or `orderBy`. */
  readonly ids?: readonly string[];
  /** Default: all that match. For many, see `iterate`. */
  readonly limit?: number;
  /** Matches to pass over; default 0. */
  readonly offset?: number;
  /** Default: the order of insertion, but that slots of deleted records are used again. */
  readonly orderBy?: OrderBy<M>;
}

/**
 * A field, ascending unless said otherwise. Numbers come before strings (by code points), these before booleans;
 * descending turns that around. Records without such a value come last either way.
 */
export type OrderBy<M extends object = Metadata> =
  | FieldPath<M>
  | {
      /** A field by its dotted path. */
      readonly field: FieldPath<M>;
      /** Default `asc`. */
      readonly direction?: 'asc' | 'desc';
    };

/** Options of `get` and `iterate`. */
export interface GetOptions {
  /** Default `['metadata', 'document']`. */
  readonly include?: readonly Include[];
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}
