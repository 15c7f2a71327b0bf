// Builds the demo page of www/ into target/www. The page imports 'kindex' by its name; the package is
// served beside it, file for file as npm publishes it.
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pkg, root, site } from './paths.mjs';

const source = join(root, 'www');

export async function buildSite() {
  const { build } = await import('esbuild');
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  const entries = ['main.ts', 'embed-worker.ts', 'style.css'].map((name) => join(source, name));
  await build({
    entryPoints: entries.filter(existsSync),
    outdir: site,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    legalComments: 'linked',
    logLevel: 'warning',
    plugins: [packageBesideThePage],
  });
  cpSync(pkg, join(site, 'kindex'), { recursive: true, filter: (path) => !path.endsWith('types') });
  for (const name of ['index.html', 'favicon.svg', 'data', 'public']) {
    const from = join(source, name);
    if (existsSync(from))
      cpSync(from, name === 'public' ? site : join(site, name), { recursive: true });
  }
}

const packageBesideThePage = {
  name: 'package-beside-the-page',
  setup(build) {
    build.onResolve({ filter: /^kindex$/ }, () => ({ path: './kindex/index.js', external: true }));
  },
};
