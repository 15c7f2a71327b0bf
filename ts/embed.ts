import { untilAborted } from './abort.js';
import { checkInteger } from './arguments.js';
import { type ErrorCode, KindexError, show, throwIfAborted, toKindexError } from './errors.js';
import { LIMITS } from './limits.js';
import type { Embed, Embedding, EmbedOptions, Vector } from './types.js';

/** Texts per call of the embedder, unless the options say otherwise. */
const EMBED_BATCH = 32;
/** How long a call of the embedder may take, unless the options say otherwise. Loading a model counts. */
const EMBED_MS = 120_000;
/** After that many texts that failed one after the other, the embedder is taken for broken. */
const MOST_FAILURES = 32;
/** The same for texts whose time ran out. */
const MOST_TIMEOUTS = 2;

/** What an embedder throws when it can't work at all: a model or an endpoint that is not there. */
const OF_THE_EMBEDDER: ReadonlySet<ErrorCode> = new Set(['STORAGE_UNAVAILABLE', 'UNSUPPORTED']);

/** What became of a text. */
export type Embedded = Float32Array | KindexError;

/** A collection's embedder: calls it in batches, and checks count, shape and kind of what comes back. */
export class Embedder {
  readonly #embedding: Embedding;
  readonly #dimension: number;
  readonly #size: number;
  readonly #timeoutMs: number;

  private constructor(embedding: Embedding, options: EmbedOptions, dimension: number) {
    this.#embedding = embedding;
    this.#dimension = dimension;
    const { embedBatchSize = EMBED_BATCH, embedTimeoutMs = EMBED_MS } = options;
    this.#size = checkInteger('embedBatchSize', embedBatchSize, 1, LIMITS.batchRows);
    this.#timeoutMs = checkInteger('embedTimeoutMs', embedTimeoutMs, 1, LIMITS.embedTimeoutMs);
  }

  /**
   * The embedder that the options name, if they do.
   *
   * @throws KindexError `INVALID_ARGUMENT`
   */
  static of(options: EmbedOptions, dimension: number): Embedder | undefined {
    const { embed } = options;
    if (embed === undefined) return undefined;
    const works = typeof embed === 'function' || typeof embed?.each === 'function';
    if (works) return new Embedder(embed, options, dimension);
    throw new KindexError(
      'INVALID_ARGUMENT',
      `embed is a function of texts, or { each } with a function of one text, but is ${show(embed)}`,
    );
  }

  /** Texts per call. */
  get size(): number {
    return this.#size;
  }

  /**
   * Vectors for all texts, row-major.
   *
   * @throws KindexError of the first text that has none
   */
  async all(texts: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const matrix = new Float32Array(texts.length * this.#dimension);
    for (const [i, made] of (await this.each(texts, signal)).entries()) {
      if (made instanceof KindexError)
        throw new KindexError(made.code, `text ${i}: ${made.message}`, { cause: made, index: i });
      matrix.set(made, i * this.#dimension);
    }
    return matrix;
  }

  /**
   * A vector or an error for each text. A batch that fails is tried again text by text, so that only those that are
   * to blame fail.
   *
   * @throws KindexError `ABORTED`
   */
  async each(
    texts: readonly string[],
    signal: AbortSignal | undefined,
    onDone?: (done: number) => void,
  ): Promise<Embedded[]> {
    const made: Embedded[] = [];
    const health = new Health();
    while (made.length < texts.length) {
      throwIfAborted(signal);
      const part = texts.slice(made.length, made.length + this.#size);
      for (const one of await this.#batch(part, signal, health)) made.push(one);
      onDone?.(made.length);
    }
    return made;
  }

  async #batch(
    texts: readonly string[],
    signal: AbortSignal | undefined,
    health: Health,
  ): Promise<Embedded[]> {
    const embed = this.#embedding;
    if (typeof embed === 'function' && texts.length > 1 && !health.broken) {
      try {
        const rows = await this.#call((own) => embed(texts, { signal: own }), texts.length, signal);
        health.worked();
        return rows;
      } catch (thrown) {
        throwIfAborted(signal);
        health.batchFailed(thrown as KindexError);
      }
    }
    const made: Embedded[] = [];
    for (const text of texts) {
      throwIfAborted(signal);
      made.push(health.broken ?? (await this.#one(text, signal, health)));
    }
    return made;
  }

  async #one(text: string, signal: AbortSignal | undefined, health: Health): Promise<Embedded> {
    const embed = this.#embedding;
    const call = (own: AbortSignal) =>
      typeof embed === 'function'
        ? embed([text], { signal: own })
        : embed.each(text, { signal: own }).then((vector) => [vector]);
    try {
      const [row] = await this.#call(call, 1, signal);
      health.worked();
      return row as Float32Array;
    } catch (thrown) {
      throwIfAborted(signal);
      return health.failed(thrown as KindexError);
    }
  }

  /** One call within its time; what it returns, by row. */
  async #call(
    call: (signal: AbortSignal) => ReturnType<Embed>,
    rows: number,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> {
    const own = new AbortController();
    const stop = () => own.abort(signal?.reason);
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(
      () => own.abort(new TimeOut(`embed has not answered within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    try {
      // Within the try as well: an embedder that is no async function throws at once.
      const made = await untilAborted(Promise.resolve(call(own.signal)), own.signal);
      return checkedRows(made, rows, this.#dimension);
    } catch (thrown) {
      const { reason } = own.signal;
      if (reason instanceof TimeOut)
        throw new KindexError('ABORTED', reason.message, { cause: reason });
      if (thrown instanceof KindexError) throw thrown;
      const { code, message } = toKindexError(thrown, 'INVALID_ARGUMENT');
      throw new KindexError(code, `embed failed: ${message}`, { cause: thrown });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }
}

class TimeOut extends Error {
  override readonly name = 'TimeOut';
}

/** Tells texts that an embedder can't take from an embedder that takes none, which is not asked for ever. */
class Health {
  /** The error of every further text, once the embedder is taken for broken. */
  broken: KindexError | undefined;
  #failures = 0;
  #timeouts = 0;

  worked(): void {
    this.#failures = 0;
    this.#timeouts = 0;
  }

  /** An error that can't be about a text ends the asking at once. */
  batchFailed(error: KindexError): void {
    if (!OF_THE_EMBEDDER.has(error.code)) return;
    this.broken = error;
  }

  failed(error: KindexError): KindexError {
    this.batchFailed(error);
    if (this.broken) return error;
    this.#failures += 1;
    this.#timeouts = error.cause instanceof TimeOut ? this.#timeouts + 1 : 0;
    if (this.#failures >= MOST_FAILURES || this.#timeouts >= MOST_TIMEOUTS) {
      this.broken = new KindexError(
        error.code,
        `embed was not called any more, because it failed for the ${this.#failures} texts before: ${error.message}`,
        { cause: error },
      );
    }
    return error;
  }
}

/** @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH` */
function checkedRows(made: unknown, rows: number, dimension: number): Float32Array[] {
  if (made instanceof Float32Array) {
    if (made.length === rows * dimension)
      return Array.from({ length: rows }, (_, i) => made.slice(i * dimension, (i + 1) * dimension));
    throw new KindexError(
      'DIMENSION_MISMATCH',
      `embed must return ${rows} x ${dimension} numbers for ${rows} texts, but returned ${made.length}`,
    );
  }
  if (!Array.isArray(made) || made.length !== rows) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `embed must return ${rows} vectors for ${rows} texts, but returned ${show(made)}`,
    );
  }
  return (made as Vector[]).map((vector, i) => {
    if (!Array.isArray(vector) && !(vector instanceof Float32Array)) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `embed must return vectors, but returned ${show(vector)} for text ${i}`,
        { index: i },
      );
    }
    if (vector.length !== dimension) {
      throw new KindexError(
        'DIMENSION_MISMATCH',
        `embed must return vectors of ${dimension} numbers, but returned ${vector.length} for text ${i}`,
        { index: i },
      );
    }
    const bad = vector.findIndex((component) => typeof component !== 'number');
    if (bad >= 0) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `embed must return numbers, but component ${bad} for text ${i} is ${show(vector[bad])}`,
        { index: i },
      );
    }
    return Float32Array.from(vector);
  });
}
