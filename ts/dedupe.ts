import { type BatchOperation, KindexError, show } from './errors.js';
import type { Filter } from './filter.js';
import type { BatchOptions, Metadata } from './types.js';

const ACTIONS: readonly unknown[] = ['skip', 'replace', 'report'];

/**
 * What counts as a duplicate of a stored record or of an earlier item of the batch: `exact` is the same vector, as it
 * is kept, or the same document; `threshold` is the largest distance of two vectors that count as the same.
 */
export type Dedupe =
  | 'exact'
  | {
      /** The largest distance of two vectors that count as the same, in the collection's metric; at least 0. */
      readonly threshold: number;
    };

/** What becomes of a duplicate: it is not written; it is written in place of the other, which is deleted in the same
 *  batch; or it is written as well, and reported. */
export type OnDuplicate = 'skip' | 'replace' | 'report';

/** An item of a batch that is like another record. */
export interface Duplicate {
  /** Its place in the batch. */
  readonly index: number;
  /** Its id, also where that was made. */
  readonly id: string;
  /** The stored record, or the earlier item, that it is like. */
  readonly duplicateOf: string;
  /** 0 for exact duplicates. */
  readonly distance: number;
}

/** A stored record that is like an earlier one. */
export type StoredDuplicate = Omit<Duplicate, 'index'>;

/** Which duplicates `findDuplicates` looks for. */
export interface DuplicateQuery<M extends object = Metadata> {
  /** The largest distance of two vectors that count as the same. */
  readonly threshold: number;
  /** Only records that match are looked at, and compared with each other. */
  readonly where?: Filter<M>;
  /** Ends the search with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/**
 * How duplicates are dealt with, as the engine takes it: JSON; undefined where nobody asked.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 * @internal
 */
export function encodeDedupe(
  operation: BatchOperation,
  { dedupe, onDuplicate }: BatchOptions,
): string | undefined {
  if (dedupe === undefined && onDuplicate === undefined) return undefined;
  if (operation !== 'insert' && operation !== 'upsert')
    throw new KindexError('INVALID_ARGUMENT', `dedupe is for insert and upsert, not ${operation}`);
  const action = onDuplicate ?? 'skip';
  if (dedupe === undefined || !ACTIONS.includes(action)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `onDuplicate is 'skip', 'replace' or 'report', and goes with dedupe, but is ${show(onDuplicate)}`,
    );
  }
  if (dedupe === 'exact') return JSON.stringify({ action });
  if (typeof dedupe !== 'object' || dedupe === null) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `dedupe is 'exact' or { threshold }, but is ${show(dedupe)}`,
    );
  }
  return JSON.stringify({ threshold: checkThreshold(dedupe.threshold), action });
}

/**
 * @throws KindexError `INVALID_ARGUMENT`
 *
 * @internal
 */
export function checkThreshold(threshold: unknown): number {
  if (typeof threshold === 'number' && Number.isFinite(threshold) && threshold >= 0)
    return threshold;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `threshold must be a finite number of at least 0, but is ${show(threshold)}`,
  );
}
