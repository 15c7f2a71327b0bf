import { type ErrorCode, type ItemError, isRetryable, toKindexError } from '../errors.js';
import type { BatchResult } from '../types.js';

/** What `error.code` of an answer can be: the codes of `KindexError`, and what only HTTP knows. */
export type ServerErrorCode =
  | ErrorCode
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'METHOD_NOT_ALLOWED'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'BUSY'
  | 'INTERNAL';

/** The one table from codes to statuses. `BATCH` is 404 or 409 where all its items are. */
export const STATUS: Readonly<Record<ServerErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  DUPLICATE_ID: 409,
  CONFLICT: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  DIMENSION_MISMATCH: 422,
  NOT_FINITE: 422,
  ZERO_VECTOR: 422,
  BATCH: 422,
  LOCKED: 423,
  // The caller hung up; nobody reads this one.
  ABORTED: 499,
  INTERNAL: 500,
  CORRUPT: 500,
  NEWER_VERSION: 500,
  UNSUPPORTED: 501,
  STORAGE_UNAVAILABLE: 503,
  BLOCKED: 503,
  CLOSED: 503,
  CRASHED: 503,
  BUSY: 503,
  QUOTA_EXCEEDED: 507,
  OUT_OF_MEMORY: 507,
};

/** Seconds after which it is worth asking again. */
const RETRY_AFTER = '1';

/** The body of every answer that is not a success. */
export interface ErrorBody {
  /** What went wrong. */
  readonly error: {
    /** What to branch on. */
    readonly code: ServerErrorCode;
    /** A sentence for whoever reads it. */
    readonly message: string;
    /** The item or component that is to blame, where there is one. */
    readonly index?: number;
    /** Of a batch: every item that was refused. */
    readonly errors?: readonly ItemError[];
    /** Of a batch in parts that ended early: what was written before. */
    readonly result?: BatchResult;
  };
}

/** What a request was refused with before it reached a collection. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ServerErrorCode;
  readonly index: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly result: BatchResult | undefined;

  constructor(
    code: ServerErrorCode,
    message: string,
    options: {
      index?: number | undefined;
      headers?: Readonly<Record<string, string>>;
      result?: BatchResult | undefined;
    } = {},
  ) {
    super(message);
    this.code = code;
    this.index = options.index;
    this.headers = options.headers ?? {};
    this.result = options.result;
  }
}

/** Any thrown thing as an answer's parts. What is no error of Kindex's own says nothing about the server's inside. */
export function judge(thrown: unknown): {
  status: number;
  headers: Record<string, string>;
  body: ErrorBody;
} {
  if (thrown instanceof RequestError) {
    const { code } = thrown;
    return answer(code, STATUS[code], thrown, thrown.headers);
  }
  const known = toKindexError(thrown, 'CRASHED');
  // By its form, not by its class: the collection may come from another copy of the package.
  if ((thrown as { code?: unknown } | null)?.code !== known.code) {
    return answer('INTERNAL', STATUS.INTERNAL, { message: 'the server failed on this request' });
  }
  const errors = itemErrors(thrown);
  const { code, message, index } = known;
  const { result } = thrown as { result?: BatchResult };
  return answer(code, statusOf(code, errors), { message, index, errors, result });
}

function answer(
  code: ServerErrorCode,
  status: number,
  what: {
    message: string;
    index?: number | undefined;
    errors?: readonly ItemError[] | undefined;
    result?: BatchResult | undefined;
  },
  headers: Readonly<Record<string, string>> = {},
) {
  const { message, index, errors, result } = what;
  const again =
    code === 'BUSY' || code === 'CLOSED' || (code in STATUS && isRetryable(code as ErrorCode));
  return {
    status,
    headers: { ...(again && { 'retry-after': RETRY_AFTER }), ...headers },
    body: {
      error: {
        code,
        message,
        ...(index !== undefined && { index }),
        ...(errors && { errors }),
        ...(result && { result }),
      },
    },
  };
}

function statusOf(code: ErrorCode, errors: readonly ItemError[] | undefined): number {
  if (code !== 'BATCH' || !errors) return STATUS[code];
  const statuses = new Set(errors.map((error) => STATUS[error.code]));
  const [only] = statuses;
  // 400 would say that the request was malformed; it was not, its items were refused.
  return statuses.size === 1 && (only === 404 || only === 409) ? only : STATUS.BATCH;
}

function itemErrors(thrown: unknown): readonly ItemError[] | undefined {
  const { errors } = thrown as { errors?: unknown };
  return Array.isArray(errors) ? errors : undefined;
}
