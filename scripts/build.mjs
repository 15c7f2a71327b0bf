// `npm run build`: sets up, builds the wasm files, and bundles the package into pkg/.
import { buildPackage } from './build-package.mjs';
import { buildWasm } from './build-wasm.mjs';
import { isProgram, main } from './process.mjs';
import { setUp } from './setup.mjs';

export async function build(level) {
  const rust = await setUp(level);
  const wasm = await buildWasm(rust);
  await buildPackage();
  return { rust, wasm };
}

if (isProgram(import.meta.url)) await main(() => build());
