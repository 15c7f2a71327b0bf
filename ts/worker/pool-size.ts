import { checkInteger } from '../arguments.js';
import { KindexError, show } from '../errors.js';
import type { EngineOptions } from '../types.js';

/** More threads than this share too little work. */
const MOST_THREADS = 32;

/**
 * How many threads the pool gets; 0 where there is none.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function poolSize(
  { threads = 'auto' }: EngineOptions,
  { possible, cores }: { readonly possible: boolean; readonly cores: number },
): number {
  if (threads !== 'auto' && typeof threads !== 'number') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `threads is 'auto' or a number, but is ${show(threads)}`,
    );
  }
  const wanted =
    threads === 'auto'
      ? Math.min(cores || 1, MOST_THREADS)
      : checkInteger('threads', threads, 1, MOST_THREADS);
  return possible && wanted > 1 ? wanted : 0;
}
