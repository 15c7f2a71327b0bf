// Installs what the package is tried with: bundlers and runtimes from tests/packaging/tools (into the
// cache, once per lock file), and the package itself, from the tarball that npm would publish (into
// target/consumers, where every consumer finds it as a user's project would). Safe to repeat.
//
//   node scripts/consumers.mjs
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { packPackage } from './package-checks.mjs';
import { cache, root } from './paths.mjs';
import { Failure, isProgram, main, must } from './process.mjs';

/** Where the consumers are put together. */
export const consumers = join(root, 'target', 'consumers');

/**
 * Installs what the lock file of a folder says, without running any script of it, into the cache. Resolves to where
 * it is.
 */
export async function provideModules(source, what) {
  const lock = readFileSync(join(source, 'package-lock.json'));
  const folder = join(cache, `consumers-${digest(lock)}`);
  if (existsSync(join(folder, 'installed'))) return folder;
  console.log(`installing ${what} into ${folder}, once`);
  mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(source, name), join(folder, name));
  // Not `npm ci`: it insists on packages for other systems, which not every registry carries.
  await must('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    seconds: 900,
  });
  writeFileSync(join(folder, 'installed'), '');
  return folder;
}

/** Packs the built package and installs the tarball. Resolves to the tarball's path. */
async function providePackage() {
  const { tarball } = packPackage();
  const stamp = join(consumers, 'node_modules', '.kindex-tarball');
  const hash = digest(readFileSync(tarball));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return tarball;
  console.log('consumers: installing the tarball');
  rmSync(consumers, { recursive: true, force: true });
  mkdirSync(consumers, { recursive: true });
  const manifest = {
    name: 'kindex-consumers',
    private: true,
    type: 'module',
    dependencies: { kindex: `file:${tarball}` },
  };
  writeFileSync(join(consumers, 'package.json'), JSON.stringify(manifest));
  await must(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--omit=peer'],
    {
      cwd: consumers,
      seconds: 300,
    },
  );
  writeFileSync(stamp, hash);
  return tarball;
}

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** Installs both. Resolves to where they are. */
export async function provideConsumers() {
  const tools = await provideModules(
    join(root, 'tests', 'packaging', 'tools'),
    'bundlers and runtimes (about 700 MB)',
  );
  const tarball = await providePackage();
  return { tools, tarball };
}

/** A fresh copy of a consumer's folder, beside the installed package. */
export function copyConsumer(source, name) {
  const folder = join(consumers, name);
  rmSync(folder, { recursive: true, force: true });
  cpSync(source, folder, {
    recursive: true,
    filter: (path) => !/node_modules|\.wrangler/.test(path),
  });
  return folder;
}

/** The programs of the tools. */
export function programsIn(tools) {
  const modules = join(tools, 'node_modules');
  const first = (name, candidates) => {
    const found = candidates.map((path) => join(modules, path)).find(existsSync);
    if (!found)
      throw new Failure(`the tools hold no ${name} for ${process.platform} ${process.arch}`);
    return found;
  };
  const system = `${process.platform}-${process.arch}`;
  return {
    node24: first('Node 24', [`node-${system}/bin/node`]),
    bun: first('Bun', [`@oven/bun-${system}/bin/bun`]),
    deno: first('Deno', [`@deno/${system}-glibc/deno`, `@deno/${system}/deno`]),
    vite8: join(modules, 'vite8', 'bin', 'vite.js'),
    webpack: join(modules, 'webpack-cli', 'bin', 'cli.js'),
    esbuild: join(modules, 'esbuild', 'bin', 'esbuild'),
    wrangler: join(modules, 'wrangler', 'bin', 'wrangler.js'),
  };
}

if (isProgram(import.meta.url)) await main(provideConsumers);
