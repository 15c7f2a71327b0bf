import { checkAttached } from './batch-encoder.js';
import { type BatchOperation, KindexError, show } from './errors.js';
import { LIMITS } from './limits.js';
import type { Batch, Columns, Row, RowStream, Vector } from './types.js';

/** A batch whichever way it was given. A getter returns what the caller gave: nothing is checked but lengths. */
export interface BatchRows {
  readonly length: number;
  id(row: number): unknown;
  vector(row: number): unknown;
  metadata(row: number): unknown;
  document(row: number): unknown;
  /** All vectors as one array, if they came as one. */
  readonly flat: Float32Array | undefined;
}

/** Whether it is read piece by piece. An array is a batch. */
export function isStream(batch: unknown): batch is RowStream<object> {
  if (typeof batch !== 'object' || batch === null) return false;
  if (Array.isArray(batch) || ArrayBuffer.isView(batch)) return false;
  if (Symbol.asyncIterator in batch || Symbol.iterator in batch) return true;
  return 'getReader' in batch && typeof batch.getReader === 'function';
}

/**
 * @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH` for a batch whose columns don't fit together
 */
export function batchRows(
  operation: BatchOperation,
  batch: Batch<object>,
  dimension: number,
): BatchRows {
  if (typeof batch !== 'object' || batch === null) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `${operation} takes rows or columns, but this is ${show(batch)}`,
    );
  }
  const rows = Array.isArray(batch)
    ? ofRows(operation, batch)
    : ofObject(operation, batch as Row | Columns, dimension);
  if (rows.length > LIMITS.batchRows) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a batch has at most ${LIMITS.batchRows} rows, but this has ${rows.length}`,
    );
  }
  return rows;
}

function ofObject(operation: BatchOperation, batch: Row | Columns, dimension: number): BatchRows {
  const columns = ['ids', 'vectors', 'metadatas', 'documents'].some((name) => name in batch);
  const row = ['id', 'vector', 'metadata', 'document'].some((name) => name in batch);
  if (columns === row) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `${operation} takes a row (id, vector, metadata, document), an array of rows, or columns (ids, vectors, metadatas, documents)`,
    );
  }
  return row
    ? ofRows(operation, [batch as Row])
    : ofColumns(operation, batch as Columns, dimension);
}

function ofRows(operation: BatchOperation, rows: readonly Row[]): BatchRows {
  const bad = rows.findIndex((row) => typeof row !== 'object' || row === null);
  if (bad >= 0) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `item ${bad} of the ${operation} is ${show(rows[bad])}, not an object`,
      {
        index: bad,
      },
    );
  }
  return {
    length: rows.length,
    id: (i) => rows[i]?.id,
    vector: (i) => rows[i]?.vector ?? undefined,
    metadata: (i) => rows[i]?.metadata ?? undefined,
    document: (i) => rows[i]?.document ?? undefined,
    flat: undefined,
  };
}

function ofColumns(operation: BatchOperation, columns: Columns, dimension: number): BatchRows {
  const { ids, vectors, metadatas, documents } = columns;
  const flat = vectors instanceof Float32Array ? vectors : undefined;
  if (flat) checkAttached('vectors', flat);
  const nested = flat ? undefined : (vectors as readonly Vector[] | undefined);
  const lists = { ids, vectors: nested, metadatas, documents };
  let length: number | undefined;
  let named = '';
  for (const [name, list] of Object.entries(lists)) {
    if (list === undefined) continue;
    if (!Array.isArray(list)) {
      throw new KindexError('INVALID_ARGUMENT', `${name} must be an array, but is ${show(list)}`);
    }
    if (length !== undefined && list.length !== length) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `the columns of the ${operation} differ in length: ${named} has ${length} rows, ${name} has ${list.length}`,
      );
    }
    length = list.length;
    named = name;
  }
  const rows = length ?? (flat ? Math.floor(flat.length / dimension) : 0);
  if (flat && flat.length !== rows * dimension) checkFlat(flat, length, dimension);
  return {
    length: rows,
    id: (i) => ids?.[i],
    vector: (i) => flat?.subarray(i * dimension, (i + 1) * dimension) ?? nested?.[i] ?? undefined,
    metadata: (i) => metadatas?.[i] ?? undefined,
    document: (i) => documents?.[i] ?? undefined,
    flat,
  };
}

function checkFlat(flat: Float32Array, rows: number | undefined, dimension: number): never {
  const came = flat.length;
  if (rows === undefined) {
    throw new KindexError(
      'DIMENSION_MISMATCH',
      `vectors holds ${came} numbers, which is no multiple of the dimension ${dimension}`,
    );
  }
  const whole = rows > 0 && came % rows === 0;
  throw new KindexError(
    whole ? 'DIMENSION_MISMATCH' : 'INVALID_ARGUMENT',
    `vectors must hold ${rows} x ${dimension} = ${rows * dimension} numbers, but holds ${came}` +
      (whole ? ` (${rows} x ${came / rows})` : ''),
  );
}
