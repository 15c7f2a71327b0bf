import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import {
  assertAnswers,
  command,
  fixture,
  newFolder,
  type Outcome,
  prepare,
  programs,
} from './support.js';

const source = prepare('runtime');
const modern = Number(process.versions.node.split('.')[0]) >= 22;

const runtimes: readonly [
  name: string,
  program: readonly string[],
  script: string,
  threads: boolean,
][] = [
  ['node', [process.execPath], 'main.mjs', modern],
  ['node_cjs', [process.execPath], 'main.cjs', modern],
  ['node_24', [programs.node24], 'main.mjs', true],
  ['node_24_cjs', [programs.node24], 'main.cjs', true],
  ['deno', [programs.deno, 'run', '--allow-all', '--node-modules-dir=manual'], 'main.mjs', true],
  ['bun', [programs.bun], 'main.mjs', true],
];

for (const [name, [program, ...flags], script, threads] of runtimes) {
  test(`${name}_inserts_searches_and_finds_its_files_again`, async () => {
    const folder = newFolder();
    try {
      const args = [...flags, script, fixture, folder];
      const printed = await command(program as string, args, { cwd: source });
      const outcome: Outcome = JSON.parse(printed);
      assertAnswers(outcome);
      assert.equal(outcome.threads, threads ? Math.min(availableParallelism(), 32) : 1);
      assert.deepEqual([outcome.storage, outcome.durable], ['file', true]);
      // A second run finds the same ids: they were kept.
      await assert.rejects(command(program as string, args, { cwd: source }), /DUPLICATE_ID/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
