import type { BatchResult } from './types.js';

/** Why something failed, as a name that never changes. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'DIMENSION_MISMATCH'
  | 'NOT_FINITE'
  | 'ZERO_VECTOR'
  | 'DUPLICATE_ID'
  | 'NOT_FOUND'
  | 'BATCH'
  | 'QUOTA_EXCEEDED'
  | 'OUT_OF_MEMORY'
  | 'STORAGE_UNAVAILABLE'
  | 'CONFLICT'
  | 'LOCKED'
  | 'BLOCKED'
  | 'NEWER_VERSION'
  | 'CORRUPT'
  | 'ABORTED'
  | 'CLOSED'
  | 'CRASHED'
  | 'UNSUPPORTED';

const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'INVALID_ARGUMENT',
  'DIMENSION_MISMATCH',
  'NOT_FINITE',
  'ZERO_VECTOR',
  'DUPLICATE_ID',
  'NOT_FOUND',
  'BATCH',
  'QUOTA_EXCEEDED',
  'OUT_OF_MEMORY',
  'STORAGE_UNAVAILABLE',
  'CONFLICT',
  'LOCKED',
  'BLOCKED',
  'NEWER_VERSION',
  'CORRUPT',
  'ABORTED',
  'CLOSED',
  'CRASHED',
  'UNSUPPORTED',
]);

/** The one class of error that Kindex throws: a stable `code`, and a sentence in `message`. */
export class KindexError extends Error {
  /** The name of the class, also where a bundler has renamed that. */
  override readonly name: string = 'KindexError';
  /** What to branch on; the message may change. */
  readonly code: ErrorCode;
  /** The item or component that is to blame, where there is one. */
  readonly index: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; index?: number | undefined },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.index = options?.index;
  }

  /** Whether the same call may succeed later without a change by the caller. */
  get retryable(): boolean {
    return isRetryable(this.code);
  }
}

/** Whether an error of that code may go away by itself. @internal */
export function isRetryable(code: ErrorCode): boolean {
  return (
    code === 'STORAGE_UNAVAILABLE' || code === 'LOCKED' || code === 'BLOCKED' || code === 'CRASHED'
  );
}

/** The verbs of a batch. */
export type BatchOperation = 'insert' | 'upsert' | 'update' | 'delete';

/** What was wrong with one item of a batch. */
export interface ItemError {
  /** Position in the batch as it was given. */
  readonly index: number;
  /** The id as given; undefined where it was left out or is no string. */
  readonly id: string | undefined;
  /** The verb that was called. */
  readonly op: BatchOperation;
  /** What to branch on. */
  readonly code: ErrorCode;
  /** What was expected, and what came. */
  readonly message: string;
  /** Whether the same item may succeed later without a change by the caller. */
  readonly retryable: boolean;
}

/** An atomic batch was refused; nothing was written. Carries the error of every bad item. */
export class BatchError extends KindexError {
  /** The name of the class, also where a bundler has renamed that. */
  override readonly name = 'BatchError';
  /** Every bad item, in the order of the batch. */
  readonly errors: readonly ItemError[];
  /** Records that were written: none. */
  readonly written = 0;

  constructor(op: BatchOperation, rows: number, errors: readonly ItemError[]) {
    const [first] = errors;
    const named = first?.id === undefined ? '' : ` (${show(first.id)})`;
    const detail =
      first === undefined
        ? ''
        : ` First: item ${first.index}${named}: ${first.code}: ${first.message}`;
    super(
      'BATCH',
      `${op} of ${rows} ${rows === 1 ? 'item' : 'items'}: ${errors.length} refused, so nothing was written.${detail}`,
      { index: first?.index },
    );
    this.errors = errors;
  }
}

/**
 * A write in several batches (a stream, or a batch that was written in smaller ones) ended early. What is in `result`
 * was committed before; of the batch that was under way nothing was written, unless the code is `CRASHED`.
 */
export class PartialWriteError extends KindexError {
  /** The name of the class, also where a bundler has renamed that. */
  override readonly name = 'PartialWriteError';
  /** What was committed before it ended. */
  readonly result: BatchResult;

  constructor(cause: KindexError, result: BatchResult) {
    const { written } = result;
    super(
      cause.code,
      `${cause.message} (${written} ${written === 1 ? 'record' : 'records'} written before)`,
      { cause, index: cause.index },
    );
    this.result = result;
  }
}

/** An error in a form that survives `postMessage`. @internal */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly index: number | undefined;
}

/** Any thrown thing as a `KindexError`; `fallback` is the code of one that carries none. @internal */
export function toKindexError(thrown: unknown, fallback: ErrorCode = 'CRASHED'): KindexError {
  if (thrown instanceof KindexError) return thrown;
  if (
    typeof thrown === 'object' &&
    thrown !== null &&
    'code' in thrown &&
    CODES.has(String(thrown.code))
  ) {
    const { code, message, index } = thrown as {
      code: ErrorCode;
      message?: unknown;
      index?: unknown;
    };
    const position = typeof index === 'number' ? index : undefined;
    return new KindexError(code, String(message ?? code), { cause: thrown, index: position });
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new KindexError(fallback, message, { cause: thrown });
}

/** The other direction of {@link fromWire}. @internal */
export function toWire(error: KindexError): WireError {
  return { code: error.code, message: error.message, index: error.index };
}

/** An error as it came over from the worker. @internal */
export function fromWire(wire: WireError): KindexError {
  return new KindexError(wire.code, wire.message, { index: wire.index });
}

/** Throws `ABORTED` once the signal has fired. @internal */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The `ABORTED` error of a signal that has fired. @internal */
export function abortError(signal: AbortSignal): KindexError {
  return new KindexError('ABORTED', 'the call was aborted by its signal', { cause: signal.reason });
}

/** How a value is shown in a message: short, and never a whole array. @internal */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `'${value.slice(0, 40)}...'` : `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
  return `an object of type ${value.constructor?.name ?? 'null'}`;
}
