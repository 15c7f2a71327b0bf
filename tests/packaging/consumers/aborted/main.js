import { DurableObject } from 'cloudflare:workers';
import { Collection } from 'kindex';
import { DurableObjectStorage } from 'kindex/durable-object';

const DIMENSION = 384;

/** An object that can be told to end itself in the middle of a batch, as a crash would. */
export class Victim extends DurableObject {
  #words;
  /** Statements until the end; none if it is not told. */
  #left = Number.POSITIVE_INFINITY;

  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      const storage = new DurableObjectStorage(this.#mortal(ctx));
      this.#words = await Collection.open('words', { dimension: DIMENSION, storage });
    });
  }

  #mortal({ id, storage }) {
    const exec = (...statement) => {
      if (this.#left-- <= 0) this.ctx.abort('in the middle of a batch');
      return storage.sql.exec(...statement);
    };
    const transactionSync = (work) => storage.transactionSync(work);
    return { id, storage: { sql: { exec }, transactionSync, sync: () => storage.sync() } };
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name) => Number(searchParams.get(name));
    const first = number('first');
    const rows = number('rows');
    if (pathname === '/insert') {
      if (searchParams.has('after')) this.#left = number('after');
      const ids = Array.from({ length: rows }, (_, i) => `word ${first + i}`);
      const documents = ids.map((id) => `about ${id}, `.repeat(20));
      await this.#words.insert({ ids, documents, vectors: made(first, rows) });
      this.#left = Number.POSITIVE_INFINITY;
      return Response.json(this.#words.size);
    }
    const ids = Array.from({ length: rows }, (_, i) => `word ${first + i}`);
    const records = await this.#words.get({ ids }, { include: ['document'] });
    const [hit] = await this.#words.search(made(first, 1), { k: 1 });
    const whole = records.every(({ id, document }) => document?.startsWith(`about ${id},`));
    return Response.json({ size: this.#words.size, there: records.length, whole, hit: hit?.id });
  }
}

/** Vectors that are the same whenever they are asked for. */
function made(first, rows) {
  return Float32Array.from({ length: rows * DIMENSION }, (_, i) =>
    Math.sin((first * DIMENSION + i) * 12.9898 + (i % DIMENSION) ** 2),
  );
}

export default {
  fetch(request, env) {
    return env.VICTIMS.get(env.VICTIMS.idFromName('one')).fetch(request);
  },
};
