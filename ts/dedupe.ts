import type { Connection } from './connection.js';
import { type BatchOperation, KindexError, show, throwIfAborted } from './errors.js';
import { encodeFilter, type Filter } from './filter.js';
import type { BatchOptions, Metadata } from './types.js';
import type { ResultColumns } from './worker/protocol.js';

/** Records that are compared per call: a search each. */
const PAGE = 256;
const ACTIONS: readonly unknown[] = ['skip', 'replace', 'report'];

/**
 * What counts as a duplicate of a stored record or of an earlier item of the batch: `exact` is the same vector, as it
 * is kept, or the same document; `threshold` is the largest distance of two vectors that count as the same.
 */
export type Dedupe = 'exact' | { readonly threshold: number };

/** What becomes of a duplicate: it is not written; it is written in place of the other, which is deleted in the same
 *  batch; or it is written as well, and reported. */
export type OnDuplicate = 'skip' | 'replace' | 'report';

/** An item of a batch that is like another record. */
export interface Duplicate {
  /** Its place in the batch. */
  readonly index: number;
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
  readonly signal?: AbortSignal;
}

/**
 * How duplicates are dealt with, as the engine takes it: JSON; undefined where nobody asked.
 *
 * @throws KindexError `INVALID_ARGUMENT`
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
 * Goes through a collection and yields the records that are within the threshold of an earlier one, in the order of
 * their slots. Records that lie in such a chain are one group; all but its first are yielded. Each record's nearest
 * are found by a search. A batch that is written meanwhile may be seen or not.
 */
export async function* findDuplicates<M extends object>(
  connection: Connection,
  query: DuplicateQuery<M>,
): AsyncGenerator<StoredDuplicate> {
  const threshold = checkThreshold(query?.threshold);
  const where = query.where === undefined ? undefined : encodeFilter(query.where);
  /** The first of the group, by the records that were yielded. */
  const firstOf = new Map<string, string>();
  let first: number | undefined = 0;
  while (first !== undefined) {
    throwIfAborted(query.signal);
    const { client, collection } = await connection.use();
    const page = { collection, first, count: PAGE, threshold, where };
    const found: ResultColumns = await client.call('duplicatesFrom', page);
    const { counts, ids, idEnds, distances } = found;
    const id = (i: number) => ids.slice(i === 0 ? 0 : idEnds[i - 1], idEnds[i]);
    for (const [i, distance] of distances.entries()) {
      const [later, earlier] = [id(2 * i), id(2 * i + 1)];
      // Nearest first: the others say nothing new.
      if (firstOf.has(later)) continue;
      const duplicateOf = firstOf.get(earlier) ?? earlier;
      firstOf.set(later, duplicateOf);
      yield { id: later, duplicateOf, distance };
    }
    first = counts[1];
  }
}

function checkThreshold(threshold: unknown): number {
  if (typeof threshold === 'number' && Number.isFinite(threshold) && threshold >= 0)
    return threshold;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `threshold must be a finite number of at least 0, but is ${show(threshold)}`,
  );
}
