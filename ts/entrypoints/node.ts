import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KindexError } from '../errors.js';
import { provideRuntime } from '../runtime.js';
import { Storages } from '../storage/choose.js';
import { FileStorage } from '../storage/file.js';
import type { EngineOptions } from '../types.js';
import { hasRelaxedSimd } from '../worker/features.js';
import { connectSingle } from '../worker/single.js';
import { assertSimd } from '../worker/wasm-source.js';

export * from '../index.js';
export { FileStorage };

/** A joined path, because some bundlers of server code follow `new URL(..., import.meta.url)` and fail. */
function wasmPath({ wasmUrl }: EngineOptions): string {
  const best = hasRelaxedSimd() ? 'kindex-relaxed.wasm' : 'kindex.wasm';
  if (wasmUrl === undefined) return join(dirname(fileURLToPath(import.meta.url)), best);
  const path =
    wasmUrl instanceof URL || wasmUrl.startsWith('file:') ? fileURLToPath(wasmUrl) : wasmUrl;
  return path.endsWith('/') ? join(path, best) : path;
}

async function start(options: EngineOptions) {
  assertSimd();
  const path = wasmPath(options);
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(await readFile(path));
  } catch (cause) {
    throw new KindexError(
      'UNSUPPORTED',
      `the wasm can't be read from ${path} (${cause}); see the option 'wasmUrl'`,
      {
        cause,
      },
    );
  }
  return connectSingle(module, nodeStorages());
}

function nodeStorages(): Storages {
  const make = (folder?: string) => new FileStorage(folder);
  const problem = (folder?: string) => make(folder).problem();
  return new Storages([{ kind: 'file', places: true, make, problem }]);
}

provideRuntime({ start, startInPlace: start });
