import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Collection, type KindexError } from '../../ts/entrypoints/node.js';
import { expectedAfter, generationsIn, NAME } from './file-batches.js';
import { randomFrom, WASM } from './support.js';

/** `KINDEX_KILLS=200 node --import tsx --test tests/ts/file-kill.test.ts` runs longer. */
const ROUNDS = Number(process.env.KINDEX_KILLS ?? 6);
const SEED = Number(process.env.KINDEX_SEED ?? Date.now() % 1_000_000);

const folder = await mkdtemp(join(tmpdir(), 'kindex-kill-'));
after(() => rm(folder, { recursive: true, force: true }));

type Writer = ChildProcessByStdio<null, Readable, null>;

function startWriter(seed: number): { child: Writer; lines: AsyncIterator<string> } {
  const script = fileURLToPath(new URL('file-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

const ended = (child: Writer) => new Promise((resolve) => child.once('close', resolve));

test('what_was_acknowledged_outlives_a_killed_process_and_no_batch_is_there_by_half', async (t) => {
  const random = randomFrom(SEED);
  t.diagnostic(`seed ${SEED}, ${ROUNDS} rounds`);
  let acknowledged = 0;
  let batches = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { child, lines } = startWriter(SEED + round);
    assert.equal((await lines.next()).value, 'open');
    const timer = setTimeout(() => child.kill('SIGKILL'), 20 + random() * 400);
    for (let line = await lines.next(); !line.done; line = await lines.next())
      acknowledged = Number(/^written (\d+)$/.exec(line.value)?.[1]) + 1;
    clearTimeout(timer);
    if (child.exitCode === null && child.signalCode === null) await ended(child);
    assert.equal(child.signalCode, 'SIGKILL');

    const collection = await Collection.open(NAME, { folder, ...WASM });
    const generations = await generationsIn(collection);
    assert.ok(
      generations === acknowledged || generations === acknowledged + 1,
      `round ${round}: ${acknowledged} batches were acknowledged, ${generations} are there`,
    );
    const found = new Map<string, string | undefined>();
    for (const { id, document } of await collection.get()) found.set(id, document);
    assert.deepEqual(found, expectedAfter(generations));
    acknowledged = generations;
    batches = generations;
    await collection.close();
  }
  t.diagnostic(`${batches} batches`);
});

test('a_second_process_is_told_so_and_gets_the_collection_when_the_first_is_killed', async () => {
  const { child, lines } = startWriter(1);
  assert.equal((await lines.next()).value, 'open');
  const open = () => Collection.open(NAME, { folder, ...WASM });
  await assert.rejects(open, (thrown: KindexError) => thrown.code === 'LOCKED');
  const end = ended(child);
  child.kill('SIGKILL');
  await end;
  const collection = await open();
  assert.ok((await generationsIn(collection)) > 0);
  await collection.close();
});
