// Finds or provides the Rust toolchains: one for native code, one that can build wasm32 with threads.
//
// Threads need `std` itself rebuilt with atomics, so the source of `std` must be there. rustup brings
// it; where rustup can't reach its server, Debian packages a compiler together with that source.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathWith, root } from './paths.mjs';
import { aptInstall, capture, Failure, mustAsRoot, run, which } from './process.mjs';

const WASM = 'wasm32-unknown-unknown';
const DEBIAN_TOOLCHAIN = 'kindex-debian';
const DEBIAN_PACKAGES = ['rustc-web', 'cargo-web', 'rust-web-src'];
const DOWNLOAD_SECONDS = 900;

/** The release every build uses, from the `rust-version` of Cargo.toml. */
export function pinnedRelease() {
  const manifest = readFileSync(join(root, 'Cargo.toml'), 'utf8');
  const version = /^rust-version = "(\d+\.\d+)(\.\d+)?"/m.exec(manifest);
  if (!version) throw new Failure('Cargo.toml names no rust-version');
  return `${version[1]}${version[2] ?? '.0'}`;
}

/**
 * The two toolchains as environments for child processes.
 * `wasm.prebuiltStd` says whether `std` for wasm32 comes with the toolchain.
 * With `install: false` nothing is fetched, and what is missing is a `Failure`.
 */
export async function provideRust({ install = true } = {}) {
  const release = pinnedRelease();
  const rustup = which('rustup');
  const wanted = process.env.KINDEX_RUST; // 'debian' leaves rustup's own toolchains aside
  if (rustup && wanted !== 'debian') {
    let pinned = inspect(release);
    if (!isComplete(pinned) && install) {
      console.log(`rust: fetching ${release} with the source of std and ${WASM} through rustup`);
      await fetchPinned(rustup, release);
      pinned = inspect(release);
    }
    if (isComplete(pinned)) {
      const env = environment(rustup, release);
      return {
        native: { env, label: pinned.label },
        wasm: { env, label: pinned.label, prebuiltStd: true },
      };
    }
    console.log('rust: rustup could not provide it; turning to the packages of this system');
  }
  const wasm = await provideDebian(rustup, install);
  return { native: nativeBeside(rustup, release, wasm), wasm };
}

function environment(rustup, toolchain, ...folders) {
  return {
    PATH: pathWith(...folders, dirname(rustup)),
    RUSTUP_TOOLCHAIN: toolchain,
    RUSTUP_AUTO_INSTALL: '0',
  };
}

/** What rustup's toolchain of that name holds, or undefined when there is none. */
function inspect(toolchain) {
  const env = { RUSTUP_TOOLCHAIN: toolchain, RUSTUP_AUTO_INSTALL: '0' };
  const sysroot = capture('rustc', ['--print', 'sysroot'], { env });
  if (!sysroot) return undefined;
  const library = join(sysroot, 'lib', 'rustlib');
  const wasmLibraries = join(library, WASM, 'lib');
  return {
    label: capture('rustc', ['--version'], { env }),
    source: existsSync(join(library, 'src', 'rust', 'library', 'std')),
    wasmStd:
      existsSync(wasmLibraries) &&
      readdirSync(wasmLibraries).some((name) => name.startsWith('libstd-')),
    lints: ['cargo-clippy', 'rustfmt'].every((name) => existsSync(join(sysroot, 'bin', name))),
  };
}

const isComplete = (toolchain) => toolchain?.source && toolchain.wasmStd && toolchain.lints;

async function fetchPinned(rustup, release) {
  const components = ['--component', 'rust-src', '--component', 'clippy', '--component', 'rustfmt'];
  const args = [
    'toolchain',
    'install',
    release,
    '--profile',
    'minimal',
    '--no-self-update',
    '--target',
    WASM,
  ];
  // Without a network rustup tries again and again; one retry and a limit keep the fallback near.
  await run(rustup, [...args, ...components], {
    env: { RUSTUP_MAX_RETRIES: '1' },
    seconds: DOWNLOAD_SECONDS,
  });
}

/** Debian's matching compiler and source of `std`, with a linker for wasm. */
async function provideDebian(rustup, install) {
  const missing = () =>
    !existsSync('/usr/bin/cargo') || !existsSync('/usr/lib/rustlib/src/rust/library/std');
  const why = `building wasm32 needs Rust ${pinnedRelease()} with rust-src (through rustup), or Debian's rustc-web`;
  if (missing()) {
    if (!install) throw new Failure(`${why}; run: npm run setup`);
    console.log(`rust: installing ${DEBIAN_PACKAGES.join(', ')}`);
    await aptInstall(DEBIAN_PACKAGES, why);
    if (missing()) throw new Failure(`${why}; installing the packages did not bring it`);
  }
  // wasm-pack only looks whether this folder is there. `std` is rebuilt in any case.
  const libraries = `/usr/lib/rustlib/${WASM}/lib`;
  if (!existsSync(libraries))
    await mustAsRoot('mkdir', ['-p', libraries], `wasm-pack looks for ${libraries}`);

  const linker = await wasmLinker(rustup, install);
  const label = capture('/usr/bin/rustc', ['--version']);
  if (!rustup) return { env: { PATH: pathWith(linker, '/usr/bin') }, label, prebuiltStd: false };
  if (!inspect(DEBIAN_TOOLCHAIN)) {
    const linked = capture(rustup, ['toolchain', 'link', DEBIAN_TOOLCHAIN, '/usr']);
    if (linked === undefined)
      throw new Failure('rustup could not link the compiler in /usr as a toolchain');
  }
  return { env: environment(rustup, DEBIAN_TOOLCHAIN, linker), label, prebuiltStd: false };
}

/** A folder that holds `rust-lld`: any rustup toolchain has one. */
async function wasmLinker(rustup, install) {
  if (rustup) {
    const toolchains = (capture(rustup, ['toolchain', 'list']) ?? '').split('\n');
    for (const line of toolchains) {
      const env = { RUSTUP_TOOLCHAIN: line.split(' ')[0], RUSTUP_AUTO_INSTALL: '0' };
      const sysroot = capture('rustc', ['--print', 'sysroot'], { env });
      const host = /host: (\S+)/.exec(capture('rustc', ['-vV'], { env }) ?? '')?.[1];
      const folder = join(sysroot ?? '', 'lib', 'rustlib', host ?? '', 'bin');
      if (existsSync(join(folder, 'rust-lld'))) return folder;
    }
  }
  const why = 'building wasm32 needs the linker rust-lld, or lld of a matching LLVM';
  const found = which('rust-lld') ?? which('wasm-ld');
  if (found) return dirname(found);
  if (install) await aptInstall(['lld'], why);
  const installed = which('wasm-ld');
  if (!installed) throw new Failure(why);
  return dirname(installed);
}

/** Native code keeps rustup's compiler where it is recent enough: it has clippy and rustfmt. */
function nativeBeside(rustup, release, wasm) {
  const candidates = rustup ? [release, undefined] : [];
  for (const toolchain of candidates) {
    const env = { ...(toolchain && { RUSTUP_TOOLCHAIN: toolchain }), RUSTUP_AUTO_INSTALL: '0' };
    const label = capture('rustc', ['--version'], { env });
    if (label && isAtLeast(label, release)) {
      return { env: { ...env, PATH: pathWith(dirname(rustup)) }, label };
    }
  }
  return { env: wasm.env, label: wasm.label };
}

function isAtLeast(label, release) {
  const [have, want] = [label.split(' ')[1], release].map((text) =>
    text.split('.').map((part) => parseInt(part, 10)),
  );
  return have[0] > want[0] || (have[0] === want[0] && have[1] >= want[1]);
}
