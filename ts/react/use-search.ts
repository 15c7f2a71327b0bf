import { useEffect, useState } from 'react';
import type { Collection } from '../collection.js';
import type { KindexError } from '../errors.js';
import type { Hit, Metadata, SearchOptions, Vector } from '../types.js';
import { equal } from './equal.js';
import { LiveSearch } from './live-search.js';

/** Options of {@link useSearch}. */
export interface UseSearchOptions<M extends object = Metadata>
  extends Omit<SearchOptions<M>, 'signal' | 'explain'> {
  /** Ask again when the collection changes; default true. */
  readonly live?: boolean;
  /** Milliseconds to wait for the next key before searching; default 0. */
  readonly debounce?: number;
}

/** What {@link useSearch} knows. */
export interface SearchState<M extends object = Metadata> {
  /** Of the last answer, also while the next is awaited; none after an error. */
  readonly hits: readonly Hit<M>[];
  /** Whether an answer is awaited. */
  readonly loading: boolean;
  /** Why the last search failed; undefined once one succeeds. */
  readonly error: KindexError | undefined;
}

const IDLE = { hits: [], loading: false, error: undefined } as const;

/**
 * The nearest records of a query, brought up to date when the collection changes. Query and options may be written
 * inline: it searches anew only when they say something else (so don't change a vector in place). Without a
 * collection, a query or any text in it, nothing is searched for.
 */
export function useSearch<M extends object = Metadata>(
  collection: Collection<M> | undefined,
  query: Vector | string | null | undefined,
  options: UseSearchOptions<M> = {},
): SearchState<M> {
  const input = useUnchanged({ query, options });
  const [{ of, state }, setState] = useState<{
    of: Collection<M> | undefined;
    state: SearchState<M>;
  }>({ of: collection, state: IDLE });

  useEffect(() => {
    const { query, options } = input;
    if (!collection || query === undefined || query === null || query === '') {
      setState({ of: collection, state: IDLE });
      return;
    }
    const { live = true, debounce = 0, ...rest } = options;
    const search = new LiveSearch<M>({
      collection,
      query,
      options: rest as SearchOptions<M>,
      live,
      delay: debounce,
      onStart: () =>
        setState(({ of, state }) => ({
          of: collection,
          // What another collection held is no answer of this one, not even for a moment.
          state: { ...(of === collection ? state : IDLE), loading: true },
        })),
      onOutcome: (outcome) => setState({ of: collection, state: { ...outcome, loading: false } }),
    });
    return () => search.stop();
  }, [collection, input]);

  return of === collection ? state : IDLE;
}

/** The value of an earlier render for as long as the new one says the same. */
function useUnchanged<T>(value: T): T {
  const [held, setHeld] = useState(value);
  if (equal(held, value)) return held;
  setHeld(value);
  return value;
}
