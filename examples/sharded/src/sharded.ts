import type { Hit, ItemError, Row } from 'kindex';
import type { Shard } from './shard.js';

/** A shard that did not do its part, and why. */
export interface Missing {
  readonly shard: number;
  readonly reason: string;
}

export interface InsertReport {
  readonly written: number;
  /** With indexes into the whole batch. Each shard writes its part as a whole or not at all. */
  readonly errors: readonly ItemError[];
  /** Whether their parts were written is not known: send the batch again under the same `batchId`. */
  readonly missing: readonly Missing[];
}

export interface SearchReport {
  readonly hits: readonly Hit[];
  /** Whether a shard is missing from the answer. */
  readonly partial: boolean;
  readonly missing: readonly Missing[];
}

/**
 * A collection over `count` objects. The hash of its id says where a record is, so the count can't change later.
 * Objects are found and placed by Cloudflare; each is asked at the same time.
 */
export class ShardedCollection {
  readonly #shards: readonly DurableObjectStub<Shard>[];
  readonly #patience: number;

  /** `patience`: milliseconds until a search goes on without a shard. */
  constructor(
    namespace: DurableObjectNamespace<Shard>,
    name: string,
    count: number,
    patience = 2000,
  ) {
    this.#shards = Array.from({ length: count }, (_, i) =>
      namespace.get(namespace.idFromName(`${name}/${i}`)),
    );
    this.#patience = patience;
  }

  async insert(rows: readonly (Row & { id: string })[], batchId: string): Promise<InsertReport> {
    const places: number[][] = this.#shards.map(() => []);
    for (const [i, { id }] of rows.entries()) places[hash(id) % places.length]?.push(i);
    const errors: ItemError[] = [];
    const missing: Missing[] = [];
    let written = 0;
    await Promise.all(
      places.map(async (part, shard) => {
        if (part.length === 0) return;
        try {
          const report = await this.#stub(shard).insert(
            part.map((i) => rows[i] as Row),
            batchId,
          );
          written += report.written;
          for (const error of report.errors)
            errors.push({ ...error, index: part[error.index] as number });
        } catch (thrown) {
          missing.push({ shard, reason: reasonOf(thrown) });
        }
      }),
    );
    errors.sort((a, b) => a.index - b.index);
    return { written, errors, missing };
  }

  async search(vector: Float32Array, k: number): Promise<SearchReport> {
    const missing: Missing[] = [];
    const parts = await Promise.all(
      this.#shards.map(async (_, shard) => {
        try {
          return await within(this.#patience, this.#stub(shard).search(vector, k));
        } catch (thrown) {
          missing.push({ shard, reason: reasonOf(thrown) });
          return [];
        }
      }),
    );
    const hits = (parts as Hit[][])
      .flat()
      .sort((a, b) => a.distance - b.distance)
      .slice(0, k);
    return { hits, partial: missing.length > 0, missing };
  }

  #stub(shard: number): DurableObjectStub<Shard> {
    return this.#shards[shard] as DurableObjectStub<Shard>;
  }
}

/** FNV-1a over the id's UTF-16 units: evenly spread, and the same everywhere. */
export function hash(id: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) state = Math.imul(state ^ id.charCodeAt(i), 0x01000193);
  return (state ^ (state >>> 15)) >>> 0;
}

async function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const reasonOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));
