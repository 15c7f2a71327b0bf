import { DIMENSION, Shard } from './shard.js';
import { ShardedCollection } from './sharded.js';

export { Shard };

interface Env {
  readonly SHARDS: DurableObjectNamespace<Shard>;
}

const SHARDS = 8;

export default {
  /**
   * `/insert?batchId=B`: rows as JSON. `/search?k=10`: a vector as float32 little-endian. `shards=1` asks for a
   * collection of one shard, to compare.
   */
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method !== 'POST')
      return new Response('POST /insert or /search\n', { status: 405 });
    const count = Number(searchParams.get('shards') ?? SHARDS);
    const words = new ShardedCollection(env.SHARDS, `words of ${count}`, count);
    if (pathname === '/insert') {
      const batchId = searchParams.get('batchId') ?? crypto.randomUUID();
      const report = await words.insert(await request.json(), batchId);
      return Response.json(report, { status: report.errors.length > 0 ? 400 : 200 });
    }
    if (pathname !== '/search') return new Response('not found\n', { status: 404 });
    const vector = new Float32Array(await request.arrayBuffer());
    if (vector.length !== DIMENSION)
      return new Response(`${DIMENSION} numbers, not ${vector.length}\n`, { status: 400 });
    return Response.json(await words.search(vector, Number(searchParams.get('k') ?? 10)));
  },
};
