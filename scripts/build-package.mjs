// Bundles the TypeScript and the wasm files into pkg/, which is what npm publishes.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { variants } from './build-wasm.mjs';
import { bin, generated, pkg, root } from './paths.mjs';
import { must } from './process.mjs';

const entrypoint = (name) => join(root, 'ts', 'entrypoints', `${name}.ts`);

export async function buildPackage() {
  const { build } = await import('esbuild');
  rmSync(pkg, { recursive: true, force: true });
  mkdirSync(pkg, { recursive: true });
  const common = {
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [wasmBesideTheBundle],
  };
  const web = { ...common, platform: 'browser' };
  // What pages load. The maps stay here, for whoever looks into one of them.
  const page = { ...web, minify: true, sourcemap: 'external' };
  const node = { ...common, platform: 'node', target: 'node20' };
  await Promise.all([
    // The engine in place is a file of its own, which a page with workers never loads. Built without `slim`: what
    // they share would leave index.js, and with it bundlers the call that provides the runtime.
    build({
      ...page,
      splitting: true,
      chunkNames: 'page-[hash]',
      entryPoints: { index: entrypoint('browser') },
      outdir: pkg,
    }),
    build({ ...page, entryPoints: { slim: entrypoint('slim') }, outdir: pkg }),
    build({ ...page, entryPoints: { core: entrypoint('core') }, outdir: pkg }),
    build({ ...page, entryPoints: { repair: entrypoint('repair') }, outdir: pkg }),
    // Both are loaded into one isolate, and share the class of the errors.
    build({
      ...web,
      splitting: true,
      chunkNames: 'edge-[hash]',
      entryPoints: {
        workerd: entrypoint('workerd'),
        'durable-object': entrypoint('durable-object'),
      },
      outdir: pkg,
    }),
    // Glue, thread helper and host in one file: it starts its own threads from its own address.
    build({
      ...page,
      entryPoints: [join(root, 'ts', 'worker', 'worker.ts')],
      outfile: join(pkg, 'worker.js'),
    }),
    build({
      ...node,
      entryPoints: {
        node: entrypoint('node'),
        'node-worker': join(root, 'ts', 'worker', 'node-worker.ts'),
      },
      outdir: pkg,
    }),
    build({
      ...node,
      ...commonJs,
      entryPoints: [entrypoint('node')],
      outfile: join(pkg, 'node.cjs'),
    }),
    // Embedders, which need neither engine nor storage; Transformers.js is the user's own.
    build({
      ...web,
      entryPoints: {
        transformers: entrypoint('transformers'),
        'openai-compatible': entrypoint('openai-compatible'),
      },
      outdir: pkg,
      external: ['@huggingface/transformers'],
    }),
    // The HTTP handler knows collections by their form only: no engine is in it.
    build({
      ...web,
      entryPoints: { server: join(root, 'ts', 'server', 'index.ts') },
      outdir: pkg,
    }),
    build({
      ...web,
      entryPoints: { react: join(root, 'ts', 'react', 'index.ts') },
      outdir: pkg,
      plugins: [indexIsThePackage],
      external: ['react'],
      // Next must not run hooks on the server.
      banner: { js: "'use client';" },
    }),
    build({
      ...node,
      entryPoints: { 'server-node': join(root, 'ts', 'server', 'node.ts') },
      outdir: pkg,
    }),
  ]);
  for (const { name } of variants)
    copyFileSync(join(generated, `${name}.wasm`), join(pkg, `${name}.wasm`));
  await writeDeclarations();
}

/** CommonJS has no `import.meta.url`; its wasm file is found from `__filename`. */
const commonJs = {
  format: 'cjs',
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** A wasm file that is imported stays an import, of the file beside the bundle. */
const wasmBesideTheBundle = {
  name: 'wasm-beside-the-bundle',
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({
      path: `./${basename(path)}`,
      external: true,
    }));
  },
};

/** What stands on the package imports it by its name, and gets the entry that fits the runtime. */
const indexIsThePackage = {
  name: 'index-is-the-package',
  setup(build) {
    build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path: 'kindex', external: true }));
  },
};

/** Declarations for `import`, and the same again for `require`, which resolves by other endings. */
async function writeDeclarations() {
  const types = join(pkg, 'types');
  await must(join(bin, 'tsc'), ['--project', 'tsconfig.build.json', '--outDir', types]);
  for (const file of declarationsIn(types)) {
    const text = readFileSync(file, 'utf8');
    const common = text.replace(
      /((?:from|import)\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\.js\2/g,
      '$1$2$3.cjs$2',
    );
    writeFileSync(file.replace(/\.d\.ts$/, '.d.cts'), common);
  }
}

function declarationsIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}
