import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../scripts/paths.mjs';
import { runtimes } from './runtimes.js';
import { assertAnswers, command, fixture, newFolder, type Outcome, prepare } from './support.js';

const cwd = prepare('runtime');

for (const { name, run, threads } of runtimes) {
  for (const kind of name.startsWith('node') ? ['mjs', 'cjs'] : ['mjs']) {
    test(`${name}_${kind}_inserts_searches_and_finds_its_files_again`, async () => {
      const folder = newFolder();
      try {
        const [program, args] = run(`main.${kind}`, fixture, folder);
        const outcome: Outcome = JSON.parse(await command(program, args, { cwd }));
        assertAnswers(outcome);
        assert.equal(outcome.threads, threads ? Math.min(availableParallelism(), 32) : 1);
        assert.deepEqual([outcome.storage, outcome.durable], ['file', true]);
        // A second run finds the same ids: they were kept.
        await assert.rejects(command(program, args, { cwd }), /DUPLICATE_ID/);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

test('the_first_lines_of_the_readme_print_what_it_says', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, said] = /```text\n([\s\S]*?)```/.exec(readme) ?? [];
  const script = join(prepare('first-lines'), 'colors.mjs');
  const folder = newFolder();
  try {
    for (const { name, run } of runtimes) {
      const [executable, args] = run(script);
      const printed = await command(executable, args, { cwd: folder });
      assert.equal(printed, said, name);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
