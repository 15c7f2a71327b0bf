// The types in pkg/: of all declarations that tsc writes, those that an entry of the package leads to.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { bin, pkg, root } from './paths.mjs';
import { must } from './process.mjs';

/** `from './a.js'` and `import('./a.js')`. */
const IMPORTED = /((?:from|import)\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\.js\2/g;

/** Declarations for `import`; and for `require`, which resolves by other endings, the same again. */
export async function writeDeclarations() {
  const all = join(root, 'target', 'types');
  rmSync(all, { recursive: true, force: true });
  await must(join(bin, 'tsc'), ['--project', 'tsconfig.build.json', '--outDir', all]);
  const types = join(pkg, 'types');
  const entries = entriesIn(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports);
  for (const [ending, as] of [
    ['.d.ts', (text) => text],
    ['.d.cts', (text) => text.replace(IMPORTED, '$1$2$3.cjs$2')],
  ]) {
    const starts = entries
      .filter((entry) => entry.endsWith(ending))
      .map((entry) => join(all, relative(types, join(root, entry)).replace(ending, '.d.ts')));
    for (const file of reachable(starts)) {
      const to = join(types, relative(all, file).replace(/\.d\.ts$/, ending));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, as(readFileSync(file, 'utf8')));
    }
  }
}

/** What the conditions of `exports` name as types. */
function entriesIn(conditions) {
  if (typeof conditions !== 'object') return [];
  return Object.entries(conditions).flatMap(([name, value]) =>
    name === 'types' ? [value] : entriesIn(value),
  );
}

/** Files that declarations import, and what those import. */
function reachable(starts) {
  const found = new Set(starts);
  for (const file of found) {
    for (const [, , , path] of readFileSync(file, 'utf8').matchAll(IMPORTED)) {
      const next = resolve(dirname(file), `${path}.d.ts`);
      // A declaration of what is no TypeScript of ours stands beside it.
      if (existsSync(next)) found.add(next);
    }
  }
  return found;
}
