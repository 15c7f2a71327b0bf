import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage } from '../../ts/entrypoints/node.js';
import { code, empty, randomFrom, rows, vector } from './support.js';

interface Book {
  title: string;
  year?: number;
  read: boolean;
  tags: string[];
  bought: Date;
}

const books = () =>
  empty<Book>().then(async (collection) => {
    const book = (i: number, title: string, year?: number) => ({
      id: `b${i}`,
      vector: vector(i),
      metadata: {
        title,
        ...(year === undefined ? {} : { year }),
        read: i % 2 === 0,
        tags: i === 0 ? ['red', 'old', 'red'] : ['red'],
        bought: new Date(1000 * i),
      },
      document: `The book ${title}, number ${i}`,
    });
    await collection.insert([
      book(0, 'Emma', 1815),
      book(1, 'Dune', 1965),
      book(2, 'Beowulf'),
      book(3, 'Ulysses', 1922),
    ]);
    return collection;
  });

test('records_come_in_the_order_of_a_field_and_those_without_it_last', async () => {
  const collection = await books();
  const ids = async (...query: Parameters<typeof collection.get>) =>
    (await collection.get(...query)).map(({ id }) => id);
  assert.deepEqual(await ids({ orderBy: 'year' }), ['b0', 'b3', 'b1', 'b2']);
  const newest = { field: 'year', direction: 'desc' } as const;
  assert.deepEqual(await ids({ orderBy: newest }), ['b1', 'b3', 'b0', 'b2']);
  assert.deepEqual(await ids({ orderBy: newest, limit: 2, offset: 1 }), ['b3', 'b0']);
  assert.deepEqual(await ids({ orderBy: 'title', where: { read: true } }), ['b2', 'b0']);
  assert.deepEqual(await ids({ orderBy: { field: 'bought', direction: 'desc' }, limit: 1 }), [
    'b3',
  ]);
  const listed: string[] = [];
  for await (const { id } of collection.iterate({ orderBy: 'title' })) listed.push(id);
  assert.deepEqual(listed, ['b2', 'b1', 'b0', 'b3']);
  // @ts-expect-error not a field
  assert.equal((await collection.get({ orderBy: 'colour' })).length, 4);
  const wrong = { field: 'year', direction: 'up' } as unknown as { field: 'year' };
  await assert.rejects(collection.get({ orderBy: wrong }), code('INVALID_ARGUMENT'));
  await assert.rejects(collection.get({ ids: ['b1'], orderBy: 'year' }), code('INVALID_ARGUMENT'));
});

test('facets_count_the_values_of_a_field_most_frequent_first', async () => {
  const collection = await books();
  assert.deepEqual(await collection.facets({ field: 'tags' }), [
    { value: 'red', count: 4 },
    { value: 'old', count: 1 },
  ]);
  const [first] = await collection.facets({ field: 'read', where: { year: { $exists: true } } });
  assert.deepEqual(first, { value: false, count: 2 });
  const years: number[] = (await collection.facets({ field: 'year' })).map(({ value }) => value);
  assert.deepEqual(years, [1815, 1922, 1965]);
  assert.equal((await collection.facets({ field: 'title', limit: 2 })).length, 2);
  // @ts-expect-error not a field
  assert.deepEqual(await collection.facets({ field: 'colour' }), []);
  await assert.rejects(collection.facets({ field: 'year', limit: 0 }), code('INVALID_ARGUMENT'));
});

test('a_text_in_documents_selects_in_every_call_that_reads', async () => {
  const collection = await books();
  const whereDocument = { $contains: 'u' };
  const found = await collection.get({ whereDocument });
  assert.deepEqual(
    found.map(({ id }) => id),
    ['b0', 'b1', 'b2', 'b3'],
  );
  assert.equal(await collection.count({ whereDocument: { $contains: 'Dune' } }), 1);
  assert.equal(
    await collection.count({ where: { read: true }, whereDocument: { $contains: 'book' } }),
    2,
  );
  const hits = await collection.search(vector(1), { k: 4, whereDocument: { $contains: 'Ul' } });
  assert.deepEqual(
    hits.map(({ id }) => id),
    ['b3'],
  );
  const read = await collection.facets({ field: 'read', whereDocument: { $contains: 'm' } });
  assert.equal(
    read.reduce((sum, { count }) => sum + count, 0),
    4,
  );
  const pages: unknown[] = [];
  const query = { whereDocument: { $contains: 'number' }, offset: 1, limit: 2 };
  for await (const record of collection.iterate(query, { include: [] })) pages.push(record);
  assert.deepEqual(pages, [{ id: 'b1' }, { id: 'b2' }]);
  for (const bad of [{}, { $contains: '' }, { $contains: 1 }, { $near: 'a' }, 'a', null]) {
    const query = { whereDocument: bad as { $contains: string } };
    await assert.rejects(collection.count(query), code('INVALID_ARGUMENT'), JSON.stringify(bad));
  }
});

test('documents_are_looked_through_while_batches_change_them', async () => {
  const seed = 11;
  const random = randomFrom(seed);
  const storage = new MemoryStorage();
  const collection = await empty({ storage });
  await collection.insert(rows(400));
  const says = new Map(rows(400).map(({ id, document }) => [id, document]));
  for (let round = 0; round < 30; round++) {
    const part = `${Math.floor(random() * 100)}`;
    const before = new Set([...says].filter(([, text]) => text.includes(part)).map(([id]) => id));
    const found = collection.get({ whereDocument: { $contains: part } }, { include: ['document'] });
    const id = `r${Math.floor(random() * 400)}`;
    const document = `document ${Math.floor(random() * 1000)}`;
    await collection.update({ id, document });
    says.set(id, document);
    const after = new Set([...says].filter(([, text]) => text.includes(part)).map(([id]) => id));
    const ids = new Set((await found).map((record) => record.id));
    // The one record that changed meanwhile is seen as it was or as it is.
    ids.delete(id);
    before.delete(id);
    after.delete(id);
    assert.deepEqual([...ids].sort(), [...before].sort(), `seed ${seed}, round ${round}`);
    assert.deepEqual([...ids].sort(), [...after].sort(), `seed ${seed}, round ${round}`);
  }
});

test('recency_counts_inside_the_search', async () => {
  const collection = await empty<{ seen: Date; note?: string }>();
  const day = 86_400_000;
  const now = new Date(Date.UTC(2026, 0, 1));
  await collection.insert([
    { id: 'near', vector: [1, 0, 0, 0], metadata: { seen: new Date(now.getTime() - 90 * day) } },
    { id: 'far', vector: [1, 1, 0, 0], metadata: { seen: now } },
    { id: 'timeless', vector: [1, 0.1, 0, 0] },
  ]);
  const query = [1, 0, 0, 0];
  const ids = async (options: Parameters<typeof collection.search>[1]) =>
    (await collection.search(query, options)).map(({ id }) => id);
  assert.deepEqual(await ids({}), ['near', 'timeless', 'far']);
  const decay = { field: 'seen', halfLife: 30 * day, weight: 0.5, now } as const;
  assert.deepEqual(await ids({ decay }), ['far', 'near', 'timeless']);
  const [far, near] = await collection.search(query, { decay, k: 2 });
  assert.ok(Math.abs((far?.score ?? 0) - (0.5 * Math.SQRT1_2 + 0.5)) < 0.02, `${far?.score}`);
  assert.ok(Math.abs((near?.score ?? 0) - (0.5 + 0.5 / 8)) < 0.02, `${near?.score}`);
  assert.ok((near?.distance ?? 1) < 0.01);
  for (const bad of [
    { ...decay, halfLife: 0 },
    { ...decay, halfLife: Number.NaN },
    { ...decay, weight: 1.5 },
    { ...decay, now: new Date(Number.NaN) },
    { field: 'seen' } as typeof decay,
    null as unknown as typeof decay,
  ]) {
    await assert.rejects(collection.search(query, { decay: bad }), code('INVALID_ARGUMENT'));
  }
  // @ts-expect-error not a field with times
  await collection.search(query, { decay: { field: 'note', halfLife: 1 } });
});
