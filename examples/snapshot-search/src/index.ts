import { Collection, KindexError } from 'kindex';

interface Env {
  readonly ASSETS: { fetch(request: Request | URL): Promise<Response> };
  /** A bucket of R2, where the configuration binds one. */
  readonly BUCKET?: { get(key: string): Promise<{ readonly body: ReadableStream } | null> };
}

/** Opened by the first request of an isolate; all others of it find it open. */
let opening: Promise<Collection> | undefined;

async function open({ ASSETS, BUCKET }: Env, request: Request): Promise<Collection> {
  const object = await BUCKET?.get('words.kindex');
  // Read as it arrives: the snapshot is never in memory beside the collection.
  return Collection.load(
    object?.body ?? (await ASSETS.fetch(new URL('/words.kindex', request.url))),
  );
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method !== 'POST') return new Response('POST { vector, k }\n', { status: 405 });
    const started = Date.now();
    opening ??= open(env, request).catch((thrown) => {
      opening = undefined; // the next request tries again
      throw thrown;
    });
    try {
      const words = await opening;
      const { vector, k } = (await request.json()) as { vector: number[]; k?: number };
      const hits = await words.search(vector, { k: k ?? 10 });
      return Response.json({ hits, size: words.size, milliseconds: Date.now() - started });
    } catch (thrown) {
      if (!(thrown instanceof KindexError)) throw thrown;
      return Response.json({ code: thrown.code, message: thrown.message }, { status: 400 });
    }
  },
};
