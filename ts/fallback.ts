import {
  type ErrorCode,
  type ItemError,
  isRetryable,
  type KindexError,
  toKindexError,
} from './errors.js';
import type { Ready } from './prepare.js';
import type { Tally } from './tally.js';
import type { Target, WriteCall } from './write.js';

/** Why a batch may be refused that would be accepted in smaller ones. */
const OF_SIZE: ReadonlySet<ErrorCode> = new Set([
  'QUOTA_EXCEEDED',
  'OUT_OF_MEMORY',
  'STORAGE_UNAVAILABLE',
]);
/** Of a batch no part is tried that is smaller than this share of it: thousands of attempts help nobody. */
const LEAST_SHARE = 64;
/** After that many of the smallest parts that failed one after the other, nothing more is tried. */
const MOST_REFUSALS = 2;

/**
 * Whether the rows may be written in smaller batches. A batch with an id of its own may not: the id stands for one
 * commit.
 */
export function mayFallBack(call: WriteCall, thrown: unknown, rows: number): boolean {
  if (call.atomic || call.options.batchId !== undefined || rows < 2) return false;
  return OF_SIZE.has(toKindexError(thrown).code);
}

/**
 * Writes the rows, which were refused as one batch, in halves, quarters and so on. What is still refused in the
 * smallest is reported item by item.
 *
 * @param tally gets what is written, also when this throws
 * @returns how many batches were written, and how many items were refused by all of them
 * @throws KindexError what is not about size, for example `ABORTED`; the refusal itself if not one batch was accepted
 */
export async function writeInSmaller(
  call: WriteCall,
  target: Target,
  ready: Ready,
  refusal: KindexError,
  tally: Tally,
): Promise<{ readonly batches: number; readonly refused: number }> {
  const rows = ready.rows.length;
  const least = Math.max(1, Math.floor(rows / LEAST_SHARE));
  const pending = halves([0, rows]);
  let last = refusal;
  let refusals = 0;
  let batches = 0;
  let refused = 0;
  const refuse = (range: Range) => {
    const errors = itemErrors(call, ready, range, last);
    refused += errors.length;
    tally.refused(errors);
  };
  for (let range = pending.shift(); range; range = pending.shift()) {
    const [first, end] = range;
    if (refusals >= MOST_REFUSALS) {
      refuse(range);
      continue;
    }
    try {
      tally.add(await call.write(target, ready, range));
      refusals = 0;
      batches += 1;
    } catch (thrown) {
      last = toKindexError(thrown);
      if (!OF_SIZE.has(last.code)) throw last;
      if (end - first > least) {
        pending.unshift(...halves(range));
        continue;
      }
      refusals += 1;
      refuse(range);
    }
  }
  if (batches === 0) throw refusal;
  return { batches, refused };
}

type Range = readonly [first: number, end: number];

function halves([first, end]: Range): Range[] {
  const middle = first + Math.ceil((end - first) / 2);
  return [
    [first, middle],
    [middle, end],
  ];
}

function itemErrors(
  { operation }: WriteCall,
  ready: Ready,
  [first, end]: Range,
  { code, message }: KindexError,
): ItemError[] {
  return Array.from({ length: end - first }, (_, i) => {
    const index = first + i;
    const id = ready.id(index);
    return {
      index,
      id: typeof id === 'string' ? id : undefined,
      op: operation,
      code,
      message,
      retryable: isRetryable(code),
    };
  });
}
