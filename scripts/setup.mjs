// Provides everything that building (and, with `test`, testing) needs. Safe to repeat; quick when
// nothing is to do. Assumes Node 20, a C compiler, and rustup or Debian.
//
//   node scripts/setup.mjs [build|test]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideBrowser } from './browsers.mjs';
import { pathWith, root, tools } from './paths.mjs';
import { capture, Failure, isProgram, main, must, which } from './process.mjs';
import { provideRust } from './rust.mjs';

const WASM_PACK = '0.15.1';

/** Level 'build' suffices to build and start; 'test' adds browsers. Resolves to the toolchains. */
export async function setUp(level = 'build') {
  const started = Date.now();
  requireNode();
  await installPackages();
  const rust = await provideRust();
  await provideTool(rust.native, 'wasm-pack', WASM_PACK, ['--locked']);
  // The published crate's lock file is left aside: it names crate versions that have been yanked.
  await provideTool(
    rust.native,
    'wasm-bindgen-cli',
    lockedVersion('wasm-bindgen'),
    [],
    'wasm-bindgen',
  );
  await fetchModel();
  if (level === 'test') for (const name of ['chromium', 'firefox']) await provideBrowser(name);
  console.log(
    `set-up: ${rust.wasm.label}; done in ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  return rust;
}

function requireNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new Failure(`Node 20 or later is needed; this is ${process.version}`);
  if (!which('cc'))
    throw new Failure('a C compiler is needed; on Debian run: apt-get install gcc libc6-dev');
}

/** `npm ci`, unless the packages were installed from this very lock file. */
async function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.kindex-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('packages: npm ci');
  await must('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
  writeFileSync(stamp, lock);
}

/** Builds a Rust tool of exactly this version into the cache. */
async function provideTool(rust, crate, version, flags, executable = crate) {
  const path = join(tools, 'bin', executable);
  if (capture(path, ['--version'])?.split(' ')[1] === version) return;
  console.log(`tools: building ${crate} ${version} into ${tools} (once; a few minutes)`);
  mkdirSync(tools, { recursive: true });
  const args = ['install', crate, '--version', version, '--root', tools, '--force', ...flags];
  await must('cargo', args, { env: rust.env });
}

/** The version of a crate that Cargo.lock holds: the tool must equal the library. */
function lockedVersion(crate) {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const version = new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock)?.[1];
  if (!version) throw new Failure(`Cargo.lock does not hold ${crate}`);
  return version;
}

/** The demo's embedding model. Without it the page still searches by example word. */
async function fetchModel() {
  const script = join(root, 'scripts', 'fetch-model.mjs');
  if (!existsSync(script)) return;
  try {
    await must(process.execPath, [script], { seconds: 900 });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(`model: ${error.message}; the demo will offer search by example word only`);
  }
}

/** The environment in which wasm-pack finds its tools. */
export const wasmToolEnvironment = (rust) => ({
  ...rust.wasm.env,
  PATH: `${join(tools, 'bin')}:${rust.wasm.env.PATH ?? pathWith()}`,
});

if (isProgram(import.meta.url)) {
  await main(async () => {
    const level = process.argv[2] ?? 'build';
    if (!['build', 'test'].includes(level))
      throw new Failure(`unknown level "${level}": build or test`);
    await setUp(level);
  });
}
