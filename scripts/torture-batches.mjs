// `npm run torture:batches`: as `tests/ts/atomic.test.ts` in `npm test`, with 20,000 batches.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { pkg } from './paths.mjs';
import { main, run } from './process.mjs';

await main(async () => {
  if (!existsSync(join(pkg, 'index.js'))) await build();
  const file = join('tests', 'ts', 'atomic.test.ts');
  process.exitCode = await run(process.execPath, ['--import', 'tsx', '--test', file], {
    env: { KINDEX_ATOMIC_BATCHES: '20000', ...process.env },
  });
});
