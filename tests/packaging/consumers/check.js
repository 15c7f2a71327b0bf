// What every consumer does with the package: open, insert a thousand vectors in a batch, search.

/** 1,000 vectors of 384 numbers, then the queries. */
const ROWS = 1000;
const DIMENSION = 384;

export async function check(Collection, bytes, options = {}) {
  const numbers = new Float32Array(bytes);
  const vectors = numbers.subarray(0, ROWS * DIMENSION);
  const queries = numbers.slice(ROWS * DIMENSION);
  const ids = Array.from({ length: ROWS }, (_, i) => `word ${i}`);
  const metadatas = ids.map((_, i) => ({ even: i % 2 === 0 }));

  // #region use
  const words = await Collection.open('words', { dimension: DIMENSION, ...options });
  const { written, durable } = await words.insert({ ids, vectors, metadatas });
  const hits = await words.searchBatch(queries, { k: 10 });
  const even = await words.search(queries.subarray(0, DIMENSION), { k: 10, where: { even: true } });
  const { threads, storage, simd } = await words.stats();
  await words.close();
  // #endregion
  return {
    written,
    durable,
    threads,
    storage,
    simd,
    found: hits.map((row) => row.map(({ id }) => id)),
    even: even.map(({ id }) => id),
  };
}
