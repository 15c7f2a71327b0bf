/** @module kindex/repair */
import { checkName } from '../arguments.js';
import { KindexError, toKindexError } from '../errors.js';
import initGlue, * as glue from '../generated/repair.js';
import { checkNames, type Names } from '../options.js';
import { browserStorages } from '../storage/browser.js';
import type { StorageAdapter } from '../storage/storage.js';
import type { RepairReport } from '../types.js';
import { repair as mend } from '../worker/repair.js';
import { assertSimd, compileWasm } from '../worker/wasm-source.js';

export { type ErrorCode, KindexError } from '../errors.js';
export type { RepairReport } from '../types.js';

/** Options of {@link repair}. */
export interface RepairOptions {
  /** Default `indexeddb`. */
  readonly storage?: 'indexeddb' | StorageAdapter;
  /** `kindex-repair.wasm`: compiled, as bytes, or its address; default: the file beside this one. */
  readonly wasm?: WebAssembly.Module | BufferSource | URL | string;
}

const OPTIONS: Names<RepairOptions> = { storage: 1, wasm: 1 };

/**
 * Makes a damaged collection anew of everything that is whole, and says of each part what was damaged and what is lost.
 * A collection in which nothing is damaged is left as it is. Runs on the thread that calls it, with a wasm file of its
 * own; close the collection first.
 *
 * @throws KindexError `NOT_FOUND`, `LOCKED`, `QUOTA_EXCEEDED`; `CORRUPT` if not even the manifest or the options are
 * whole. Nothing is changed then
 */
export async function repair(name: string, options: RepairOptions = {}): Promise<RepairReport> {
  checkName(name);
  checkNames('repair', OPTIONS, options);
  assertSimd();
  const { storage = 'indexeddb', wasm } = options;
  const address = wasm ?? new URL('./kindex-repair.wasm', import.meta.url);
  const isAddress = typeof address === 'string' || address instanceof URL;
  await initGlue({ module_or_path: isAddress ? await compileWasm(address) : address });
  const { adapter } = await browserStorages().resolve(storage);
  if (!(await adapter.list()).includes(name))
    throw new KindexError('NOT_FOUND', `there is no collection '${name}'`);
  const store = await adapter.open(name);
  try {
    return await mend(name, store, glue);
  } catch (thrown) {
    throw toKindexError(thrown);
  } finally {
    await store.close();
  }
}
