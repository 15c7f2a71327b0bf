// `npm run test:arm`: the core's own tests and its fingerprints as 64-bit ARM, with the kernels for NEON, under an
// emulator. On such a machine `cargo test` does the same.
//
//   npm run test:arm                     all of them: two minutes, after building `std` and the core
//   npm run test:arm -- kernel::tests    those whose names contain this
//
// Needs qemu's user emulation and a linker with the C library for ARM. `std` is built from its source.
import { join } from 'node:path';
import { root } from './paths.mjs';
import { Failure, main, must, which } from './process.mjs';
import { provideRust } from './rust.mjs';

const TARGET = 'aarch64-unknown-linux-gnu';
const EMULATOR = 'qemu-aarch64-static';
const LINKER = 'aarch64-linux-gnu-gcc';
const DEBIAN_PACKAGES = 'qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross';

await main(async () => {
  for (const program of [EMULATOR, LINKER])
    if (!which(program))
      throw new Failure(
        `${program} is not installed; on Debian: apt-get install ${DEBIAN_PACKAGES}`,
      );
  const { wasm } = await provideRust();
  const env = {
    ...wasm.env,
    // A toolchain with the source of `std` has what wasm32 with threads needs as well; using it is unstable.
    RUSTC_BOOTSTRAP: '1',
    CARGO_TARGET_DIR: join(root, 'target', 'arm'),
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: LINKER,
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: `${EMULATOR} -L /usr/aarch64-linux-gnu`,
  };
  const std = ['-Z', 'build-std=std,panic_unwind,test', '--target', TARGET];
  const tests = ['-p', 'kindex', '--lib', '--test', 'wasm_same_bytes'];
  await must('cargo', ['test', ...std, ...tests, '--', ...process.argv.slice(2)], { env });
});
