import { Collection } from 'kindex';
import { check } from '../check.js';

export default {
  async fetch(request) {
    if (new URL(request.url).pathname === '/fill') return Response.json(await fill());
    const bytes = await request.arrayBuffer();
    if (new URL(request.url).pathname === '/echo') return Response.json(bytes.byteLength);
    return Response.json(await check(Collection, bytes));
  },
};

/** Inserts until the isolate's budget is used up. */
async function fill() {
  const words = await Collection.open('many', {
    dimension: 384,
    graph: { m: 4, efConstruction: 8 },
  });
  for (let batch = 1; ; batch++) {
    const vectors = Float32Array.from({ length: 4000 * 384 }, (_, i) => Math.sin(i * batch));
    try {
      await words.insert({ vectors });
    } catch ({ code, message }) {
      const [hit] = await words.search(vectors.subarray(0, 384), { k: 1 });
      return { code, message, size: words.size, found: hit !== undefined };
    }
  }
}
