import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { Collection, FileStorage, type KindexError } from '../../ts/entrypoints/node.js';
import { repair } from '../../ts/entrypoints/repair.js';
import { lockFolder } from '../../ts/storage/process-lock.js';
import { rows, WASM } from './support.js';

const root = await mkdtemp(join(tmpdir(), 'kindex-file-faults-'));
after(() => rm(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = () => join(root, String(folders++));
const code = (expected: string) => (thrown: KindexError) => thrown.code === expected;
/** On this thread, where a test can get at the system's calls. */
const open = (folder: string) =>
  Collection.open('c', { dimension: 4, storage: new FileStorage(folder), ...WASM });

const REPAIR = await readFile(new URL('kindex-repair.wasm', WASM.wasmUrl));
const probe = await openFile(root, 'r');
const files = Object.getPrototypeOf(probe) as Pick<FileHandle, 'sync' | 'datasync'>;
await probe.close();
const { sync, datasync } = files;
afterEach(() => {
  Object.assign(files, { sync, datasync });
});

/** Every call that syncs says first which file or folder it is about; one that throws has failed. */
function onSync(tell: (inode: number) => void): void {
  const told = (call: () => Promise<void>) =>
    async function (this: FileHandle) {
      tell((await this.stat()).ino);
      return call.call(this);
    };
  Object.assign(files, { sync: told(sync), datasync: told(datasync) });
}
const failure = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
const inode = async (path: string) => (await stat(path)).ino;
const logIn = async (folder: string) => {
  const name = (await readdir(join(folder, 'c'))).find((entry) => entry.startsWith('log-'));
  return join(folder, 'c', name as string);
};

test('a_batch_whose_sync_failed_is_acknowledged_once_another_file_has_it', async () => {
  const folder = newFolder();
  const collection = await open(folder);
  await collection.insert(rows(10));
  const before = await inode(await logIn(folder));
  const synced: number[] = [];
  onSync((file) => {
    // What the system could not write, it may take for written the next time: asking again is no proof.
    if (file === before) throw failure();
    synced.push(file);
  });
  const { written } = await collection.insert(rows(10, 10), { durability: 'strict' });
  assert.equal(written, 10);
  assert.ok(synced.includes(await inode(await logIn(folder))));
  await collection.close();
  const again = await open(folder);
  assert.equal(await again.count(), 20);
  await again.close();
});

test('a_batch_that_no_file_can_be_synced_with_is_refused_and_not_there', async () => {
  const folder = newFolder();
  const collection = await open(folder);
  await collection.insert(rows(10));
  onSync(() => {
    throw failure();
  });
  await assert.rejects(
    collection.insert(rows(10, 10), { durability: 'strict' }),
    code('STORAGE_UNAVAILABLE'),
  );
  assert.equal(await collection.count(), 10);
  Object.assign(files, { sync, datasync });
  await collection.insert(rows(1, 30), { durability: 'strict' });
  await collection.close();
  const again = await open(folder);
  assert.equal(await again.count(), 11);
  assert.deepEqual(
    (await readdir(join(folder, 'c'))).filter((name) => name.endsWith('.new')),
    [],
  );
  await again.close();
});

test('documents_are_on_the_disk_before_the_log_speaks_of_them', async () => {
  const folder = newFolder();
  const collection = await open(folder);
  const synced: number[] = [];
  onSync((file) => synced.push(file));
  await collection.insert(rows(10));
  const [documents] = (await readdir(join(folder, 'c'))).filter((name) =>
    name.startsWith('documents-'),
  );
  assert.ok(synced.includes(await inode(join(folder, 'c', documents as string))));
  assert.ok(!synced.includes(await inode(await logIn(folder))), 'a relaxed batch waited');
  await collection.close();
});

test('the_names_of_new_folders_are_on_the_disk', async () => {
  const folder = join(newFolder(), 'one', 'two');
  const synced: number[] = [];
  onSync((file) => synced.push(file));
  const collection = await open(folder);
  for (let path = join(folder, 'c'); path !== root; path = dirname(path))
    assert.ok(synced.includes(await inode(dirname(path))), path);
  await collection.close();
});

test('a_sweep_that_fails_half_way_costs_no_document', async () => {
  const folder = newFolder();
  const collection = await open(folder);
  const text = 'x'.repeat(200_000);
  await collection.insert(rows(60).map((row) => ({ ...row, document: row.document + text })));
  await collection.insert(rows(5, 60));
  await collection.delete({ ids: rows(60).map(({ id }) => id) });
  // The documents that are left are in a file of their own by then, which counts.
  onSync(() => {
    if (existsSync(join(folder, 'c', 'documents-000000000001'))) throw failure();
  });
  await assert.rejects(collection.compact(), code('STORAGE_UNAVAILABLE'));
  Object.assign(files, { sync, datasync });
  await collection.insert(rows(5, 70));
  await collection.close();
  const again = await open(folder);
  const found = (await again.get()).map(({ document }) => document).sort();
  assert.deepEqual(
    found,
    [...rows(5, 60), ...rows(5, 70)].map(({ document }) => document),
  );
  await again.close();
});

test('a_folder_that_is_destroyed_while_another_waits_for_it_is_made_anew', async () => {
  const folder = newFolder();
  await mkdir(join(folder, 'c'), { recursive: true });
  const lock = await lockFolder(join(folder, 'c'), 'c');
  const waiting = new FileStorage(folder).open('c');
  waiting.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 100));
  await rename(join(folder, 'c'), join(folder, 'gone'));
  await lock.release();
  const store = await waiting;
  assert.equal(await store.readManifest(), undefined);
  await store.close();
});

/** The folder of a collection of two batches, closed. */
async function twoBatches(checkpoints: number) {
  const folder = newFolder();
  const collection = await open(folder);
  await collection.insert(rows(3));
  const first = (await readFile(await logIn(folder))).length;
  for (let i = 0; i < checkpoints; i++) await collection.compact();
  if (checkpoints === 0) await collection.insert(rows(3, 3));
  await collection.close();
  return { folder, first };
}

for (const checkpoints of [0, 2]) {
  test(`without_its_manifest_a_collection_of_${checkpoints}_checkpoints_is_damaged_and_left_alone`, async () => {
    const { folder } = await twoBatches(checkpoints);
    const snapshot = await Collection.open('other', { dimension: 4, storage: 'memory', ...WASM });
    const bytes = await snapshot.snapshot();
    await rm(join(folder, 'c', 'manifest'));
    const before = await readdir(join(folder, 'c'));
    await assert.rejects(open(folder), code('CORRUPT'));
    const storage = new FileStorage(folder);
    await assert.rejects(Collection.load(bytes, { name: 'c', storage, ...WASM }), code('CORRUPT'));
    assert.deepEqual(await readdir(join(folder, 'c')), before);
    await assert.rejects(Collection.verify('c', { storage, ...WASM }), code('NOT_FOUND'));
  });
}

test('data_that_a_power_cut_has_left_as_zeros_were_never_there', async () => {
  const { folder, first } = await twoBatches(0);
  const path = await logIn(folder);
  const whole = await readFile(path);
  for (const [from, left] of [
    [0, 0],
    [first, 3],
    [first + 28, 3],
    [first + 100, 3],
    [whole.length - 100, 3],
  ] as const) {
    const bytes = Buffer.from(whole);
    bytes.fill(0, from);
    await writeFile(path, bytes);
    const collection = await open(folder);
    assert.equal(await collection.count(), left, `zeros from byte ${from}`);
    await collection.insert(rows(1, 20));
    await collection.close();
    const again = await open(folder);
    assert.equal(await again.count(), left + 1);
    await again.close();
    await rm(await logIn(folder));
  }
});

test('damage_in_a_log_is_named_by_record_and_repaired_around', async () => {
  const folder = newFolder();
  const collection = await open(folder);
  await collection.insert(rows(3));
  const path = await logIn(folder);
  const ends = [(await readFile(path)).length];
  for (const first of [3, 6]) {
    await collection.insert(rows(3, first));
    ends.push((await readFile(path)).length);
  }
  await collection.close();
  const whole = await readFile(path);
  const manifest = await readFile(join(folder, 'c', 'manifest'));
  const storage = () => new FileStorage(folder);
  for (const [byte, record] of [
    [16, 0], // the first frame's mark, its length, its value
    [32, 0],
    [100, 0],
    [ends[0] as number, 1],
    [(ends[0] as number) + 40, 1],
    [ends[1] as number, 2],
    [(ends[1] as number) + 20, 2],
    [whole.length - 1, 2],
  ] as const) {
    const bytes = Buffer.from(whole);
    bytes[byte] = (bytes[byte] as number) ^ 0x21;
    await writeFile(path, bytes);
    const what = `byte ${byte}`;
    const named = ({ code: found, message }: KindexError) =>
      found === 'CORRUPT' && message.includes(`log record ${record}`);
    await assert.rejects(open(folder), named, what);
    const { ok, parts } = await Collection.verify('c', { storage: storage(), ...WASM });
    assert.ok(!ok, what);
    assert.deepEqual(
      parts.filter((part) => !part.ok).map(({ part }) => part),
      [`log record ${record}`],
      what,
    );
    assert.deepEqual(await readFile(path), bytes, what);
    const report = await repair('c', { storage: storage(), wasm: REPAIR });
    assert.equal(report.state, 'lost', what);
    const again = await open(folder);
    assert.equal(await again.count(), 6, what);
    assert.equal((await again.insert(rows(1, 20))).written, 1);
    await again.close();
    for (const name of await readdir(join(folder, 'c')))
      if (/^(snapshot|log)-/.test(name)) await rm(join(folder, 'c', name));
    await writeFile(join(folder, 'c', 'manifest'), manifest);
  }
});
