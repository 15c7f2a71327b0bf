// Fuzzes everything that reads bytes from outside, one target after the other, with libFuzzer.
//
//   npm run fuzz                          five minutes a target
//   npm run fuzz -- --seconds 3600        an hour a target
//   npm run fuzz -- --target log_replay   one of them (may be repeated)
//   npm run fuzz -- --sanitizer address   with AddressSanitizer: four times slower
//
// An input that breaks a target is kept under fuzz/artifacts; moved to fuzz/found/TARGET, every
// `npm test` runs it again. Needs a C++ compiler, for libFuzzer.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathWith, root, tools } from './paths.mjs';
import { capture, Failure, main, must, run } from './process.mjs';
import { provideRust } from './rust.mjs';

const CARGO_FUZZ = '0.13.2';
/** Inputs grow no longer than this: every path is reached by far shorter ones. */
const LONGEST_INPUT = 16384;

await main(async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '300' },
      target: { type: 'string', multiple: true },
      sanitizer: { type: 'string', default: 'none' },
    },
  });
  const all = readdirSync(join(root, 'fuzz', 'fuzz_targets')).map((name) => name.slice(0, -3));
  const unknown = values.target?.find((name) => !all.includes(name));
  if (unknown) throw new Failure(`there is no target "${unknown}"; there are ${all.join(', ')}`);
  if (!/^[1-9]\d*$/.test(values.seconds)) throw new Failure('--seconds expects a whole number');

  const { native } = await provideRust();
  const env = {
    ...native.env,
    PATH: `${join(tools, 'bin')}:${native.env.PATH ?? pathWith()}`,
    // The compiler's own flags for coverage are unstable ones.
    RUSTC_BOOTSTRAP: '1',
    CARGO_PROFILE_RELEASE_LTO: 'off',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
  };
  if (capture('cargo', ['fuzz', '--version'], { env })?.split(' ')[1] !== CARGO_FUZZ) {
    console.log(`tools: building cargo-fuzz ${CARGO_FUZZ} into ${tools} (once)`);
    const install = ['install', 'cargo-fuzz', '--version', CARGO_FUZZ, '--locked', '--force'];
    await must('cargo', [...install, '--root', tools], { env });
  }
  await must('cargo', ['run', '-q', '-p', 'kindex-fuzz', '--example', 'seeds'], { env });
  const broken = [];
  for (const target of values.target ?? all) {
    const options = ['--features', 'libfuzzer', '--sanitizer', values.sanitizer];
    const limits = ['-timeout=10', '-rss_limit_mb=2048', `-max_len=${LONGEST_INPUT}`];
    const time = `-max_total_time=${values.seconds}`;
    const args = ['fuzz', 'run', target, ...options, '--', time, ...limits];
    if ((await run('cargo', args, { env })) !== 0) broken.push(target);
  }
  if (broken.length > 0) throw new Failure(`broken: ${broken.join(', ')}; see fuzz/artifacts`);
});
