import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runtimes } from './runtimes.js';
import { command, newFolder, prepare } from './support.js';

const source = prepare('ending');

/** How a program goes about it, and what it prints. The timer of the pool is at 250 ms. */
const ways: readonly [way: string, printed: RegExp][] = [
  ['exit0', /^exits$/],
  ['exit5', /^exits$/],
  ['exit20', /^exits$/],
  ['close', /^(answered|CLOSED)$/],
  ['write', /^3000$/],
  ['forget', /^forgot$/],
  ['wait220', /^closed$/],
  ['wait240', /^closed$/],
  ['wait260', /^closed$/],
];

for (const { name, run, threads } of runtimes) {
  test(`${name}_ends_in_the_middle_of_the_start_of_its_pool`, async () => {
    for (const [way, printed] of ways) {
      const folder = newFolder();
      try {
        assert.match(await command(...run(join(source, 'main.mjs'), way, folder)), printed, way);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  });

  if (!threads) continue;
  test(`${name}_hears_of_a_thread_of_the_pool_that_traps_and_ends`, async () => {
    assert.equal((await command(...run(join(source, 'trap.mjs')))).trim(), 'CRASHED');
  });
}
