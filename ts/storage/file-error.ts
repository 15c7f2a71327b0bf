import { KindexError } from '../errors.js';

/** An error of the file system as one of Kindex's. */
export function fileError(thrown: unknown, doing: string): Error {
  // A trap of the wasm while it made a value stays what it is: the host must see it.
  if (thrown instanceof KindexError || thrown instanceof WebAssembly.RuntimeError) return thrown;
  const code = (thrown as { code?: unknown })?.code;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = { cause: thrown };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new KindexError('QUOTA_EXCEEDED', `${doing}: the disk is full (${message})`, cause);
    case 'ENOENT':
      return new KindexError('CORRUPT', `${doing}: a file is missing (${message})`, cause);
    default:
      // What carries a code of its own (the engine's errors do) is not the file system's.
      if (typeof code === 'string' && !/^E[A-Z0-9]+$/.test(code)) return thrown as Error;
      return new KindexError('STORAGE_UNAVAILABLE', `${doing}: ${message}`, cause);
  }
}
