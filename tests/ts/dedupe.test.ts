import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BatchOptions, MemoryStorage } from '../../ts/entrypoints/node.js';
import { code, empty, vector } from './support.js';

const row = (id: string, i: number, document?: string) => ({
  id,
  vector: vector(i),
  ...(document === undefined ? {} : { document }),
});

test('exact_duplicates_of_vectors_and_documents_are_skipped_and_counted', async () => {
  const storage = new MemoryStorage();
  const open = () => empty({ storage });
  const collection = await open();
  await collection.insert([row('a', 1, 'one'), row('b', 2)]);
  const batch = [row('c', 1), row('d', 3, 'one'), row('e', 4, 'two'), row('f', 5, 'two')];
  const result = await collection.insert(batch, { dedupe: 'exact' });
  assert.deepEqual(result.duplicates, [
    { index: 0, id: 'c', duplicateOf: 'a', distance: 0 },
    { index: 1, id: 'd', duplicateOf: 'a', distance: 0 },
    { index: 3, id: 'f', duplicateOf: 'e', distance: 0 },
  ]);
  assert.deepEqual([result.success, result.written, result.failed], [true, 1, 0]);
  // Batches from here on are known without reading what is stored.
  const again = await collection.insert(row('g', 6, 'two'), { dedupe: 'exact' });
  assert.deepEqual([again.written, again.duplicates[0]?.duplicateOf], [0, 'e']);
  await collection.delete({ ids: ['e'] });
  assert.equal((await collection.insert(row('g', 6, 'two'), { dedupe: 'exact' })).written, 1);
  assert.equal(collection.size, 3);
});

test('near_items_are_replaced_or_reported', async () => {
  const near = [
    { id: 'x', vector: [1, 0.001, 0, 0] },
    { id: 'y', vector: [0, 1, 0, 0] },
    { id: 'z', vector: [0, 1, 0.001, 0] },
  ];
  const stored = { id: 'a', vector: [1, 0, 0, 0] };
  const written = async (onDuplicate: 'replace' | 'report') => {
    const collection = await empty();
    await collection.insert(stored);
    const options = { dedupe: { threshold: 0.001 }, onDuplicate } as const;
    const { duplicates } = await collection.insert(near, options);
    assert.deepEqual(
      duplicates.map(({ id, duplicateOf }) => [id, duplicateOf]),
      [
        ['x', 'a'],
        ['z', 'y'],
      ],
    );
    assert.ok(duplicates.every(({ distance }) => distance < 0.001));
    return (await collection.get()).map(({ id }) => id).sort();
  };
  assert.deepEqual(await written('replace'), ['x', 'z']);
  assert.deepEqual(await written('report'), ['a', 'x', 'y', 'z']);
});

test('a_bad_item_in_a_batch_without_duplicates_is_still_found_at_its_place', async () => {
  const collection = await empty();
  const batch = [row('a', 1), { id: 'bad', vector: [0, 0, 0, 0] }, row('b', 1), row('c', 2)];
  const options = { atomic: false, dedupe: 'exact' } as const;
  const { written, errors, duplicates } = await collection.insert(batch, options);
  assert.equal(written, 2);
  assert.deepEqual(
    errors.map(({ index, id }) => [index, id]),
    [[1, 'bad']],
  );
  assert.deepEqual(
    duplicates.map(({ index, id }) => [index, id]),
    [[2, 'b']],
  );
});

test('stored_duplicates_are_found_page_by_page', async () => {
  const collection = await empty();
  // A tenth are copies, over several pages.
  const rows = Array.from({ length: 1000 }, (_, i) => {
    const angle = (i % 10 === 9 ? i - 5 : i) / 700;
    return { id: `r${i}`, vector: [Math.cos(angle), Math.sin(angle), 0, 0] };
  });
  await collection.insert(rows);
  const found: string[] = [];
  for await (const { id, duplicateOf, distance } of collection.findDuplicates({
    threshold: 1e-7,
  })) {
    assert.equal(Number(id.slice(1)) - 5, Number(duplicateOf.slice(1)));
    assert.ok(distance <= 1e-7);
    found.push(id);
  }
  assert.deepEqual(
    found,
    rows.filter((_, i) => i % 10 === 9).map(({ id }) => id),
  );
});

test('what_dedupe_does_not_take_is_refused', async () => {
  const collection = await empty();
  const bad: unknown[] = [
    { dedupe: 'near' },
    { dedupe: {} },
    { dedupe: { threshold: -1 } },
    { dedupe: { threshold: Number.NaN } },
    { dedupe: 'exact', onDuplicate: 'keep' },
    { onDuplicate: 'skip' },
  ];
  for (const options of bad) {
    const call = collection.insert([row('a', 1), row('b', 2)], options as BatchOptions);
    await assert.rejects(call, code('INVALID_ARGUMENT'), JSON.stringify(options));
  }
  const removal = collection.delete({ ids: ['a'] }, { dedupe: 'exact' });
  await assert.rejects(removal, code('INVALID_ARGUMENT'));
  const endless = collection.findDuplicates({ threshold: Number.POSITIVE_INFINITY });
  await assert.rejects(endless.next(), code('INVALID_ARGUMENT'));
});
