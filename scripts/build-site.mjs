// Builds the demo page of www/ into target/www. The page imports 'kindex' by its name; the package is
// served beside it, file for file as npm publishes it.
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { modelsFolder } from './fetch-model.mjs';
import { pkg, root, site } from './paths.mjs';

const source = join(root, 'www');
const BUNDLED = /^(main|.*\.worker)\.ts$|\.css$/;
const COPIED = /^data$|\.html$/;

/** What the demo's server serves where: the page, the sentence model, and the run-time of the model. */
export const siteFolders = {
  '/': site,
  '/models/': modelsFolder(),
  '/ort/': join(root, 'node_modules', 'onnxruntime-web', 'dist'),
};

export async function buildSite() {
  const { build } = await import('esbuild');
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  const names = readdirSync(source);
  await build({
    entryPoints: names.filter((name) => BUNDLED.test(name)).map((name) => join(source, name)),
    outdir: site,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    legalComments: 'linked',
    logLevel: 'warning',
    external: ['*.woff2', '*.svg'],
    // The run-time without WebGPU: half the download, and all that a sentence at a time needs.
    alias: { 'onnxruntime-web/webgpu': 'onnxruntime-web/wasm' },
    plugins: [packageBesideThePage],
  });
  for (const name of names.filter((each) => COPIED.test(each))) {
    cpSync(join(source, name), join(site, name), { recursive: true });
  }
  cpSync(join(source, 'public'), site, { recursive: true });
  for (const name of readdirSync(pkg).filter((each) => /\.(js|wasm)$/.test(each))) {
    cpSync(join(pkg, name), join(site, 'kindex', name));
  }
}

const packageBesideThePage = {
  name: 'package-beside-the-page',
  setup(build) {
    build.onResolve({ filter: /^kindex$/ }, () => ({ path: './kindex/index.js', external: true }));
  },
};
