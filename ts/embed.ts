import { KindexError, show, throwIfAborted, toKindexError } from './errors.js';
import type { Embed, Vector } from './types.js';

/** Texts per call of the embedder, unless the options say otherwise. */
export const EMBED_BATCH = 32;

/**
 * Vectors for texts, in calls of `size` texts. What comes back is checked: count, shape, kind.
 *
 * @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `ABORTED`; what the embedder throws is its `cause`
 */
export async function embedTexts(
  embed: Embed,
  texts: readonly string[],
  dimension: number,
  options: { size: number; signal: AbortSignal | undefined; onDone?: (done: number) => void },
): Promise<Float32Array> {
  const vectors = new Float32Array(texts.length * dimension);
  for (let first = 0; first < texts.length; first += options.size) {
    throwIfAborted(options.signal);
    const part = texts.slice(first, first + options.size);
    let made: unknown;
    try {
      made = await embed(part, { signal: options.signal });
    } catch (cause) {
      throwIfAborted(options.signal);
      const { message } = toKindexError(cause, 'INVALID_ARGUMENT');
      throw new KindexError(
        'INVALID_ARGUMENT',
        `embed failed for texts ${first} to ${first + part.length - 1}: ${message}`,
        {
          cause,
          index: first,
        },
      );
    }
    copyRows(made, vectors, first, part.length, dimension);
    options.onDone?.(first + part.length);
  }
  return vectors;
}

function copyRows(
  made: unknown,
  into: Float32Array,
  first: number,
  rows: number,
  dimension: number,
): void {
  if (made instanceof Float32Array) {
    if (made.length !== rows * dimension) {
      throw new KindexError(
        'DIMENSION_MISMATCH',
        `embed must return ${rows} x ${dimension} numbers for ${rows} texts, but returned ${made.length}`,
        { index: first },
      );
    }
    into.set(made, first * dimension);
    return;
  }
  if (!Array.isArray(made) || made.length !== rows) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `embed must return ${rows} vectors for ${rows} texts, but returned ${show(made)}`,
      {
        index: first,
      },
    );
  }
  for (const [i, vector] of (made as Vector[]).entries()) {
    if (!Array.isArray(vector) && !(vector instanceof Float32Array)) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `embed must return vectors, but returned ${show(vector)} for text ${first + i}`,
        {
          index: first + i,
        },
      );
    }
    if (vector.length !== dimension) {
      throw new KindexError(
        'DIMENSION_MISMATCH',
        `embed must return vectors of ${dimension} numbers, but returned ${vector.length} for text ${first + i}`,
        { index: first + i },
      );
    }
    into.set(vector, (first + i) * dimension);
  }
}
