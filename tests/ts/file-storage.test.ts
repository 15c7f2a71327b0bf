import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  Collection,
  FileStorage,
  type KindexError,
  type OpenOptions,
} from '../../ts/entrypoints/node.js';
import { clustered, randomFrom, rows, vector, WASM } from './support.js';

const root = await mkdtemp(join(tmpdir(), 'kindex-file-'));
after(() => rm(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = () => join(root, String(folders++));
const code = (expected: string) => (thrown: KindexError) => thrown.code === expected;
const open = (folder: string, name: string, options: OpenOptions = {}) =>
  Collection.open(name, { dimension: 4, folder, ...WASM, ...options });
const documentsOf = async (collection: Collection) =>
  (await collection.get()).map(({ document }) => document);

test('records_and_documents_are_there_again_with_and_without_a_checkpoint', async () => {
  const folder = newFolder();
  for (const compact of [false, true]) {
    const name = `compact ${compact}`;
    const first = await open(folder, name);
    const { durable } = await first.insert(rows(300));
    assert.ok(durable);
    await first.delete({ ids: ['r3'] });
    if (compact) await first.compact();
    await first.insert(rows(2, 300), { durability: 'strict' });
    const expected = await first.get({}, { include: ['metadata', 'document', 'vector'] });
    const { storage, storageReason } = await first.stats();
    assert.deepEqual([storage, storageReason], ['file', undefined]);
    await first.close();
    const second = await open(folder, name);
    assert.deepEqual(
      await second.get({}, { include: ['metadata', 'document', 'vector'] }),
      expected,
    );
    assert.equal((await second.stats()).checkpoint, compact ? 2 : undefined);
    await second.close();
  }
});

test('names_are_listed_as_they_were_given_and_destroyed_for_good', async () => {
  const folder = newFolder();
  assert.deepEqual(await Collection.list({ folder, ...WASM }), []);
  const names = ['Words', 'words', '../up', 'a b/c:d', 'Grüße 日本', '.', 'con'];
  for (const name of names) {
    const collection = await open(folder, name);
    await collection.insert({ id: 'only', vector: vector(1), document: name });
    await collection.close();
  }
  assert.deepEqual(await Collection.list({ folder, ...WASM }), [...names].sort());
  for (const name of names) {
    const collection = await open(folder, name);
    assert.deepEqual(await documentsOf(collection), [name]);
    await collection.close();
  }
  await Collection.destroy('words', { folder, ...WASM });
  await Collection.destroy('never there', { folder, ...WASM });
  assert.deepEqual(
    await Collection.list({ folder, ...WASM }),
    names.filter((name) => name !== 'words').sort(),
  );
  const again = await open(folder, 'words');
  assert.equal(again.size, 0);
  await again.close();
  await assert.rejects(open(folder, '日'.repeat(60)), code('INVALID_ARGUMENT'));
});

test('a_path_too_long_for_a_socket_is_locked_all_the_same', async () => {
  const folder = join(newFolder(), 'long'.repeat(30), 'longer'.repeat(20));
  const collection = await open(folder, 'deep');
  await collection.insert(rows(1));
  // Another adapter is another owner, in this process as in any other.
  await assert.rejects(
    Collection.open('deep', { storage: new FileStorage(folder), ...WASM }),
    code('LOCKED'),
  );
  await collection.close();
  const other = await Collection.open('deep', { storage: new FileStorage(folder), ...WASM });
  assert.equal(other.size, 1);
  await other.close();
});

/** A collection of two batches, and the files it is made of. */
async function twoBatches() {
  const folder = newFolder();
  const collection = await open(folder, 'c');
  await collection.insert(rows(3));
  const logs = async () =>
    (await readdir(join(folder, 'c'))).filter((name) => name.startsWith('log-'));
  const path = join(folder, 'c', (await logs())[0] as string);
  const first = (await readFile(path)).length;
  await collection.insert(rows(3, 3));
  await collection.close();
  return { folder, path, first, bytes: await readFile(path) };
}

test('a_log_cut_anywhere_in_its_last_batch_gives_the_batch_before', async () => {
  const { folder, path, first, bytes } = await twoBatches();
  const random = randomFrom(7);
  const cuts = [first, first + 1, first + 27, first + 28, bytes.length - 1];
  for (let i = 0; i < 10; i++) cuts.push(first + Math.floor(random() * (bytes.length - first)));
  for (const cut of cuts) {
    await writeFile(path, bytes);
    await truncate(path, cut);
    const collection = await open(folder, 'c');
    assert.equal(collection.size, 3, `cut at ${cut}`);
    await collection.insert(rows(1, 10));
    await collection.close();
    const again = await open(folder, 'c');
    assert.equal(again.size, 4, `written after a cut at ${cut}`);
    await again.close();
  }
});

test('zeros_after_the_last_batch_do_not_count', async () => {
  const { folder, path, bytes } = await twoBatches();
  await writeFile(path, Buffer.concat([bytes, Buffer.alloc(300_000)]));
  const collection = await open(folder, 'c');
  assert.equal(collection.size, 6);
  await collection.close();
});

test('a_changed_byte_anywhere_in_the_log_is_reported_and_never_costs_a_batch', async () => {
  const { folder, path, first, bytes } = await twoBatches();
  const random = randomFrom(8);
  const places = [0, 8, 16, 20, 24, 32, 36, 40, first, first + 16, bytes.length - 1];
  for (let i = 0; i < 20; i++) places.push(Math.floor(random() * bytes.length));
  for (const place of places) {
    // Four bytes of the head mean nothing.
    if (place >= 12 && place < 16) continue;
    const changed = Buffer.from(bytes);
    changed[place] = (changed[place] as number) ^ 0x41;
    await writeFile(path, changed);
    await assert.rejects(
      open(folder, 'c'),
      ({ code: found, message }: KindexError) =>
        ['CORRUPT', 'NEWER_VERSION'].includes(found) && message.includes('log'),
      `byte ${place}`,
    );
  }
  await writeFile(path, bytes);
  const collection = await open(folder, 'c');
  assert.equal(collection.size, 6);
  await collection.close();
});

test('damaged_documents_are_reported_and_the_vectors_are_still_found', async () => {
  const { folder } = await twoBatches();
  const path = join(folder, 'c', 'documents-000000000000');
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  await writeFile(path, bytes);
  const collection = await open(folder, 'c');
  assert.equal((await collection.search(vector(1), { k: 1 }))[0]?.id, 'r1');
  await assert.rejects(documentsOf(collection), code('CORRUPT'));
  await collection.close();
});

test('what_an_interrupted_creation_left_is_not_part_of_the_next_collection', async () => {
  const { folder, path } = await twoBatches();
  // Documents are all that a load has written before its first checkpoint.
  await rm(join(folder, 'c', 'manifest'));
  await rm(path);
  assert.deepEqual(await Collection.list({ folder, ...WASM }), []);
  const collection = await open(folder, 'c');
  assert.equal(collection.size, 0);
  await collection.insert(rows(1));
  assert.deepEqual(await documentsOf(collection), ['document 0']);
  await collection.close();
});

test('a_checkpoint_leaves_one_snapshot_and_no_log', async () => {
  const { folder } = await twoBatches();
  const collection = await open(folder, 'c');
  await collection.compact();
  await collection.compact();
  await collection.close();
  const files = await readdir(join(folder, 'c'));
  const kinds = new Set(files.map((name) => name.replace(/-\d+$/, '')));
  assert.deepEqual([...kinds].sort(), ['documents', 'manifest', 'snapshot-000000000002']);
});

test('documents_that_nothing_refers_to_give_their_space_back', async () => {
  const folder = newFolder();
  const collection = await open(folder, 'c');
  const text = 'x'.repeat(200_000);
  await collection.insert(rows(60).map((row) => ({ ...row, document: row.document + text })));
  await collection.insert(rows(5, 60));
  const sizes = async () => {
    const names = (await readdir(join(folder, 'c'))).filter((name) => name.startsWith('documents'));
    return Promise.all(names.map(async (name) => (await stat(join(folder, 'c', name))).size));
  };
  const [before = 0] = await sizes();
  assert.ok(before > 12_000_000);
  await collection.delete({ ids: rows(60).map(({ id }) => id) });
  await collection.compact();
  const after = await sizes();
  assert.ok(after.length === 1 && (after[0] as number) < 10_000, `${after} bytes`);
  const expected = rows(5, 60).map(({ document }) => document);
  assert.deepEqual(await documentsOf(collection), expected);
  await collection.close();
  const again = await open(folder, 'c');
  assert.deepEqual(await documentsOf(again), expected);
  await again.close();
});

test('a_full_disk_refuses_the_batch_and_keeps_what_was_there', {
  skip: process.platform === 'win32',
}, () => {
  const folder = newFolder();
  const script = fileURLToPath(new URL('file-full.ts', import.meta.url));
  // No file may grow past 2 MiB, which is how a disk without space looks to a process.
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 4096 && exec "$0" "$@"', process.execPath, '--import', 'tsx', script, folder],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    code: 'QUOTA_EXCEEDED',
    before: 200,
    after: 200,
    later: 201,
  });
});

test('a_folder_that_can_not_be_written_is_named', async () => {
  const file = join(root, 'a file');
  await writeFile(file, '');
  await assert.rejects(
    open(join(file, 'under'), 'c'),
    ({ code: found, message }: KindexError) =>
      found === 'STORAGE_UNAVAILABLE' && message.includes("'folder'"),
  );
  await assert.rejects(
    Collection.open('c', { storage: 'memory', folder: root, ...WASM }),
    code('INVALID_ARGUMENT'),
  );
});

test('a_snapshot_is_loaded_into_files', async () => {
  const folder = newFolder();
  const { folder: source } = await twoBatches();
  const original = await open(source, 'c');
  const snapshot = await original.snapshot();
  await original.close();
  const loaded = await Collection.load(snapshot, {
    name: 'copy',
    storage: 'file',
    folder,
    ...WASM,
  });
  await loaded.close();
  const copy = await open(folder, 'copy');
  assert.equal(copy.size, 6);
  assert.equal((await documentsOf(copy))[5], 'document 5');
  await copy.close();
});

test('a_batch_of_many_parts_is_there_as_a_whole_or_not_at_all', async () => {
  const folder = newFolder();
  const options = { dimension: 256, quantization: 'none' as const };
  const collection = await open(folder, 'large', options);
  await collection.insert({ vectors: clustered(100, 256, 1) });
  await collection.insert({ vectors: clustered(5000, 256, 2) });
  // A copy as a power cut in mid-batch would leave it: all but the last of several parts.
  const path = join(folder, 'large', 'log-000000000000');
  const copy = newFolder();
  await mkdir(copy);
  await cp(join(folder, 'large'), join(copy, 'large'), {
    recursive: true,
    filter: (name) => !name.includes('lock-'),
  });
  await collection.close();
  const size = (await readFile(join(copy, 'large', 'log-000000000000'))).length;
  assert.ok(size > 4_000_000, `${path} has ${size} bytes`);
  await truncate(join(copy, 'large', 'log-000000000000'), size - 1000);
  const cut = await open(copy, 'large', options);
  assert.equal(cut.size, 100);
  await cut.close();
});
