// Bundles the TypeScript and the wasm files into pkg/, which is what npm publishes.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { variants } from './build-wasm.mjs';
import { partsInside } from './bundle-parts.mjs';
import { writeDeclarations } from './declarations.mjs';
import { bundleInParts, bundlePages } from './page-bundle.mjs';
import { generated, pkg, root } from './paths.mjs';

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
    plugins: [wasmBesideTheBundle, partsInside],
  };
  const web = { ...common, platform: 'browser' };
  const node = { ...common, platform: 'node', target: 'node20' };
  await Promise.all([
    // The engine in place, and whatever few pages use, are files of their own.
    bundleInParts('index', entrypoint('browser')),
    bundlePages({
      slim: entrypoint('slim'),
      core: entrypoint('core'),
      repair: entrypoint('repair'),
      // Glue, thread helper and host in one file: it starts its own threads from its own address.
      worker: join(root, 'ts', 'worker', 'worker.ts'),
      'worker-single': join(root, 'ts', 'worker', 'worker-single.ts'),
    }),
    build({ ...web, entryPoints: { workerd: entrypoint('workerd') }, outdir: pkg }),
    // Loaded into one isolate with the package, of which it throws the errors.
    build({
      ...web,
      entryPoints: { 'durable-object': entrypoint('durable-object') },
      outdir: pkg,
      plugins: [standsOnThePackage],
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
      plugins: [standsOnThePackage],
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
const standsOnThePackage = {
  name: 'stands-on-the-package',
  setup(build) {
    const filter = /^\.\.\/(index|errors)\.js$/;
    build.onResolve({ filter }, () => ({ path: 'kindex', external: true }));
  },
};
