import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  Collection,
  KindexError,
  MemoryStorage,
  type StorageAdapter,
  type Store,
} from '../../ts/entrypoints/node.js';
import { repair } from '../../ts/entrypoints/repair.js';
import { randomFrom, rows, vector, WASM } from './support.js';

type Kind = 'manifest' | 'segment' | 'log' | 'documents';

/** Memory of which a test may damage what is read. */
class DamagedStorage implements StorageAdapter {
  readonly kind = 'damaged';
  readonly #inner = new MemoryStorage({ retain: true });
  /** Changes the bytes of a record, or takes them away. */
  damage: (kind: Kind, key: number, bytes: Uint8Array) => Uint8Array | undefined = (_, __, bytes) =>
    bytes;

  async open(name: string): Promise<Store> {
    const inner = await this.#inner.open(name);
    const read = (kind: Kind, key: number, bytes: Uint8Array | undefined) =>
      bytes &&
      (this.damage(kind, key, new Uint8Array(bytes)) as Uint8Array<ArrayBuffer> | undefined);
    async function* segments(generation: number) {
      let part = 0;
      for await (const bytes of inner.readSegments(generation)) {
        const changed = read('segment', part++, bytes);
        if (!changed) return;
        yield changed;
      }
    }
    async function* log(from: number) {
      for await (const { sequence, bytes } of inner.readLog(from)) {
        const changed = read('log', sequence, bytes);
        if (changed) yield { sequence, bytes: changed };
      }
    }
    const own: Partial<Store> = {
      readManifest: async () => read('manifest', 0, await inner.readManifest()),
      readDocuments: async (chunk) => read('documents', chunk, await inner.readDocuments(chunk)),
      readSegments: segments,
      readLog: log,
    };
    return new Proxy(inner, {
      get(store, key) {
        const value = own[key as keyof Store] ?? Reflect.get(store, key, store);
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
  }
  list(): Promise<string[]> {
    return this.#inner.list();
  }
  destroy(name: string): Promise<void> {
    return this.#inner.destroy(name);
  }
}

async function stored(): Promise<DamagedStorage> {
  const storage = new DamagedStorage();
  const collection = await Collection.open('v', { dimension: 4, storage, ...WASM });
  await collection.insert(rows(60));
  await collection.compact();
  await collection.insert(rows(20, 60));
  await collection.delete({ ids: ['r1', 'r61'] });
  await collection.close();
  return storage;
}

const verify = (storage: StorageAdapter) => Collection.verify('v', { storage, ...WASM });

test('a_whole_collection_is_reported_part_by_part', async () => {
  const storage = await stored();
  const report = await verify(storage);
  assert.deepEqual([report.ok, report.records, report.generation], [true, 78, 3]);
  assert.deepEqual(
    report.parts.map(({ part }) => part),
    [
      'manifest',
      'snapshot part 0',
      'snapshot part 1',
      'log record 1',
      'log record 2',
      'index, ids and columns',
      'document chunk 0',
      'document chunk 1',
    ],
  );
  const collection = await Collection.open('v', { storage, ...WASM });
  assert.equal((await verify(storage)).records, 78);
  assert.equal(await collection.count(), 78);
});

test('any_byte_that_is_flipped_is_found_in_the_part_that_has_it', async (t) => {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const storage = await stored();
  const names = {
    manifest: () => 'manifest',
    segment: (key: number) => `snapshot part ${key}`,
    log: (key: number) => `log record ${key}`,
    documents: (key: number) => `document chunk ${key}`,
  };
  for (const [kind, key] of [
    ['manifest', 0],
    ['segment', 0],
    ['segment', 1],
    ['log', 1],
    ['log', 2],
    ['documents', 0],
    ['documents', 1],
  ] as const) {
    for (let i = 0; i < 20; i++) {
      let at = 0;
      storage.damage = (some, number, bytes) => {
        if (some !== kind || number !== key) return bytes;
        at = Math.floor(random() * bytes.length);
        // Of a chunk only what records refer to is checked: the texts behind its table.
        if (kind === 'documents') at = bytes.length - 1 - Math.floor(random() * 10);
        bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
        return bytes;
      };
      const report = await verify(storage);
      const bad = report.parts.filter(({ ok }) => !ok).map(({ part }) => part);
      assert.equal(report.ok, false, `${kind} ${key}, byte ${at}`);
      assert.ok(bad.includes(names[kind](key)), `${kind} ${key}, byte ${at}: ${bad}`);
    }
  }
});

test('parts_that_are_missing_are_named', async () => {
  const storage = await stored();
  for (const [kind, key, part] of [
    ['manifest', 0, 'manifest'],
    ['segment', 1, 'snapshot part 1'],
    ['log', 1, 'log record 1'],
    ['documents', 1, 'document chunk 1'],
  ] as const) {
    storage.damage = (some, number, bytes) => (some === kind && number === key ? undefined : bytes);
    const report = await verify(storage);
    const bad = report.parts.filter(({ ok }) => !ok);
    assert.equal(report.ok, false);
    assert.equal(bad[0]?.part, part);
    assert.match(bad[0]?.message ?? '', /missing|can not be read/);
  }
});

test('a_collection_that_is_not_there_is_not_made', async () => {
  const storage = new DamagedStorage();
  await assert.rejects(
    verify(storage),
    (thrown) => thrown instanceof KindexError && thrown.code === 'NOT_FOUND',
  );
  assert.deepEqual(await storage.list(), []);
});

const mend = async (storage: StorageAdapter) =>
  repair('v', { storage, wasm: readFileSync(new URL('kindex-repair.wasm', WASM.wasmUrl)) });

test('a_repair_of_what_is_whole_changes_nothing', async () => {
  const storage = await stored();
  assert.equal((await mend(storage)).state, 'ok');
  const report = await verify(storage);
  assert.deepEqual([report.ok, report.records], [true, 78]);
});

test('chunks_of_documents_with_a_damaged_version_are_dropped_and_every_record_is_kept', async () => {
  const storage = await stored();
  storage.damage = (kind, _, bytes) => {
    if (kind === 'documents') bytes[11] = (bytes[11] as number) ^ 0x40;
    return bytes;
  };
  const report = await mend(storage);
  const documents = report.parts.find(({ part }) => part === 'documents');
  assert.deepEqual([report.state, documents?.whole], ['lost', 0]);
  assert.match(String(documents?.findings[0]), /format version/);
  storage.damage = (_, __, bytes) => bytes;
  const after = await verify(storage);
  assert.deepEqual([after.ok, after.records], [true, 78]);
});

test('what_an_interrupted_checkpoint_has_left_is_no_part_of_a_repair', async () => {
  const storage = await stored();
  const store = await storage.open('v');
  for (let part = 0; part < 6; part++)
    await store.writeSegment(2, part, new Uint8Array([1, 2, part]));
  await store.close();
  storage.damage = (kind, key, bytes) => {
    if (kind === 'log' && key === 2)
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    return bytes;
  };
  assert.notEqual((await mend(storage)).state, 'ok');
  storage.damage = (_, __, bytes) => bytes;
  assert.equal((await verify(storage)).ok, true);
});

test('a_repair_keeps_what_is_whole_and_says_what_is_gone', async (t) => {
  const seed = Number(process.env.KINDEX_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let i = 0; i < 60; i++) {
    const storage = await stored();
    const kind = (['segment', 'log', 'documents'] as const)[i % 3];
    const place = random();
    const bit = 1 << Math.floor(random() * 8);
    storage.damage = (some, key, bytes) => {
      // The snapshot's first part has the options, without which there is nothing to go on from.
      if (some !== kind || (some === 'segment' && key === 0)) return bytes;
      const at = Math.floor(place * bytes.length);
      bytes[at] = (bytes[at] as number) ^ bit;
      return bytes;
    };
    const report = await mend(storage);
    storage.damage = (_, __, bytes) => bytes;
    const lost = report.parts.reduce((sum, part) => sum + part.lost, 0);
    // How many names of earlier batches there were, nobody knows once they are gone.
    const names = report.parts.some(({ part, state }) => part === 'batches' && state === 'lost');
    assert.equal(lost > 0 || names, report.state === 'lost');
    const after = await verify(storage);
    assert.ok(after.ok, JSON.stringify(after.parts.filter(({ ok }) => !ok)));
    const collection = await Collection.open('v', { storage, ...WASM });
    // Of the log whole batches are lost, of the rest records; nothing goes without being counted.
    const least = kind === 'log' ? 60 : 78 - lost;
    assert.ok(after.records >= least, `${kind}: ${after.records} records, ${lost} lost`);
    assert.ok(after.records === 78 || lost > 0);
    const [hit] = await collection.search(vector(40), { k: 1 });
    if (after.records === 78) assert.equal(hit?.id, 'r40');
    await collection.insert(rows(5, 500));
    await collection.close();
  }
});
