import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { Collection } from '../../ts/entrypoints/node.js';
import { equal } from '../../ts/react/equal.js';
import { type CollectionState, useCollection, useSearch } from '../../ts/react/index.js';
import { keyOf } from '../../ts/react/shared.js';
import { WASM } from './support.js';

test('on_the_server_a_collection_is_loading_and_nothing_is_opened', async () => {
  const seen: CollectionState<{ pos: string }>[] = [];
  function Words() {
    const state = useCollection<{ pos: string }>('words', { dimension: 4 });
    // The types of filters and hits come from the collection's.
    const { hits, loading } = useSearch(state.collection, [1, 2, 3, 4], { where: { pos: 'noun' } });
    seen.push(state);
    return createElement('p', null, `${state.loading} ${loading} ${hits[0]?.metadata?.pos}`);
  }
  assert.equal(renderToString(createElement(Words)), '<p>true false undefined</p>');
  assert.equal(seen[0]?.collection, undefined);
  assert.deepEqual(await Collection.list({ storage: 'memory', ...WASM }), []);
});

test('inputs_are_equal_if_they_say_the_same', () => {
  const now = Date.now();
  const same: [unknown, unknown][] = [
    [
      [1, 2],
      [1, 2],
    ],
    [Float32Array.of(1, 2), Float32Array.of(1, 2)],
    [
      { k: 3, where: { a: { $in: ['x'] } } },
      { where: { a: { $in: ['x'] } }, k: 3 },
    ],
    [new Date(now), new Date(now)],
    [Number.NaN, Number.NaN],
  ];
  for (const [a, b] of same) assert.equal(equal(a, b), true);
  const other: [unknown, unknown][] = [
    [[1, 2], [1]],
    [[1, 2], Float32Array.of(1, 2)],
    [{ k: undefined }, { ef: undefined }],
    [{ k: 1 }, { k: 1, ef: 2 }],
    [new Date(now), new Date(now + 1)],
    [{}, null],
    ['1', 1],
    [() => 1, () => 1],
  ];
  for (const [a, b] of other) assert.equal(equal(a, b), false);
});

test('a_collection_is_told_apart_by_what_its_options_say', () => {
  const storage = { kind: 'own', open: () => {} } as never;
  const key = keyOf('a', { dimension: 4, embed: async () => [], graph: { m: 8 } });
  assert.equal(keyOf('a', { graph: { m: 8 }, embed: async () => [[]], dimension: 4 }), key);
  assert.notEqual(keyOf('b', { dimension: 4, embed: async () => [], graph: { m: 8 } }), key);
  assert.notEqual(keyOf('a', { dimension: 4, graph: { m: 8 } }), key);
  assert.notEqual(keyOf('a', { dimension: 4, embed: async () => [], graph: { m: 9 } }), key);
  assert.equal(keyOf('a', { storage }), keyOf('a', { storage }));
  assert.notEqual(
    keyOf('a', { storage }),
    keyOf('a', { storage: { ...(storage as object) } as never }),
  );
  assert.equal(keyOf('a', { dimension: 4 }), keyOf('a', { dimension: 4, onProgress: () => {} }));
});
