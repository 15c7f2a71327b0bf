import { useCallback, useEffect, useState } from 'react';
import type { Collection } from '../collection.js';
import type { KindexError } from '../errors.js';
import type { Metadata, OpenOptions, Progress } from '../types.js';
import { asKindexError } from './failure.js';
import { forget, hold, keyOf, refresh, release } from './shared.js';

/** What {@link useCollection} knows. */
export interface CollectionState<M extends object = Metadata> {
  /** Undefined while it opens, and on the server. */
  readonly collection: Collection<M> | undefined;
  /** Whether it is being opened. */
  readonly loading: boolean;
  /** Why it can't be opened, or what failed in the background since. */
  readonly error: KindexError | undefined;
  /** How far opening has come. */
  readonly progress: Progress | undefined;
  /** Opens it again after an error, for example `LOCKED`. */
  readonly retry: () => void;
}

type State<M extends object> = Omit<CollectionState<M>, 'retry'>;

const OPENING = {
  collection: undefined,
  loading: true,
  error: undefined,
  progress: undefined,
} as const;

/**
 * Opens a collection for as long as the component is mounted. Components that ask for the same name and options share
 * it. Options may be written inline: it is opened anew only when they say something else. Embedders are told apart by
 * whether there is one, and the latest is called.
 */
export function useCollection<M extends object = Metadata>(
  name: string,
  options: Omit<OpenOptions, 'signal'> = {},
): CollectionState<M> {
  const [attempt, setAttempt] = useState(0);
  const key = keyOf(name, options);
  const wanted = `${attempt} ${key}`;
  const [{ of, state }, setState] = useState<{ of: string; state: State<M> }>({
    of: wanted,
    state: OPENING,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for name and options
  useEffect(() => {
    const set = (next: State<M>) => setState({ of: wanted, state: next });
    const { key: held, shared } = hold(name, options);
    let mounted = true;
    let stopListening = () => {};
    const onProgress = (progress: Progress) => set({ ...OPENING, progress });
    shared.progress.add(onProgress);
    shared.collection.then(
      (opened) => {
        shared.progress.delete(onProgress);
        if (!mounted) return;
        const collection = opened as unknown as Collection<M>;
        const ready = { collection, loading: false, error: undefined, progress: undefined };
        stopListening = collection.on('error', (error) => {
          // Closed by another tab, for example: what was shared is of no use to anybody.
          if (error.code === 'CLOSED') forget(held, shared);
          set({ ...ready, error });
        });
        set(ready);
      },
      (thrown) => {
        shared.progress.delete(onProgress);
        forget(held, shared);
        if (mounted) set({ ...OPENING, loading: false, error: asKindexError(thrown) });
      },
    );
    return () => {
      mounted = false;
      shared.progress.delete(onProgress);
      stopListening();
      release(held, shared);
    };
  }, [wanted]);

  useEffect(() => refresh(key, options));

  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  // Until the effect has run for them, a state of other options is nobody's.
  return { ...(of === wanted ? state : OPENING), retry };
}
