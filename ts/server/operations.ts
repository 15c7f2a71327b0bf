import type { Collection } from '../collection.js';
import { KindexError } from '../errors.js';
import type {
  BatchOptions,
  BatchResult,
  Hit,
  Include,
  Progress,
  SearchOptions,
  StoredRecord,
} from '../types.js';
import type { Body } from './body.js';
import { checkFields, checkObject } from './schema.js';
import { BATCH, ROW, SEARCH, SEARCH_BATCH, STREAM } from './schemas.js';
import { RequestError } from './status.js';

/** What the handler needs of a collection; a `Collection` has it all. */
export type ServedCollection = Pick<
  Collection,
  | 'insert'
  | 'upsert'
  | 'update'
  | 'delete'
  | 'get'
  | 'search'
  | 'searchBatch'
  | 'snapshotStream'
  | 'stats'
  | 'close'
>;

/** What a batch needs beside its body. */
export interface BatchContext {
  readonly signal: AbortSignal;
  readonly idempotencyKey: string | null;
  readonly onProgress?: (progress: Progress) => void;
}

/** A checked batch, ready to run. */
export type Write = (
  collection: ServedCollection,
  run: Pick<BatchOptions, 'signal' | 'onProgress'>,
) => Promise<BatchResult>;

/**
 * Checks a batch and says how to run it, so that what is wrong with the request itself is known before an answer
 * begins.
 *
 * @throws RequestError `INVALID_ARGUMENT`
 */
export function readBatch({ json, binary }: Body, idempotencyKey: string | null): Write {
  const { form, body } = binary
    ? { form: BATCH.columns, body: { ...json, vectors: [] } }
    : { form: formOf(json), body: json };
  if (binary && 'vectors' in json) throw twice('vectors');
  checkObject(body, form);
  const { operation, rows, ids, vectors, metadatas, documents, ...others } = json;
  const { where, whereDocument, ...rest } = others;
  const options = { ...rest, ...batchId(json.batchId, idempotencyKey) } as BatchOptions;
  if (form === BATCH.rows) checkFields(rows as unknown[], ROW);
  if (binary && (ids as unknown[]).length !== binary.count) {
    throw new RequestError(
      'INVALID_ARGUMENT',
      `ids has ${(ids as unknown[]).length} rows, but ${binary.count} vectors came`,
    );
  }
  return async (collection, run) => {
    const all = { ...options, ...run };
    if (operation === 'delete') {
      return collection.delete(
        (where === undefined ? { ids } : { where, whereDocument }) as { ids: string[] },
        all,
      );
    }
    const columns = { ids, vectors: binary?.vectors ?? vectors, metadatas, documents };
    const given = Object.entries(columns).filter(([, column]) => column !== undefined);
    const batch = (rows ?? Object.fromEntries(given)) as object[];
    return collection[operation as 'insert' | 'upsert' | 'update'](batch, all);
  };
}

/**
 * The same for a batch whose rows follow its head. They are written part by part.
 *
 * @throws RequestError `INVALID_ARGUMENT`
 */
export function readRows(
  head: Body['json'],
  rows: AsyncIterable<object>,
  idempotencyKey: string | null,
): Write {
  checkObject(head, STREAM);
  const { operation, ...rest } = head;
  const options = { ...rest, ...batchId(head.batchId, idempotencyKey) } as BatchOptions;
  return async (collection, run) => {
    try {
      return await collection[operation as 'insert' | 'upsert' | 'update'](rows, {
        ...options,
        ...run,
      });
    } catch (thrown) {
      throw ofTheBody(thrown);
    }
  };
}

/** What was wrong with the body itself, where that is why the rows ended; with what was written before. */
function ofTheBody(thrown: unknown): unknown {
  const { result } = thrown as { result?: BatchResult };
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof RequestError)) continue;
    const { code, index, headers } = cause;
    const before = result ? ` (${result.written} records were written before)` : '';
    return new RequestError(code, `${cause.message}${before}`, { index, headers, result });
  }
  return thrown;
}

function formOf(json: Body['json']) {
  if (json.operation === 'delete') return 'where' in json ? BATCH.where : BATCH.ids;
  return 'rows' in json ? BATCH.rows : BATCH.columns;
}

function batchId(inBody: unknown, header: string | null): { batchId?: string } {
  if (header === null) return inBody === undefined ? {} : { batchId: inBody as string };
  if (inBody !== undefined && inBody !== header) {
    throw new RequestError(
      'INVALID_ARGUMENT',
      'batchId and the header Idempotency-Key name different batches',
    );
  }
  if (header.length >= 1 && header.length <= 512) return { batchId: header };
  throw new RequestError('INVALID_ARGUMENT', 'Idempotency-Key has 1 to 512 characters');
}

/** `/search` */
export async function search(collection: ServedCollection, body: Body, signal: AbortSignal) {
  const { json, binary } = body;
  if (binary && binary.count !== 1) {
    throw new RequestError('INVALID_ARGUMENT', `search takes one vector, but ${binary.count} came`);
  }
  const { query, ...options } = withVectors(json, binary && [0], 'query', SEARCH);
  const found = await collection.search((binary?.vectors ?? query) as number[], {
    ...(options as SearchOptions),
    signal,
  });
  const { explanation } = found;
  return { hits: found.map(plain), ...(explanation && { explanation }) };
}

/** `/search/batch` */
export async function searchBatch(collection: ServedCollection, body: Body, signal: AbortSignal) {
  const { json, binary } = body;
  const { queries, ...options } = withVectors(json, binary && [], 'queries', SEARCH_BATCH);
  const vectors = binary ? rowsOf(binary) : (queries as unknown[]);
  if (vectors.length === 0) {
    throw new RequestError('INVALID_ARGUMENT', 'queries must hold one query or more');
  }
  const lists = await collection.searchBatch(vectors as number[][], {
    ...(options as SearchOptions),
    signal,
  });
  return { results: lists.map((hits) => hits.map(plain)) };
}

/** A row each, so that a wrong dimension is one, whatever the product of the two numbers. */
function rowsOf({ count, dimension, vectors }: NonNullable<Body['binary']>): Float32Array[] {
  return Array.from({ length: count }, (_, i) =>
    vectors.subarray(i * dimension, (i + 1) * dimension),
  );
}

/** The body's fields, with a stand-in for the vectors that came in binary. */
function withVectors(
  json: Body['json'],
  standIn: readonly number[] | undefined,
  field: string,
  schema: typeof SEARCH,
): Record<string, unknown> {
  if (standIn && field in json) throw twice(field);
  const body = standIn ? { ...json, [field]: standIn } : json;
  checkObject(body, schema);
  return body;
}

const twice = (field: string) =>
  new RequestError('INVALID_ARGUMENT', `${field} came both in the head and in binary`);

/** `GET /vectors/{id}` */
export async function readRecord(
  collection: ServedCollection,
  id: string,
  include: string | null,
  signal: AbortSignal,
) {
  const parts = include === null ? undefined : include.split(',').filter((part) => part !== '');
  const [record] = await collection.get(
    { ids: [id] },
    { signal, ...(parts && { include: parts as Include[] }) },
  );
  if (!record) throw notFound(id);
  return plain(record);
}

/** `DELETE /vectors/{id}` */
export async function deleteRecord(
  collection: ServedCollection,
  id: string,
  context: BatchContext,
): Promise<BatchResult> {
  const { signal, idempotencyKey } = context;
  const options = { signal, ...batchId(undefined, idempotencyKey) };
  try {
    return await collection.delete({ ids: [id] }, options);
  } catch (thrown) {
    // Of one item the item's own error says more than the batch's.
    const { errors } = thrown as {
      errors?: readonly { code: KindexError['code']; message: string }[];
    };
    const [first] = Array.isArray(errors) ? errors : [];
    throw first ? new KindexError(first.code, first.message, { cause: thrown }) : thrown;
  }
}

const notFound = (id: string) =>
  new RequestError('NOT_FOUND', `there is no record with the id ${JSON.stringify(id)}`);

type Plain<T> = Omit<T, 'vector'> & { vector?: number[] };

/** Vectors as lists, in the fewest digits that give the same 32-bit floats again. */
function plain<T extends StoredRecord | Hit>(record: T): Plain<T> {
  const { vector, ...rest } = record;
  if (!vector) return rest;
  return { ...rest, vector: Array.from(vector, (value) => Number(value.toPrecision(9))) };
}
