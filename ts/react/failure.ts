import { KindexError } from '../index.js';

/** Any thrown thing as the `KindexError` that the page's own import of the package knows. */
export function asKindexError(thrown: unknown): KindexError {
  if (thrown instanceof KindexError) return thrown;
  return new KindexError('CRASHED', String(thrown), { cause: thrown });
}
