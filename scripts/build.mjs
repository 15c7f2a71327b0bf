// `npm run build`: sets up, builds the wasm files, and bundles the package into pkg/.
import { pathToFileURL } from 'node:url';
import { buildPackage } from './build-package.mjs';
import { buildWasm } from './build-wasm.mjs';
import { main } from './process.mjs';
import { setUp } from './setup.mjs';

export async function build(level) {
  const rust = await setUp(level);
  const wasm = await buildWasm(rust);
  await buildPackage();
  return { rust, wasm };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(() => build());
