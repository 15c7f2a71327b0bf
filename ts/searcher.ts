import { untilAborted } from './abort.js';
import { checkInclude, checkInteger, checkViewName, queryMatrix } from './arguments.js';
import type { Connection } from './connection.js';
import { encodeDecay } from './decay.js';
import type { Embedder } from './embed.js';
import { type ErrorCode, KindexError, show, throwIfAborted, toKindexError } from './errors.js';
import { LIMITS } from './limits.js';
import { checkOptions } from './options.js';
import { hits, includeBits } from './results.js';
import { encodeSelection } from './selection.js';
import type { Found, Hit, Metric, SearchOptions, Vector } from './types.js';
import type { SearchCall } from './worker/protocol.js';

const DEFAULT_K = 10;
const DEFAULT_EF = 64;

/** What may be wrong with one query and not with the others. */
const OF_A_QUERY: ReadonlySet<ErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'DIMENSION_MISMATCH',
  'NOT_FINITE',
  'ZERO_VECTOR',
]);

type Queries = Float32Array | readonly Vector[] | readonly string[];
/** A search without its queries. */
type Wanted = Omit<SearchCall, 'queries'>;

/** A call with one query, which waits for others that want the same. */
interface Waiting<M extends object> {
  readonly query: Float32Array | string;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (found: Hit<M>[]) => void;
  readonly reject: (thrown: unknown) => void;
}

/** The searching half of a collection. Calls of one turn that differ in nothing but the query become one. */
export class Searcher<M extends object> {
  readonly #connection: Connection;
  readonly #dimension: number;
  readonly #metric: Metric;
  readonly #embedder: Embedder | undefined;
  readonly #writing: () => boolean;
  /** Searches that are still open for more queries, by what they want. */
  readonly #open = new Map<string, Waiting<M>[]>();
  /** Settles with the search that was sent last. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    connection: Connection;
    dimension: number;
    metric: Metric;
    embedder: Embedder | undefined;
    /** Whether a batch is under way. */
    writing: () => boolean;
  }) {
    this.#connection = parts.connection;
    this.#dimension = parts.dimension;
    this.#metric = parts.metric;
    this.#embedder = parts.embedder;
    this.#writing = parts.writing;
  }

  async search(query: Vector | string, options: SearchOptions<M>): Promise<Hit<M>[]> {
    const wanted = this.#wanted(options);
    const { signal, explain } = options;
    // A copy: the caller may fill its array anew while this waits.
    const own = typeof query === 'string' ? query : queryMatrix([query], this.#dimension);
    if (explain) return (await this.#run(wanted, [own] as Queries, options))[0] ?? [];
    const found = new Promise<Hit<M>[]>((resolve, reject) => {
      this.#gather(wanted, { query: own, signal, resolve, reject });
    });
    return untilAborted(found, signal);
  }

  async searchBatch(queries: Queries, options: SearchOptions<M>): Promise<Found<M>[]> {
    return this.#run(this.#wanted(options), queries, options);
  }

  #wanted(options: SearchOptions<M>): Wanted {
    checkOptions('search', options);
    throwIfAborted(options.signal);
    return {
      k: checkInteger('k', options.k ?? DEFAULT_K, 1, LIMITS.k),
      ef: checkInteger('ef', options.ef ?? DEFAULT_EF, 1, LIMITS.ef),
      exact: options.exact ?? false,
      ...encodeSelection(options),
      decay: options.decay === undefined ? undefined : encodeDecay(options.decay),
      include: includeBits(checkInclude(options.include, ['metadata'])),
      explain: options.explain ?? false,
      view: options.view === undefined ? undefined : checkViewName(options.view),
    };
  }

  #gather(wanted: Wanted, call: Waiting<M>): void {
    const key = `${typeof call.query} ${JSON.stringify(wanted)}`;
    const open = this.#open.get(key);
    if (open && open.length < LIMITS.gatheredCalls) {
      open.push(call);
      return;
    }
    const calls = [call];
    this.#open.set(key, calls);
    const close = () => {
      if (this.#open.get(key) === calls) this.#open.delete(key);
      void this.#together(wanted, calls);
    };
    // During a batch the engine answers one search after the other: one more would only wait behind the last.
    if (this.#writing()) void this.#last.then(close);
    else queueMicrotask(close);
  }

  /** Answers all. Where a query is bad, halves are asked for themselves until only that one fails. */
  async #together(wanted: Wanted, calls: readonly Waiting<M>[]): Promise<void> {
    const here = calls.filter(({ signal }) => !signal?.aborted);
    try {
      const found = await this.#run(wanted, here.map(({ query }) => query) as Queries, {});
      for (const [i, { resolve }] of here.entries()) resolve(found[i] ?? []);
    } catch (thrown) {
      if (here.length === 1 || !OF_A_QUERY.has(toKindexError(thrown).code)) {
        for (const { reject } of here) reject(thrown);
        return;
      }
      const half = Math.ceil(here.length / 2);
      await this.#together(wanted, here.slice(0, half));
      await this.#together(wanted, here.slice(half));
    }
  }

  async #run(
    wanted: Wanted,
    queries: Queries,
    { signal, explain }: Pick<SearchOptions<M>, 'signal' | 'explain'>,
  ): Promise<Found<M>[]> {
    const matrix = await this.#matrix(queries, signal);
    if (explain && matrix.length > this.#dimension)
      throw new KindexError('INVALID_ARGUMENT', 'explain is for one query at a time');
    if (matrix.length === 0) return [];
    const { client, collection } = await this.#connection.use();
    const call = { ...wanted, queries: matrix };
    const answer = client.call('search', { collection, call }, { transfer: [matrix.buffer] });
    this.#last = answer.catch(() => {});
    const columns = await untilAborted(answer, signal);
    const found = hits<M>(columns, this.#dimension, this.#metric);
    if (found[0] && columns.explanation)
      Object.assign(found[0], { explanation: JSON.parse(columns.explanation) });
    return found;
  }

  async #matrix(
    queries: Queries,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array<ArrayBuffer>> {
    if (!Array.isArray(queries) || queries.length === 0 || typeof queries[0] !== 'string')
      return queryMatrix(queries, this.#dimension);
    const embedder = this.#toEmbed();
    const bad = queries.findIndex((query) => typeof query !== 'string');
    if (bad >= 0) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `query ${bad} is ${show(queries[bad])}, not a text`,
        { index: bad },
      );
    }
    return new Float32Array(await embedder.all(queries, signal));
  }

  #toEmbed(): Embedder {
    if (this.#embedder) return this.#embedder;
    throw new KindexError(
      'INVALID_ARGUMENT',
      'a text can be searched for only if the collection was opened with embed',
    );
  }
}
