import { KindexError } from './errors.js';
import type { EngineOptions } from './types.js';
import type { Client } from './worker/client.js';

/** What an entry point brings: the wasm, a place for it to run, and storage. */
export interface Runtime {
  /** Starts an engine for this page or process. */
  start(options: EngineOptions): Promise<Client>;
  /** Starts an engine on this thread, which alone can call a caller's own storage adapter. */
  startInPlace(options: EngineOptions): Promise<Client>;
}

let provided: Runtime | undefined;
let shared: Promise<Client> | undefined;
let inPlace: Promise<Client> | undefined;

/** Called once by the entry point that was imported. */
export function provideRuntime(runtime: Runtime): void {
  provided = runtime;
}

/**
 * The engine of this page or process; all collections share it, for wasm memories are few. The first call decides
 * its options. An engine that has crashed is replaced.
 *
 * @param here whether it must run on this thread
 */
export async function engine(options: EngineOptions, here: boolean): Promise<Client> {
  if (!provided)
    throw new KindexError(
      'UNSUPPORTED',
      "import Collection from 'kindex', not from one of its files",
    );
  const current = here ? inPlace : shared;
  if (current) {
    const client = await current.catch(() => undefined);
    if (client && !client.failure) return client;
    // Whoever waited beside us may already have started the next one.
    const replaced = here ? inPlace : shared;
    if (replaced !== current && replaced) return engine(options, here);
  }
  const started = here ? provided.startInPlace(options) : provided.start(options);
  if (here) inPlace = started;
  else shared = started;
  return started;
}
