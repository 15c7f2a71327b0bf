// Parts: modules that are imported where they are first needed, in `import()`.
import { readFile } from 'node:fs/promises';
import { Failure } from './process.mjs';

/** The last line of a module that esbuild has minified. */
const EXPORTS = /export\{([^}]*)\};?\s*$/;

/** Imports all parts at once, for files that are not loaded over a network or must be one. */
export const partsInside = {
  name: 'parts-inside',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const imports = [];
      const contents = source.replace(/(?<!typeof )\bimport\('(\.[^']+)'\)/g, (_, part) => {
        imports.push(`import * as part${imports.length} from '${part}';`);
        return `Promise.resolve(part${imports.length - 1})`;
      });
      return imports.length === 0
        ? undefined
        : { contents: [contents, ...imports].join('\n'), loader: 'ts' };
    });
  },
};

/**
 * Lets every part import whatever the entry has anyway, so that esbuild puts all of that into one file. By itself it
 * makes one for each set of parts that share a module.
 */
export function partsKnow(entry) {
  return {
    name: 'parts-know-the-entry',
    setup({ onResolve, onLoad, resolve }) {
      const parts = new Set();
      onResolve({ filter: /^kindex:entry$/ }, () => ({ path: entry, sideEffects: true }));
      onResolve({ filter: /^\./ }, async ({ kind, path, resolveDir, importer, pluginData }) => {
        if (kind !== 'dynamic-import' || pluginData === parts) return undefined;
        const found = await resolve(path, { kind, resolveDir, importer, pluginData: parts });
        parts.add(found.path);
        return found;
      });
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!parts.has(path)) return undefined;
        const source = await readFile(path, 'utf8');
        return { contents: `${source}\nimport 'kindex:entry';`, loader: 'ts' };
      });
    },
  };
}

/**
 * Makes one file of the entry, which only passes on names, and the file behind it: a page would wait for one after
 * the other, and bundlers that skip modules without effects would skip the call that provides the runtime.
 */
export function joinEntry(files, entry) {
  const shell = files.get(entry);
  const [, passed, behind] = /^import\{([^}]*)\}from"\.\/([^"]+)";/.exec(shell) ?? [];
  const [, published] = EXPORTS.exec(shell) ?? [];
  const [, inner] = EXPORTS.exec(files.get(behind) ?? '') ?? [];
  if (!published || !inner) throw new Failure(`${entry} has another form`);
  const exportedAs = renamed(passed);
  const ownName = renamed(inner);
  const names = published.split(',').map((pair) => {
    const [local, name = local] = pair.split(' as ');
    return `${ownName.get(exportedAs.get(local))} as ${name}`;
  });
  const joined = files.get(behind).replace(EXPORTS, `export{${[inner, ...names].join(',')}};`);
  files.set(`${entry}.map`, files.get(`${behind}.map`));
  files.delete(behind);
  for (const [name, text] of files)
    files.set(name, text.replaceAll(`"./${behind}"`, `"./${entry}"`));
  return files.set(entry, joined);
}

/** The left side of each `a as b`, by its right side. */
function renamed(list) {
  return new Map(
    list.split(',').map((pair) => {
      const [left, right = left] = pair.split(' as ');
      return [right, left];
    }),
  );
}
