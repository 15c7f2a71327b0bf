import { KindexError } from '../errors.js';
import { hasRelaxedSimd, hasSimd } from './features.js';

/** The four files of wasm, by what they need. */
export interface WasmUrls {
  readonly single: string | URL;
  readonly relaxed: string | URL;
  readonly threads: string | URL;
  readonly threadsRelaxed: string | URL;
}

/** The same files in another folder. */
export function urlsIn(folder: string | URL): WasmUrls {
  const url = (name: string) => new URL(name, new URL(folder, globalThis.location?.href)).href;
  return {
    single: url('kindex.wasm'),
    relaxed: url('kindex-relaxed.wasm'),
    threads: url('kindex-threads.wasm'),
    threadsRelaxed: url('kindex-threads-relaxed.wasm'),
  };
}

/**
 * The file that this engine runs best.
 *
 * @throws KindexError `UNSUPPORTED` without SIMD
 */
export function chooseWasm(urls: WasmUrls, threads: boolean): string | URL {
  assertSimd();
  const relaxed = hasRelaxedSimd();
  if (threads) return relaxed ? urls.threadsRelaxed : urls.threads;
  return relaxed ? urls.relaxed : urls.single;
}

/** @throws KindexError `UNSUPPORTED` */
export function assertSimd(): void {
  if (typeof WebAssembly !== 'object')
    throw new KindexError('UNSUPPORTED', 'Kindex needs WebAssembly, which this runtime has not');
  if (hasSimd()) return;
  throw new KindexError(
    'UNSUPPORTED',
    'Kindex needs WebAssembly with SIMD: Chrome 91, Firefox 89, Safari 16.4, Node 16.4',
  );
}

/**
 * Fetches and compiles, streaming where the server names the type.
 *
 * @throws KindexError `UNSUPPORTED` that names the address and the option that mends it
 */
export async function compileWasm(url: string | URL): Promise<WebAssembly.Module> {
  const advice = "set the option 'wasmUrl' to where your build puts Kindex's wasm files";
  const failed = (what: string, cause?: unknown) =>
    new KindexError('UNSUPPORTED', `the wasm at ${String(url)} ${what}; ${advice}`, { cause });
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin' });
  } catch (cause) {
    // The entry for browsers is what an unknown runtime finds.
    if (typeof fetch !== 'function')
      throw new KindexError(
        'UNSUPPORTED',
        "this runtime fetches no files: import from 'kindex/slim', and hand it the wasm with initialize(module)",
        { cause },
      );
    throw failed(`can't be fetched (${cause})`, cause);
  }
  if (!response.ok) throw failed(`was answered with ${response.status} ${response.statusText}`);
  try {
    const type = response.headers.get('content-type')?.split(';')[0]?.trim();
    if (type === 'application/wasm') return await WebAssembly.compileStreaming(response);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    if (/content security policy|\bCSP\b/i.test(String(cause))) {
      const message = `the page's Content-Security-Policy forbids WebAssembly: script-src needs 'wasm-unsafe-eval' (${cause})`;
      throw new KindexError('UNSUPPORTED', message, { cause });
    }
    throw failed(`does not compile (${cause})`, cause);
  }
}
