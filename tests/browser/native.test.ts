import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../scripts/paths.mjs';
import { clustered } from '../ts/support.js';
import { launchChromium, openPage, serveFolders } from './support.js';

const ROWS = 7000;
const DIMENSION = 24;

interface NativeHit {
  id: string;
  distance: number;
  document: string;
}

/** The native command: the one that KINDEX_COMMAND names, or else what Cargo builds. */
function command(...args: string[]): string {
  const cargo = ['run', '--quiet', '--release', '-p', 'kindex-cli', '--', ...args];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 } as const;
  const built = process.env.KINDEX_COMMAND;
  return built ? execFileSync(built, args, options) : execFileSync('cargo', cargo, options);
}

test('a_snapshot_that_was_built_natively_gives_the_same_answers_in_the_browser', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kindex-'));
  const browser = await launchChromium();
  const server = await serveFolders({ '/snapshots/': folder });
  try {
    const records = Array.from({ length: ROWS }, (_, i) =>
      JSON.stringify({ id: `n${i}`, document: `text ${i}`, even: i % 2 === 0 }),
    );
    const queries = clustered(20, DIMENSION, 12);
    const path = (name: string) => join(folder, name);
    writeFileSync(path('vectors.f32'), clustered(ROWS, DIMENSION, 11));
    writeFileSync(path('queries.f32'), queries);
    writeFileSync(path('records.jsonl'), records.join('\n'));
    const vectors = ['--vectors', path('vectors.f32'), '--dimension', String(DIMENSION)];
    command('build', ...vectors, '--records', path('records.jsonl'), '--out', path('words.kindex'));
    const search = [
      '--vectors',
      path('queries.f32'),
      '-k',
      '5',
      '--ef',
      '64',
      '--json',
      '--where',
      '{"even":true}',
    ];
    const expected = command('query', path('words.kindex'), ...search)
      .trim()
      .split('\n')
      .map((line): NativeHit[] => JSON.parse(line));

    const page = await openPage(await browser.newContext(), server.url);
    const found = await page.evaluate(
      async ({ flat }) => {
        const { Collection } = await kindex();
        const collection = await Collection.load('/snapshots/words.kindex');
        const options = { k: 5, ef: 64, where: { even: true }, include: ['document'] as const };
        return {
          size: collection.size,
          hits: await collection.searchBatch(Float32Array.from(flat), options),
        };
      },
      { flat: Array.from(queries) },
    );
    assert.equal(found.size, ROWS);
    const facts = (hits: readonly { id: string; distance: number; document?: string }[]) =>
      hits.map(({ id, distance, document }) => [id, Math.fround(distance), document]);
    assert.deepEqual(found.hits.map(facts), expected.map(facts));
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
