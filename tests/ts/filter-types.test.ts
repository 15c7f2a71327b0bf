import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Filter } from '../../ts/entrypoints/node.js';
import { empty, vector } from './support.js';

interface Word {
  pos: 'noun' | 'verb';
  frequency: number;
  rare: boolean;
  seen: Date;
  tags: string[];
  origin?: { language: string; year: number };
}

/** Compiles, or the line above says that it must not. The assertion of this file is made by the compiler. */
const accepts = (_filter: Filter<Word>) => undefined;

accepts({ pos: 'noun', frequency: { $gte: 5, $lt: 9 }, rare: false });
accepts({ seen: { $gt: new Date(0) }, tags: { $contains: 'a' } });
accepts({ 'origin.language': { $startsWith: 'la' }, 'origin.year': { $in: [1, 2] } });
accepts({ $or: [{ pos: 'verb' }, { $not: { frequency: 3 } }], $and: [{ rare: true }] });
accepts({ pos: { $in: ['noun'], $ne: 'verb' }, frequency: { $nin: [1, 2], $exists: true } });
accepts({ 'origin.language': { $contains: 'at', $gte: 'a' }, seen: { $in: [new Date(0), 5] } });
// @ts-expect-error not a value of the field
accepts({ pos: 'adverb' });
// @ts-expect-error not a field
accepts({ weight: 1 });
// @ts-expect-error numbers have no prefix
accepts({ frequency: { $startsWith: '1' } });
// @ts-expect-error a number is compared with numbers
accepts({ frequency: { $gt: '1' } });
// @ts-expect-error booleans have no order
accepts({ rare: { $gt: false } });
// @ts-expect-error an array holds or does not
accepts({ tags: { $gt: 'a' } });
// @ts-expect-error an array equals nothing
accepts({ tags: 'a' });
// @ts-expect-error not a path
accepts({ 'origin.place': 'Rome' });
// @ts-expect-error a part of a string is a string
accepts({ 'origin.language': { $contains: 1 } });
// @ts-expect-error a number has no parts
accepts({ frequency: { $contains: 1 } });
// @ts-expect-error a list of the field's values
accepts({ frequency: { $in: ['1'] } });
// @ts-expect-error a date is no text
accepts({ seen: { $startsWith: '2026' } });
// @ts-expect-error an element of the array
accepts({ tags: { $contains: 1 } });
// @ts-expect-error there or not
accepts({ rare: { $exists: 'yes' } });
// @ts-expect-error an operator that there is not
accepts({ frequency: { $near: 1 } });

test('a_typed_filter_with_dotted_paths_selects', async () => {
  const collection = await empty<Word>();
  const word = { pos: 'noun', frequency: 5, rare: false, seen: new Date(0), tags: ['a'] } as const;
  await collection.insert([
    {
      id: 'x',
      vector: vector(1),
      metadata: { ...word, tags: ['a'], origin: { language: 'latin', year: 10 } },
    },
    { id: 'y', vector: vector(2), metadata: { ...word, tags: ['b'] } },
  ]);
  const ids = async (where: Filter<Word>) => (await collection.get({ where })).map(({ id }) => id);
  assert.deepEqual(await ids({ 'origin.language': { $startsWith: 'lat' } }), ['x']);
  assert.deepEqual(await ids({ 'origin.year': { $exists: false } }), ['y']);
  assert.deepEqual(await ids({ tags: { $contains: 'b' } }), ['y']);
  assert.deepEqual(await ids({ seen: { $lte: new Date(0) } }), ['x', 'y']);
});
