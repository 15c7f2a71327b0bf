// Packs the package as npm would, and looks at the tarball: what is in it, and how it resolves.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bin, pkg, root } from './paths.mjs';
import { capture, Failure, run } from './process.mjs';

/** Bytes of the packed tarball. */
const BUDGET = 1_600_000;
/** Bytes of gzip that a visitor waits for; with a script comes what it imports. */
const PAGES = [
  {
    what: 'a page on one thread',
    files: ['index.js', 'worker-single.js', 'kindex.wasm'],
    most: 230_000,
  },
  {
    what: 'the same with relaxed SIMD',
    files: ['index.js', 'worker-single.js', 'kindex-relaxed.wasm'],
    most: 230_000,
  },
  {
    what: 'a page with threads',
    files: ['index.js', 'worker.js', 'kindex-threads.wasm'],
    most: 280_000,
  },
  { what: 'kindex/core', files: ['core.js', 'kindex.wasm'], most: 200_000 },
];
const ALLOWED = /^(pkg\/|package\.json$|README\.md$|CHANGELOG\.md$|LICENSE-(APACHE|MIT)$)/;
/** Entries that are not for `import`, which the type checker would take for untyped modules. */
const NOT_TYPED = [
  './worker',
  './worker-single',
  './kindex.wasm',
  './kindex-threads.wasm',
  './kindex-relaxed.wasm',
  './kindex-threads-relaxed.wasm',
  './kindex-repair.wasm',
];

/** Declarations of the entries that need the types of no other package. */
const PLAIN_TYPES = [
  ...['browser', 'workerd', 'core', 'slim', 'repair', 'transformers', 'openai-compatible'].map(
    (name) => `entrypoints/${name}`,
  ),
  'server/index',
].map((path) => join(pkg, 'types', `${path}.d.ts`));

/** Packs what the last build has made. */
export function packPackage() {
  const folder = join(root, 'target', 'pack');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // The build has just run; prepack would run it again.
  const output = capture(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    { seconds: 120 },
  );
  if (!output) throw new Failure('npm pack failed');
  const [packed] = Object.values(JSON.parse(output));
  return { packed, tarball: join(folder, packed.filename) };
}

export async function checkPackage() {
  const { packed, tarball } = packPackage();
  const counts = { passed: 0, failed: 0 };
  const record = (sentence, findings) => {
    counts[findings.length === 0 ? 'passed' : 'failed'] += 1;
    console.log(`${findings.length === 0 ? 'ok    ' : 'FAILED'} ${sentence}`);
    for (const finding of findings) console.log(`         ${finding}`);
  };
  const files = packed.files.map(({ path }) => path);
  record(
    'the tarball holds the package and nothing else',
    files.filter((path) => !ALLOWED.test(path)),
  );
  record(
    'every export leads to a file of the tarball',
    exportedFiles().filter((path) => !files.includes(path)),
  );
  record(
    `the tarball is within its ${BUDGET} bytes (${packed.size})`,
    packed.size > BUDGET ? [`${packed.size} bytes`] : [],
  );
  for (const { what, files: loaded, most } of PAGES) {
    const bytes = withImports(loaded)
      .map((name) => gzipSync(readFileSync(join(pkg, name)), { level: 9 }).length)
      .reduce((sum, length) => sum + length);
    record(
      `${what} loads at most ${most} bytes of gzip (${bytes})`,
      bytes > most ? [loaded.join(', ')] : [],
    );
  }
  record(
    'publint finds nothing',
    (await run(join(bin, 'publint'), ['run', tarball, '--strict'])) === 0 ? [] : ['see above'],
  );
  const attw = [
    tarball,
    '--profile',
    'node16',
    '--format',
    'ascii',
    '--exclude-entrypoints',
    ...NOT_TYPED,
  ];
  // Browser and edge entries are modules only, which a CommonJS caller gets by a dynamic import.
  const types = await run(join(bin, 'attw'), [...attw, '--ignore-rules', 'cjs-resolves-to-esm']);
  record('types resolve for import and require', types === 0 ? [] : ['see above']);
  const plain =
    '--noEmit --strict --target es2022 --lib es2022,dom --module nodenext --ignoreConfig';
  const strict = [...plain.split(' '), '--types', '', ...PLAIN_TYPES];
  const declared = await run(join(bin, 'tsc'), strict);
  record('types need no library but ES2022 and the DOM', declared === 0 ? [] : ['see above']);
  return counts;
}

/** The files, and what they import at once. */
function withImports(files) {
  const all = new Set(files);
  for (const name of all) {
    if (!name.endsWith('.js')) continue;
    const script = readFileSync(join(pkg, name), 'utf8');
    for (const [, imported] of script.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g))
      all.add(imported);
  }
  return [...all];
}

function exportedFiles() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const leaves = (value) =>
    typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves);
  return [...new Set(leaves(exports))].map((path) => path.replace(/^\.\//, ''));
}
