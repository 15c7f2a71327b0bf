import { Collection, type Filter, type Hit, type Stats } from 'kindex';
import type { BatchRequest, DictionaryBatch, Synset } from './data.worker.js';
import { DICTIONARY_ROWS, DIMENSION, DOMAINS, type PartOfSpeech } from './wordnet.js';
import { WorkerCalls } from './worker-calls.js';

const NAME = 'wordnet';
/** Rows per insert: large enough to be built in bulk, small enough that the progress bar moves. */
const BATCH_ROWS = 4096;
const RESULTS = 24;

export type Entry = Hit<Synset>;

export interface Narrowing {
  pos: PartOfSpeech | undefined;
  domain: string | undefined;
}

export interface FillProgress {
  done: number;
  total: number;
  vectorsPerSecond: number;
}

/** The words, their glosses and vectors: one Kindex collection on this device. */
export class Dictionary {
  #collection: Collection<Synset>;

  private constructor(collection: Collection<Synset>) {
    this.#collection = collection;
  }

  static async open(): Promise<Dictionary> {
    return new Dictionary(await openCollection());
  }

  get size(): number {
    return this.#collection.size;
  }

  get isComplete(): boolean {
    return this.size >= DICTIONARY_ROWS;
  }

  /**
   * Inserts what is missing. Rows come in one order and every batch is there as a whole or not at all, so after an
   * interrupted visit the size says where to go on.
   */
  async fill(onProgress: (progress: FillProgress) => void): Promise<void> {
    const data = new WorkerCalls<BatchRequest, DictionaryBatch>(
      new URL('data.worker.js', import.meta.url),
    );
    try {
      const first = this.size;
      const start = performance.now();
      let next = data.call({ from: first, rows: BATCH_ROWS });
      while (!this.isComplete) {
        const batch = await next;
        if (batch.ids.length === 0)
          throw new Error(`the data ends after ${this.size} of ${DICTIONARY_ROWS} words`);
        // The next batch is unpacked while this one is inserted.
        next = data.call({ from: this.size + batch.ids.length, rows: BATCH_ROWS });
        // Its failure is met where it is awaited; until then it must not count as nobody's.
        next.catch(() => undefined);
        await this.#collection.insert(batch);
        const vectorsPerSecond = ((this.size - first) / (performance.now() - start)) * 1000;
        onProgress({ done: this.size, total: DICTIONARY_ROWS, vectorsPerSecond });
      }
      await next;
    } finally {
      data.close();
    }
  }

  /** The words nearest to a vector. */
  search(vector: Float32Array, narrowing: Narrowing, signal: AbortSignal): Promise<Entry[]> {
    const where = filterFor(narrowing);
    return this.#collection.search(vector, {
      k: RESULTS,
      include: ['metadata', 'document'],
      signal,
      ...(where && { where }),
    });
  }

  /** The words nearest to one that is there, without itself. */
  async similar(id: string, narrowing: Narrowing, signal: AbortSignal): Promise<Entry[]> {
    const [record] = await this.#collection.get({ ids: [id] }, { include: ['vector'] });
    if (!record?.vector) return [];
    const hits = await this.search(record.vector, narrowing, signal);
    return hits.filter((hit) => hit.id !== id);
  }

  /** The most used synset that holds exactly this word. */
  async find(word: string): Promise<{ id: string; word: string } | undefined> {
    for (const spelling of new Set([word, word.toLowerCase()])) {
      const where: Filter<Synset> = { words: { $contains: spelling } };
      // Rows were inserted by falling frequency, and come back in that order.
      const [record] = await this.#collection.get({ where, limit: 1 }, { include: [] });
      if (record) return { id: record.id, word: spelling };
    }
    return undefined;
  }

  /** Domains that hold words, with how many. */
  async domains(): Promise<{ domain: string; count: number }[]> {
    const counts = await Promise.all(
      DOMAINS.map((domain) => this.#collection.count({ where: { domain } })),
    );
    return DOMAINS.map((domain, i) => ({ domain, count: counts[i] ?? 0 })).filter(
      ({ count }) => count > 0,
    );
  }

  stats(): Promise<Stats> {
    return Promise.resolve(this.#collection.stats());
  }

  /** Removes everything from the device and starts empty. */
  async clear(): Promise<void> {
    await this.#collection.close();
    await Collection.destroy(NAME);
    this.#collection = await openCollection();
  }
}

function openCollection(): Promise<Collection<Synset>> {
  return Collection.open<Synset>(NAME, {
    dimension: DIMENSION,
    metric: 'cosine',
    quantization: 'int8',
  });
}

function filterFor({ pos, domain }: Narrowing): Filter<Synset> | undefined {
  if (domain) return { domain };
  return pos ? { pos } : undefined;
}
