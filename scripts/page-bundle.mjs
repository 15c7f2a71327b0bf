// Bundles what browsers load, as small as it gets.
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { joinEntry, partsInside, partsKnow } from './bundle-parts.mjs';
import { pkg } from './paths.mjs';
import { Failure } from './process.mjs';

/**
 * Writes each entry as one file into pkg/.
 *
 * @param entries the source of each, by name
 */
export async function bundlePages(entries) {
  await write(await bundle({ entryPoints: entries }));
}

/**
 * Writes an entry, and beside it a file for each part that it loads when somebody first asks for it.
 *
 * @param name of the entry
 */
export async function bundleInParts(name, entry) {
  const files = await bundle({
    entryPoints: { [name]: 'kindex:entry' },
    splitting: true,
    chunkNames: 'page-[name]-[hash]',
    plugins: [lightGlue, partsKnow(entry)],
  });
  await write(joinEntry(files, `${name}.js`));
}

/** Texts and maps by name. */
async function bundle(options) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    minify: true,
    // The maps stay here, for whoever looks into a file.
    sourcemap: 'external',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [lightGlue, partsInside],
    outdir: pkg,
    write: false,
    ...options,
  });
  return new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
}

/** What esbuild has minified becomes 3 % smaller by a second pass. */
async function write(files) {
  const { minify } = await import('terser');
  const scripts = [...files.keys()].filter((name) => name.endsWith('.js'));
  await Promise.all(
    scripts.map(async (name) => {
      const { code, map } = await minify(files.get(name), {
        module: true,
        ecma: 2022,
        compress: { passes: 2 },
        sourceMap: { content: files.get(`${name}.map`) },
      });
      await Promise.all([
        writeFile(join(pkg, name), code),
        writeFile(join(pkg, `${name}.map`), map),
      ]);
    }),
  );
}

/**
 * wasm-bindgen's glue without what keeps classes in a bundle that does not use them: their registration for the
 * collector, and a method that nobody calls.
 */
const lightGlue = {
  name: 'light-glue',
  setup({ onLoad }) {
    onLoad({ filter: /generated[/\\]\w+\.js$/ }, async ({ path }) => {
      const glue = await readFile(path, 'utf8');
      const contents = glue
        .replace(/^if \(Symbol\.dispose\) .*$/gm, '')
        .replaceAll('new FinalizationRegistry', '/* @__PURE__ */ new FinalizationRegistry');
      if (contents.length === glue.length) throw new Failure(`${path} has another form`);
      return { contents };
    });
  },
};
