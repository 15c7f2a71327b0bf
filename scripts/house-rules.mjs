// The rules that keep the source in order, each counted as one check. A finding names file and line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { staleBlocks } from './docs-code.mjs';
import { generated, root } from './paths.mjs';
import { capture } from './process.mjs';

const LONGEST_FILE = 600;
/** Gzip bytes a visitor may have to wait for. */
const WASM_BUDGET = { kindex: 200 * 1024, 'kindex-threads': 260 * 1024 };

const rules = [
  {
    sentence: 'the core knows no files, clocks, entropy or browser',
    find: () =>
      matches(
        /^src\/(?!.*\btests\.rs).*\.rs$/,
        /\bstd::(fs|net|env|process|time)\b|\b(getrandom|wasm_bindgen|js_sys|web_sys)\b/,
      ),
  },
  {
    sentence: 'only collection and the crate root know index',
    find: () =>
      matches(/^src\/(?!index(\/|\.rs)|lib\.rs|collection)/, /\bcrate::(index|\{[^}]*\bindex)\b/),
  },
  {
    sentence: 'graph does not know codec; kernel sees slices, and constants of the code format',
    find: () => [
      ...matches(/^src\/graph\//, /\bcrate::codec\b/),
      ...matches(/^src\/kernel\/(?!tests\.rs)/, /\bcrate::(?!kernel\b|quantize::\{?[A-Z_, ]+\}?;)/),
    ],
  },
  {
    sentence: 'unsafe stays in kernel',
    find: () =>
      matches(/^(src\/(?!kernel\/)|crates\/.*\/src\/).*\.rs$/, /\bunsafe\s*(\{|fn|impl|extern)/),
  },
  {
    sentence: 'only entrypoints and the worker touch generated bindings',
    find: () => matches(/^(ts\/(?!entrypoints\/|worker\/)|www\/).*\.ts$/, /\/generated\//),
  },
  {
    sentence: 'nothing is left unfinished',
    find: () =>
      matches(
        /\.(rs|ts|mjs|css|html)$/,
        /\b(todo!|unimplemented!)\(|\b(TODO|FIXME|XXX)\b/,
        'scripts/house-rules.mjs',
      ),
  },
  { sentence: `no source file is longer than ${LONGEST_FILE} lines`, find: longFiles },
  { sentence: 'the wasm files keep their budgets', find: heavyWasm },
  { sentence: 'package.json and Cargo.toml carry the same version', find: unequalVersions },
  { sentence: 'code in the docs is that of the tests, or type-checked', find: staleBlocks },
  {
    sentence: 'the lock file of npm names no host',
    find: () => matches(/^package-lock\.json$/, /"resolved"/),
  },
];

export function checkHouse() {
  const counts = { passed: 0, failed: 0 };
  for (const { sentence, find } of rules) {
    const findings = find();
    counts[findings.length === 0 ? 'passed' : 'failed'] += 1;
    console.log(`${findings.length === 0 ? 'ok    ' : 'FAILED'} ${sentence}`);
    for (const finding of findings) console.log(`         ${finding}`);
  }
  return counts;
}

const tracked =
  capture('git', ['ls-files', '--cached', '--others', '--exclude-standard'])?.split('\n') ?? [];
const readLines = (file) => readFileSync(join(root, file), 'utf8').split('\n');

/** Lines, comments left out, that match in the files that match. */
function matches(files, pattern, except) {
  return tracked
    .filter((file) => files.test(file) && file !== except)
    .flatMap((file) =>
      readLines(file).flatMap((line, i) =>
        pattern.test(line.replace(/^\s*\/\/.*$/, '')) ? [`${file}:${i + 1}: ${line.trim()}`] : [],
      ),
    );
}

function longFiles() {
  return tracked
    .filter((file) => /\.(rs|ts|mjs|css)$/.test(file))
    .map((file) => [file, readLines(file).length - 1])
    .filter(([, lines]) => lines > LONGEST_FILE)
    .map(([file, lines]) => `${file}: ${lines} lines`);
}

function heavyWasm() {
  return Object.entries(WASM_BUDGET).flatMap(([name, budget]) => {
    const size = gzipSync(readFileSync(join(generated, `${name}.wasm`)), { level: 9 }).length;
    return size > budget ? [`${name}.wasm: ${size} bytes of gzip, budget ${budget}`] : [];
  });
}

function unequalVersions() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const cargo = /^version = "([^"]+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1];
  return version === cargo ? [] : [`package.json ${version}, Cargo.toml ${cargo}`];
}
