// `npm run torture`: ends browsers while they write, and looks at what is left. `-- --help` says what can be chosen.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { pkg } from './paths.mjs';
import { main, run } from './process.mjs';

await main(async () => {
  if (!existsSync(join(pkg, 'index.js'))) await build();
  const program = `import('./tests/torture/main.ts').then(async ({ torture }) => {
    process.exitCode = (await torture(process.argv.slice(1))) ? 0 : 1;
  })`;
  const args = [
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    program,
    '--',
    ...process.argv.slice(2),
  ];
  process.exitCode = await run(process.execPath, args);
});
