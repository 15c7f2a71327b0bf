import { DurableObject } from 'cloudflare:workers';
import { BatchError, Collection, KindexError } from 'kindex';
import { DurableObjectStorage } from 'kindex/durable-object';

interface Env {
  readonly NOTES: DurableObjectNamespace<Notes>;
}

/** The notes of one user. Whatever `insert` has answered is there after an eviction. */
export class Notes extends DurableObject<Env> {
  #notes: Collection | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Nothing reaches the object before its collection is open.
    ctx.blockConcurrencyWhile(async () => {
      const storage = new DurableObjectStorage(ctx);
      this.#notes = await Collection.open('notes', { dimension: 384, storage });
    });
  }

  override async fetch(request: Request): Promise<Response> {
    const notes = this.#notes as Collection;
    const { pathname } = new URL(request.url);
    try {
      const body = (await request.json()) as Record<string, never>;
      if (pathname.endsWith('/insert')) return Response.json(await notes.insert(body));
      if (pathname.endsWith('/delete')) return Response.json(await notes.delete(body));
      if (pathname.endsWith('/search')) {
        const { vector, ...options } = body;
        return Response.json(await notes.search(vector, options));
      }
      return new Response('not found\n', { status: 404 });
    } catch (thrown) {
      if (!(thrown instanceof KindexError)) throw thrown;
      const errors = thrown instanceof BatchError ? thrown.errors : [];
      const { code, message } = thrown;
      return Response.json({ code, message, errors }, { status: 400 });
    }
  }
}

export default {
  /** `/USER/insert`, `/USER/delete`, `/USER/search`: an object for each user. */
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, user] = new URL(request.url).pathname.split('/');
    if (!user || request.method !== 'POST')
      return new Response('POST /USER/VERB\n', { status: 405 });
    return env.NOTES.get(env.NOTES.idFromName(user)).fetch(request);
  },
};
