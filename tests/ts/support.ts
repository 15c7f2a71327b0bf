import assert from 'node:assert/strict';
import {
  Collection,
  KindexError,
  type Metadata,
  type OpenOptions,
} from '../../ts/entrypoints/node.js';

/** The files as they come from the build. */
export const WASM = { wasmUrl: new URL('../../ts/generated/', import.meta.url) };

/** Random numbers that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `rows` vectors around a few centers, row-major. */
export function clustered(rows: number, dimension: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  const centers = Float32Array.from({ length: 16 * dimension }, () => random() * 2 - 1);
  return Float32Array.from({ length: rows * dimension }, (_, i) => {
    const center = Math.floor(i / dimension) % 16;
    return (centers[center * dimension + (i % dimension)] as number) + (random() - 0.5) * 0.4;
  });
}

let opened = 0;

/** An empty collection in memory. */
export function empty<M extends object = Metadata>(
  options: OpenOptions = {},
): Promise<Collection<M>> {
  opened += 1;
  return Collection.open<M>(`test-${opened}`, {
    dimension: 4,
    storage: 'memory',
    ...WASM,
    ...options,
  });
}

/** A vector of dimension 4 that no two small numbers share. */
export function vector(i: number): number[] {
  return [1, i + 1, (i * 7) % 5, (i * i) % 11];
}

/** `count` rows with ids `r0`, `r1`, ... */
export function rows(count: number, first = 0) {
  return Array.from({ length: count }, (_, i) => ({
    id: `r${first + i}`,
    vector: vector(first + i),
    metadata: { n: first + i, even: (first + i) % 2 === 0, tags: [`t${(first + i) % 3}`] },
    document: `document ${first + i}`,
  }));
}

/** For `assert.rejects`: whether it is a `KindexError` of that code. */
export const code = (expected: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof KindexError, `a KindexError was expected, ${thrown} came`);
  assert.equal(thrown.code, expected, thrown.message);
  return true;
};
