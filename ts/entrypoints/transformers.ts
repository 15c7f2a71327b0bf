/** @module kindex/transformers */
import { KindexError, throwIfAborted } from '../errors.js';
import { checkNames, type Names } from '../options.js';
import type { Embed } from '../types.js';

/** What is used of Transformers.js, so that it need not be installed for the types. */
export interface TransformersLibrary {
  /** Loads a model. */
  pipeline(
    task: 'feature-extraction',
    model: string,
    options?: Record<string, unknown>,
  ): Promise<FeatureExtractor>;
  /** The library's settings, which `configure` may change. */
  readonly env: object;
}

/** A feature-extraction pipeline. */
export interface FeatureExtractor {
  (
    texts: string[],
    options: { pooling: Pooling; normalize: boolean },
  ): Promise<{
    /** The numbers of all vectors, row-major. */
    readonly data: ArrayLike<number>;
    /** Texts, and numbers of each. */
    readonly dims: readonly number[];
  }>;
  /** Gives the model's memory back. */
  dispose?(): Promise<unknown>;
}

/** How the vectors of a text's tokens become one; the model's card names it. */
export type Pooling = 'mean' | 'cls' | 'first_token' | 'last_token' | 'eos';

/** Options of {@link transformersEmbedder}. */
export interface TransformersOptions {
  /** A name on the hub or below the local path; default `Xenova/all-MiniLM-L6-v2`, which makes 384 dimensions. */
  readonly model?: string;
  /** Default `mean`. */
  readonly pooling?: Pooling;
  /** Whether vectors get unit length; default true. */
  readonly normalize?: boolean;
  /** Put before every text, for models that ask for it (`query: `). */
  readonly prefix?: string;
  /** Options of `pipeline()`: `dtype`, `device`, `revision`, `progress_callback`, ... */
  readonly pipeline?: Readonly<Record<string, unknown>>;
  /** Changes the library's `env` before the model is loaded: where models and wasm are. */
  readonly configure?: (env: never) => void;
  /** The library, where it is not the installed `@huggingface/transformers`. */
  readonly library?: () => Promise<TransformersLibrary>;
}

const OPTIONS: Names<TransformersOptions> = {
  model: 1,
  pooling: 1,
  normalize: 1,
  prefix: 1,
  pipeline: 1,
  configure: 1,
  library: 1,
};

/** An embedder whose model is loaded with the first text, or beforehand. */
export interface TransformersEmbedder extends Embed {
  /** @throws KindexError `UNSUPPORTED`, `STORAGE_UNAVAILABLE` */
  load(): Promise<void>;
  /** Gives the model's memory back; the next text loads it again. */
  dispose(): Promise<void>;
}

/**
 * An embedder for `Collection.open` that runs a model of Transformers.js (`@huggingface/transformers`, which must be
 * installed beside Kindex) on this thread. In a page, run it in a worker of your own to keep the page's thread free.
 */
export function transformersEmbedder(options: TransformersOptions = {}): TransformersEmbedder {
  checkNames('transformersEmbedder', OPTIONS, options);
  const { pooling = 'mean', normalize = true, prefix = '' } = options;
  let model: Promise<FeatureExtractor> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const load = () => {
    const loading = model ?? loadModel(options);
    model = loading;
    // A failed load may have been the network: the next call tries again.
    loading.catch(() => {
      if (model === loading) model = undefined;
    });
    return loading;
  };

  const run = async (texts: readonly string[], signal: AbortSignal | undefined) => {
    throwIfAborted(signal);
    const extract = await load();
    throwIfAborted(signal);
    const given = texts.map((text) => prefix + text);
    const { data, dims } = await extract(given, { pooling, normalize });
    if (dims.length !== 2 || dims[0] !== texts.length) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `the model must make one vector a text, but made [${dims.join(' x ')}] of ${texts.length}; see the option 'pooling'`,
      );
    }
    return Float32Array.from(data);
  };

  const embed: Embed = (texts, { signal }) => {
    // One call at a time: a session that is running can't be run.
    const turn = last.then(() => run(texts, signal));
    last = turn.catch(() => {});
    return turn;
  };

  return Object.assign(embed, {
    async load() {
      await load();
    },
    async dispose() {
      await last;
      const loaded = await model?.catch(() => undefined);
      model = undefined;
      await loaded?.dispose?.();
    },
  });
}

async function loadModel(options: TransformersOptions): Promise<FeatureExtractor> {
  const { model = 'Xenova/all-MiniLM-L6-v2' } = options;
  const library = await loadLibrary(options.library);
  options.configure?.(library.env as never);
  try {
    return await library.pipeline('feature-extraction', model, { ...options.pipeline });
  } catch (cause) {
    throw new KindexError(
      'STORAGE_UNAVAILABLE',
      `the model '${model}' can't be loaded: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

async function loadLibrary(library: TransformersOptions['library']): Promise<TransformersLibrary> {
  try {
    if (library) return await library();
    return (await import('@huggingface/transformers')) as unknown as TransformersLibrary;
  } catch (cause) {
    throw new KindexError(
      'UNSUPPORTED',
      `Transformers.js can't be loaded; is '@huggingface/transformers' installed? ${cause}`,
      { cause },
    );
  }
}
