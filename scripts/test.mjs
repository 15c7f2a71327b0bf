// `npm test`: sets up, builds, and runs every suite; a failed one does not stop the others.
// The last line is the sum over all: "N passed, N failed".
//
//   npm test -- --list            the suites
//   npm test -- --only NAME       one of them (may be repeated)
//   npm run test:consumers -- --all   the consumers, and those that take too long for every run
import { parseArgs } from 'node:util';
import { buildPackage } from './build-package.mjs';
import { buildSite } from './build-site.mjs';
import { buildWasm } from './build-wasm.mjs';
import { Failure, main } from './process.mjs';
import { setUp } from './setup.mjs';
import { suites } from './suites.mjs';

await main(async () => {
  const { values } = parseArgs({
    options: {
      list: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      all: { type: 'boolean' },
    },
  });
  if (values.list) {
    for (const { name, title } of suites) console.log(`${name.padEnd(14)}${title}`);
    return;
  }
  const unknown = values.only?.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown) throw new Failure(`there is no suite "${unknown}"; npm test -- --list names them`);
  const named = values.only?.flatMap((name) => (values.all ? [name, `${name}-all`] : name));
  const chosen = suites.filter(({ name, onlyIfNamed }) => named?.includes(name) ?? !onlyIfNamed);

  const rust = await setUp('test');
  const results = [];
  const attempt = async (name, body) => {
    console.log(`\n=== ${name}`);
    const started = Date.now();
    let result;
    try {
      result = await body();
    } catch (error) {
      console.error(error instanceof Failure ? error.message : error);
      result = { passed: 0, failed: 1 };
    }
    results.push({ name, ...result, seconds: (Date.now() - started) / 1000 });
    return result.failed === 0;
  };

  const built =
    !chosen.some((suite) => suite.needsBuild) || (await attempt('build', () => buildAll(rust)));
  for (const suite of chosen) {
    // A suite over what could not be built would test the last build; it counts as failed.
    const runnable = built || !suite.needsBuild;
    await attempt(suite.name, () => (runnable ? suite.run(rust) : notBuilt()));
  }

  console.log(
    `\n${'suite'.padEnd(14)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'time'.padStart(10)}`,
  );
  for (const { name, passed, failed, seconds } of results) {
    const cells = [String(passed).padStart(8), String(failed).padStart(8)];
    console.log(`${name.padEnd(14)}${cells.join('')}${`${seconds.toFixed(1)} s`.padStart(10)}`);
  }
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  if (sum('failed') > 0) process.exitCode = 1;
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
});

async function buildAll(rust) {
  await buildWasm(rust);
  await buildPackage();
  await buildSite();
  return { passed: 1, failed: 0 };
}

function notBuilt() {
  throw new Failure('not run, because the build failed');
}
