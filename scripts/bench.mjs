// `npm run bench`: measures the package beside other libraries in Chromium. `-- --help` says what can be chosen.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { provideBrowser } from './browsers.mjs';
import { build } from './build.mjs';
import { pkg, root } from './paths.mjs';
import { Failure, main } from './process.mjs';
import { CONTENT_SECURITY_POLICY, serve } from './serve.mjs';

const source = join(root, 'benches', 'browser');
const out = join(root, 'target', 'bench-browser');
const pages = join(out, 'pages');
const data = join(out, 'data');

/** hnswlib-wasm and edgevec make functions out of strings. */
const POLICY = CONTENT_SECURITY_POLICY.replace(
  "'wasm-unsafe-eval'",
  "'wasm-unsafe-eval' 'unsafe-eval'",
);

async function bench() {
  if (process.argv.includes('--help')) {
    console.log((await runner()).HELP);
    return;
  }
  const { readOptions, run, markdown, json } = await runner();
  const options = chosen(readOptions);
  if (options.build) await build();
  else if (!existsSync(join(pkg, 'index.js')))
    throw new Failure('there is no pkg/ yet: npm run build');
  const chromium = await provideBrowser('chromium');
  await bundlePages();
  const folders = { '/': pages, '/data/': data, '/kindex/': pkg };
  const isolated = await serve(folders, { policy: POLICY });
  const plain = await serve(folders, { policy: POLICY, isolated: false });
  const folder = resolve(options.out);
  mkdirSync(folder, { recursive: true });
  try {
    const results = await run(options, {
      root,
      chromium,
      dataFolder: data,
      isolatedUrl: isolated.url,
      plainUrl: plain.url,
      save(soFar) {
        writeFileSync(join(folder, 'browser.md'), markdown(soFar));
        writeFileSync(join(folder, 'browser.json'), json(soFar));
      },
    });
    console.log(`\n${markdown(results)}`);
  } finally {
    await Promise.all([isolated.close(), plain.close()]);
  }
}

function chosen(readOptions) {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    throw new Failure(`${error.message}; see: npm run bench -- --help`);
  }
}

/** The part that runs here is TypeScript too. */
async function runner() {
  const { build: bundle } = await import('esbuild');
  const outfile = join(out, 'runner.mjs');
  await bundle({
    entryPoints: [join(source, 'main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

async function bundlePages() {
  const { build: bundle } = await import('esbuild');
  rmSync(pages, { recursive: true, force: true });
  await bundle({
    entryPoints: ['page', 'worker'].map((name) => join(source, 'page', `${name}.ts`)),
    outdir: pages,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'error',
    plugins: [packageAsPublished],
  });
  cpSync(join(source, 'index.html'), join(pages, 'index.html'));
  const rivals = join(pages, 'rivals');
  mkdirSync(rivals);
  for (const file of ['edgevec/edgevec_bg.wasm', 'voy-search/voy_search_bg.wasm'])
    cpSync(join(root, 'node_modules', file), join(rivals, file.split('/')[1]));
}

/** The package is served beside the pages, file for file as npm publishes it. */
const packageAsPublished = {
  name: 'package-as-published',
  setup(builder) {
    const files = { kindex: '/kindex/index.js', 'kindex/core': '/kindex/core.js' };
    builder.onResolve({ filter: /^kindex(\/core)?$/ }, ({ path }) => ({
      path: files[path],
      external: true,
    }));
  },
};

await main(bench);
