/** @module kindex/openai-compatible */
import { type ErrorCode, KindexError, show, throwIfAborted } from '../errors.js';
import { checkNames, type Names } from '../options.js';
import type { Embed } from '../types.js';

/** Options of {@link openAiCompatibleEmbedder}. */
export interface OpenAiCompatibleOptions {
  /** The endpoint in full, for example `https://api.openai.com/v1/embeddings`. */
  readonly url: string | URL;
  /** The model's name, as the endpoint knows it. */
  readonly model: string;
  /** Sent as `Authorization: Bearer ...`. A function is asked before every request. Keep keys off public pages. */
  readonly apiKey?: string | (() => string | Promise<string>);
  /** More headers of the request, in lower case; they replace those of the same name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Components wanted, for models that can shorten their vectors. */
  readonly dimensions?: number;
  /** More fields of the request's JSON; they replace those of the same name. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Attempts in all at a request that meets 429, 5xx or a dead network; default 5. */
  readonly tries?: number;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

const OPTIONS: Names<OpenAiCompatibleOptions> = {
  url: 1,
  model: 1,
  apiKey: 1,
  headers: 1,
  dimensions: 1,
  body: 1,
  tries: 1,
  fetch: 1,
};
const TRIES = 5;
/** Waits between attempts are random below a bound that doubles from here to there, unless the server names one. */
const BASE_MS = 500;
const CAP_MS = 16_000;
/** A server that asks for a longer pause is not waited for. */
const MOST_PAUSE_MS = 60_000;
/** Of an answer that is an error, so much is shown. */
const SHOWN = 200;

/**
 * An embedder for `Collection.open` that asks an HTTP endpoint which speaks OpenAI's protocol, as hosted and local
 * servers do: `{ model, input }` in, `{ data: [{ index, embedding }] }` out.
 *
 * It throws `UNSUPPORTED` where the endpoint or its key are wrong, `STORAGE_UNAVAILABLE` where all attempts failed, and
 * `INVALID_ARGUMENT` for what the server refuses of the texts, and for an answer of another form.
 */
export function openAiCompatibleEmbedder(options: OpenAiCompatibleOptions): Embed {
  checkNames('openAiCompatibleEmbedder', OPTIONS, options);
  const { tries = TRIES } = options;
  if (!Number.isInteger(tries) || tries < 1) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `tries is a whole number from 1, but is ${show(tries)}`,
    );
  }
  return async (texts, { signal }) => {
    for (let failures = 1; ; failures++) {
      const answer = await attempt(options, texts, signal);
      if (!('error' in answer)) return answer.vectors;
      const { error, pauseMs = Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1)) } =
        answer;
      if (!error.retryable || failures >= tries || pauseMs > MOST_PAUSE_MS) throw error;
      await pause(pauseMs, signal);
    }
  };
}

type Answer =
  | { readonly vectors: Float32Array[] }
  | { readonly error: KindexError; readonly pauseMs?: number | undefined };

async function attempt(
  options: OpenAiCompatibleOptions,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Answer> {
  const { url, model, apiKey, dimensions } = options;
  const key = typeof apiKey === 'function' ? await apiKey() : apiKey;
  const request = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...options.headers,
    },
    body: JSON.stringify({
      model,
      input: texts,
      ...(dimensions !== undefined && { dimensions }),
      ...options.body,
    }),
    signal,
  };
  let response: Response;
  let text: string;
  try {
    // Called without a receiver: a browser's own refuses any other than the page.
    const { fetch: send = globalThis.fetch } = options;
    response = await send(url, request);
    text = await response.text();
  } catch (cause) {
    throwIfAborted(signal);
    const message = `${url} can't be reached: ${cause instanceof Error ? cause.message : cause}`;
    return { error: new KindexError('STORAGE_UNAVAILABLE', message, { cause }) };
  }
  if (response.ok) return { vectors: vectorsOf(text, texts.length) };
  const message = `${url} answered ${response.status}: ${problemOf(text)}`;
  return {
    error: new KindexError(codeOf(response.status), message),
    pauseMs: retryAfter(response.headers.get('retry-after')),
  };
}

function codeOf(status: number): ErrorCode {
  if (status === 429 || status === 408 || status >= 500) return 'STORAGE_UNAVAILABLE';
  if (status === 401 || status === 403 || status === 404 || status === 405) return 'UNSUPPORTED';
  return 'INVALID_ARGUMENT';
}

/** Milliseconds that the header asks for: seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** What the server says is wrong: most put it into `error.message`. */
function problemOf(text: string): string {
  let problem = text;
  try {
    const { error } = JSON.parse(text);
    problem = String(error?.message ?? error ?? text);
  } catch {
    // It is no JSON, and shown as it is.
  }
  return problem.length > SHOWN ? `${problem.slice(0, SHOWN)}...` : problem;
}

function vectorsOf(text: string, count: number): Float32Array[] {
  let data: unknown;
  try {
    ({ data } = JSON.parse(text));
  } catch (cause) {
    throw new KindexError('INVALID_ARGUMENT', 'the endpoint did not answer with JSON', { cause });
  }
  if (!Array.isArray(data) || data.length !== count) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `the endpoint must answer with ${count} embeddings as 'data', but answered with ${show(data)}`,
    );
  }
  const vectors: Float32Array[] = [];
  for (const [i, entry] of data.entries()) {
    const at = entry?.index ?? i;
    if (!Number.isInteger(at) || at < 0 || at >= count || vectors[at]) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `embedding ${i} has the index ${show(at)}; each from 0 to ${count - 1} was expected once`,
      );
    }
    vectors[at] = vectorOf(entry?.embedding, i);
  }
  return vectors;
}

/** Numbers, or the bytes of 32-bit floats as base64. */
function vectorOf(embedding: unknown, i: number): Float32Array {
  if (Array.isArray(embedding)) {
    if (embedding.every((component) => typeof component === 'number'))
      return Float32Array.from(embedding);
  } else if (typeof embedding === 'string') {
    try {
      const bytes = Uint8Array.from(atob(embedding), (unit) => unit.charCodeAt(0));
      if (bytes.length % 4 === 0) return new Float32Array(bytes.buffer);
    } catch {
      // It is no base64, which is said below.
    }
  }
  throw new KindexError(
    'INVALID_ARGUMENT',
    `embedding ${i} is ${show(embedding)}, not numbers or base64 of 32-bit floats`,
  );
}

/** Ends early, with the signal's error, when it fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      try {
        throwIfAborted(signal);
        resolve();
      } catch (thrown) {
        reject(thrown);
      }
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
