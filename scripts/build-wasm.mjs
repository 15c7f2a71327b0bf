// Builds crates/wasm into the files of ts/generated: {one thread, threads} x {simd128, relaxed-simd}, and
// one that can also check and repair what is stored.
// wasm-pack compiles and binds, wasm-opt optimises, and each file is measured and held to its promise.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bin, generated, root } from './paths.mjs';
import { capture, Failure, must } from './process.mjs';
import { wasmToolEnvironment } from './setup.mjs';
import { measure, printTable, verify } from './wasm-report.mjs';

const THREAD_LINK_ARGUMENTS = [
  // Since late 2025 `+atomics` alone no longer makes the memory shared.
  ...['--shared-memory', '--import-memory', '--max-memory=4294967296'],
  ...['__wasm_init_tls', '__tls_size', '__tls_align', '__tls_base', '__heap_base'].map(
    (name) => `--export=${name}`,
  ),
];

export const variants = [
  { name: 'kindex', glue: 'single', threads: false, relaxed: false },
  { name: 'kindex-relaxed', glue: 'single', threads: false, relaxed: true },
  { name: 'kindex-threads', glue: 'threads', threads: true, relaxed: false },
  { name: 'kindex-threads-relaxed', glue: 'threads', threads: true, relaxed: true },
  { name: 'kindex-repair', glue: 'repair', threads: false, relaxed: false, salvage: true },
];

/** Builds what has changed, and prints a table of all. */
export async function buildWasm(rust) {
  mkdirSync(generated, { recursive: true });
  const inputs = hashOfInputs(rust.wasm.label);
  const rows = [];
  for (const variant of variants) {
    const stamp = join(generated, `${variant.name}.json`);
    const last = existsSync(stamp) && JSON.parse(readFileSync(stamp, 'utf8'));
    if (last && last.inputs === inputs && existsSync(join(generated, `${variant.name}.wasm`))) {
      rows.push(last);
      continue;
    }
    rmSync(stamp, { force: true });
    const row = { inputs, ...(await buildVariant(variant, rust)) };
    writeFileSync(stamp, JSON.stringify(row));
    rows.push(row);
  }
  checkGlueIsShared();
  writeGlue();
  printTable(rows);
  return rows;
}

async function buildVariant(variant, rust) {
  console.log(`wasm: building ${variant.name}`);
  const out = outputOf(variant);
  rmSync(out, { recursive: true, force: true });
  const cargo = [
    '--no-default-features',
    ...(variant.threads ? ['--features', 'threads'] : []),
    ...(variant.salvage ? ['--features', 'salvage'] : []),
    ...['-Z', 'build-std=std,panic_abort'],
    // Conversions only: small rather than fast. The whole at "s" ran 2.5 times slower.
    ...['--config', 'profile.release.package.kindex-wasm.opt-level="s"'],
  ];
  const args = ['build', 'crates/wasm', '--target', 'web', '--mode', 'no-install', '--release'];
  const files = ['--out-dir', out, '--out-name', 'kindex', '--no-pack', '--no-opt'];
  await must('wasm-pack', [...args, ...files, '--', ...cargo], {
    env: {
      ...wasmToolEnvironment(rust),
      // Lets the stable compiler take -Z build-std.
      RUSTC_BOOTSTRAP: '1',
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: rustFlags(variant),
      // A folder each: the flags differ, and one build would throw out the other's dependencies.
      CARGO_TARGET_DIR: join(root, 'target', 'wasm', variant.name),
    },
  });
  const before = join(out, 'kindex_bg.wasm');
  const after = join(generated, `${variant.name}.wasm`);
  await must(join(bin, 'wasm-opt'), [...optimizerFlags(), before, '-o', after]);
  const row = { name: variant.name, unoptimized: readFileSync(before).length, ...measure(after) };
  verify(row, variant);
  return row;
}

const outputOf = (variant) => join(root, 'target', 'wasm', 'out', variant.name);

function rustFlags({ threads, relaxed }) {
  const features = [
    '+simd128',
    '+bulk-memory',
    ...(relaxed ? ['+relaxed-simd'] : []),
    ...(threads ? ['+atomics', '+mutable-globals'] : []),
  ];
  const link = threads ? THREAD_LINK_ARGUMENTS.map((argument) => `-C link-arg=${argument}`) : [];
  // A panic's message reaches nobody from wasm, where it is a trap either way: without the texts and
  // what formats them, a page loads 10 KB less.
  const panic = ['-Zunstable-options', '-Cpanic=immediate-abort'];
  // The hot loops ask for inlining by themselves; what else gets inlined at 3 is 15 KB, and no faster.
  const inline = '-Cllvm-args=-inline-threshold=5';
  return [`-C target-feature=${features.join(',')}`, ...panic, inline, ...link].join(' ');
}

/** wasm-opt's flags stand in crates/wasm/Cargo.toml, where a bare `wasm-pack build` finds them too. */
function optimizerFlags() {
  const metadata = JSON.parse(
    capture('cargo', ['metadata', '--no-deps', '--format-version', '1']) ?? '{}',
  );
  const crate = metadata.packages?.find(({ name }) => name === 'kindex-wasm');
  const flags = crate?.metadata?.['wasm-pack']?.profile?.release?.['wasm-opt'];
  if (!Array.isArray(flags))
    throw new Failure('crates/wasm/Cargo.toml names no flags for wasm-opt');
  return flags;
}

/** The files of one kind differ in instructions only, so that one glue can drive either. */
function checkGlueIsShared() {
  for (const glue of ['single', 'threads']) {
    const [first, ...others] = variants.filter((variant) => variant.glue === glue);
    for (const other of others) {
      if (readGlue(first) !== readGlue(other)) {
        throw new Failure(
          `the glue of ${first.name} and ${other.name} differs: compare ${outputOf(first)} and ${outputOf(other)}`,
        );
      }
    }
  }
}

const readGlue = (variant) => readFileSync(join(outputOf(variant), 'kindex.js'), 'utf8');

/** Puts the two glues where the TypeScript imports them from. */
function writeGlue() {
  for (const variant of variants.filter(({ relaxed }) => !relaxed)) {
    let glue = readGlue(variant);
    if (variant.threads) {
      // The helper of wasm-bindgen-rayon imports its own package by a path that bundlers can't follow.
      const helper =
        /'\.\/snippets\/wasm-bindgen-rayon-[^']*\/workerHelpers[^']*'|"\.\/snippets\/wasm-bindgen-rayon-[^"]*\/workerHelpers[^"]*"/g;
      if (!helper.test(glue))
        throw new Failure('the threaded glue does not import the helper of wasm-bindgen-rayon');
      glue = glue.replace(helper, "'../worker/start-workers.ts'");
    }
    if (!variant.threads) glue = restartable(glue);
    if (/import\.meta\.url/.test(glue)) {
      throw new Failure(
        `the glue of ${variant.name} looks for its own wasm file, which bundlers would follow`,
      );
    }
    writeFileSync(join(generated, `${variant.glue}.js`), glue);
    copyFileSync(join(outputOf(variant), 'kindex.d.ts'), join(generated, `${variant.glue}.d.ts`));
  }
}

/** On a page without workers an engine that crashed can only be replaced by instantiating anew. */
function restartable(glue) {
  const once = /(function initSync\(module\) \{\s*)if \(wasm !== undefined\) return wasm;\s*/;
  if (!once.test(glue)) throw new Failure('initSync of the glue has changed its form');
  return glue.replace(once, '$1');
}

/** Changes whenever a file that goes into the wasm changes, or the compiler, or this script. */
function hashOfInputs(compiler) {
  const hash = createHash('sha256').update(compiler);
  const files = ['Cargo.toml', 'Cargo.lock', 'crates/wasm/Cargo.toml', 'scripts/build-wasm.mjs'];
  for (const folder of ['src', 'crates/wasm/src']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile())
        files.push(join(entry.parentPath ?? entry.path, entry.name).slice(root.length));
    }
  }
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}
