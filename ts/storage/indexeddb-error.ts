import { type ErrorCode, KindexError } from '../errors.js';

/** What IndexedDB's errors mean, by their name. */
const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  QuotaExceededError: ['QUOTA_EXCEEDED', "the browser's storage for this site is full"],
  ConstraintError: ['CONFLICT', 'another tab has written in the meantime'],
  VersionError: ['NEWER_VERSION', 'it was made by a newer version of Kindex'],
  NotFoundError: ['CORRUPT', 'a part of the database is missing'],
};

/** An error of IndexedDB as a `KindexError`. */
export function storageError(thrown: unknown, doing: string): Error {
  // A trap of the wasm while it made a value stays what it is: the host must see it.
  if (thrown instanceof KindexError || thrown instanceof WebAssembly.RuntimeError) return thrown;
  const name = thrown instanceof Error || thrown instanceof DOMException ? thrown.name : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [code, meaning] = MEANINGS[name] ?? ['STORAGE_UNAVAILABLE', `${name}: ${message}`];
  return new KindexError(code, `${doing}: ${meaning}`, { cause: thrown });
}
