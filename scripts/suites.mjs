// The suites of `npm test`. Each runs a tool, streams its output, and counts what passed and failed.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildDocs } from './docs.mjs';
import { checkTypes } from './docs-code.mjs';
import { checkHouse } from './house-rules.mjs';
import { checkPackage } from './package-checks.mjs';
import { bin, root, tools } from './paths.mjs';
import { run } from './process.mjs';

const CARGO_RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed/;
const NODE_PASSED = /^ℹ pass (\d+)/;
const NODE_FAILED = /^ℹ fail (\d+)/;

export const suites = [
  {
    name: 'format',
    title: 'rustfmt and Biome',
    run: async (rust) =>
      add([
        await cargo(rust, 'fmt', '--all', '--check'),
        await check(join(bin, 'biome'), ['ci', '.']),
      ]),
  },
  {
    name: 'lint',
    title: 'clippy, native and wasm32, and the documentation',
    run: async (rust) =>
      add([
        await cargo(rust, 'clippy', '--workspace', '--all-targets', '--', '-D', 'warnings'),
        await check(
          'cargo',
          wasmArguments(rust, ['clippy', '-p', 'kindex-wasm', '--', '-D', 'warnings']),
          wasmOptions(rust, '+simd128'),
        ),
        await check('cargo', ['doc', '--workspace', '--no-deps'], {
          env: { ...rust.native.env, RUSTDOCFLAGS: '-D warnings' },
        }),
      ]),
  },
  {
    name: 'rust',
    title: 'the core, the bindings and the command, native',
    run: async (rust) =>
      add([
        await countCargo(['test', '--workspace'], { env: rust.native.env }),
        await countCargo(['test', '-p', 'kindex', '--no-default-features'], {
          env: rust.native.env,
        }),
      ]),
  },
  {
    name: 'wasm',
    title: 'the core and the bindings as wasm, with and without simd128',
    run: wasmTests,
  },
  {
    name: 'types',
    title: 'TypeScript, strict, also in the docs',
    needsBuild: true,
    run: async () =>
      add([
        await check(join(bin, 'tsc'), ['--project', 'tsconfig.json', '--noEmit']),
        await checkTypes(),
      ]),
  },
  {
    name: 'unit',
    title: 'TypeScript under Node',
    needsBuild: true,
    run: () => nodeTests(join('tests', 'ts')),
  },
  {
    name: 'browser',
    title: 'the built package and the demo in Chromium and Firefox',
    needsBuild: true,
    run: () => nodeTests(join('tests', 'browser'), '--test-concurrency=1'),
  },
  {
    name: 'package',
    title: 'what npm would publish',
    needsBuild: true,
    run: checkPackage,
  },
  {
    name: 'docs',
    title: 'the site of the API and the guides, without a warning',
    needsBuild: true,
    run: async () => {
      await buildDocs();
      return { passed: 1, failed: 0 };
    },
  },
  {
    name: 'consumers',
    title: 'the tarball, installed and run in bundlers, Node, Deno, Bun and workerd',
    needsBuild: true,
    run: () => nodeTests(join('tests', 'packaging'), '--test-concurrency=1'),
  },
  {
    name: 'consumers-all',
    title: 'Next 16 and Vite 7 besides; run only when asked for',
    needsBuild: true,
    onlyIfNamed: true,
    run: () => nodeTests(join('tests', 'packaging', 'all'), '--test-concurrency=1'),
  },
  {
    name: 'house',
    title: 'the rules that keep the source in order',
    needsBuild: true,
    run: checkHouse,
  },
];

const add = (results) => ({
  passed: results.reduce((sum, result) => sum + result.passed, 0),
  failed: results.reduce((sum, result) => sum + result.failed, 0),
});

/** One command is one check. */
async function check(command, args, options) {
  const failed = (await run(command, args, options)) === 0 ? 0 : 1;
  if (failed) console.error(`failed: ${command} ${args.join(' ')}`);
  return { passed: 1 - failed, failed };
}

const cargo = (rust, ...args) => check('cargo', args, { env: rust.native.env });

async function countCargo(args, options) {
  const counts = { passed: 0, failed: 0 };
  // Without --no-fail-fast the first test program that fails would hide the rest.
  const code = await run('cargo', [...args, '--no-fail-fast'], {
    ...options,
    onLine(line) {
      const found = CARGO_RESULT.exec(line);
      if (!found) return;
      counts.passed += Number(found[1]);
      counts.failed += Number(found[2]);
    },
  });
  return withExitCode(counts, code);
}

async function nodeTests(folder, ...flags) {
  const full = join(root, folder);
  const files = existsSync(full)
    ? readdirSync(full).filter((name) => name.endsWith('.test.ts'))
    : [];
  if (files.length === 0) {
    console.error(`${folder} holds no *.test.ts`);
    return { passed: 0, failed: 1 };
  }
  const counts = { passed: 0, failed: 0 };
  const paths = files.sort().map((name) => join(folder, name));
  const args = ['--import', 'tsx', '--test', '--test-reporter=spec', ...flags, ...paths];
  const code = await run(process.execPath, args, {
    onLine(line) {
      counts.passed += Number(NODE_PASSED.exec(line)?.[1] ?? 0);
      counts.failed += Number(NODE_FAILED.exec(line)?.[1] ?? 0);
    },
  });
  return withExitCode(counts, code);
}

/** A program that ends badly without naming a failed test has failed all the same. */
function withExitCode(counts, code) {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

async function wasmTests(rust) {
  const packages = ['kindex', 'kindex-wasm'].filter((name) => testFilesOf(name).length > 0);
  const results = [];
  for (const features of ['+simd128', '']) {
    for (const name of packages) {
      const files = testFilesOf(name).flatMap((file) => ['--test', file.replace(/\.rs$/, '')]);
      const args = ['test', '-p', name, '--no-default-features', ...files];
      results.push(await countCargo(wasmArguments(rust, args), wasmOptions(rust, features)));
    }
  }
  if (results.length > 0) return add(results);
  console.error('neither tests/wasm_*.rs nor crates/wasm/tests/*.rs exists');
  return { passed: 0, failed: 1 };
}

function testFilesOf(name) {
  const [folder, pattern] =
    name === 'kindex' ? ['tests', /^wasm_.*\.rs$/] : [join('crates', 'wasm', 'tests'), /\.rs$/];
  const full = join(root, folder);
  return existsSync(full) ? readdirSync(full).filter((file) => pattern.test(file)) : [];
}

/** Arguments of a Cargo command for wasm32; `std` is rebuilt where the toolchain has none for it. */
function wasmArguments(rust, [command, ...rest]) {
  if (rust.wasm.prebuiltStd) return [command, '--target', 'wasm32-unknown-unknown', ...rest];
  const std = ['-Z', 'build-std=std,panic_abort'];
  // Without it Cargo builds the tests for unwinding, against a second `core`.
  if (command === 'test') std.push('-Z', 'panic-abort-tests');
  return [command, '--target', 'wasm32-unknown-unknown', ...std, ...rest];
}

function wasmOptions(rust, features) {
  const variable = 'CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN';
  return {
    env: {
      ...rust.wasm.env,
      RUSTC_BOOTSTRAP: '1',
      [`${variable}_RUSTFLAGS`]: features ? `-C target-feature=${features}` : '',
      [`${variable}_RUNNER`]: join(tools, 'bin', 'wasm-bindgen-test-runner'),
    },
  };
}
