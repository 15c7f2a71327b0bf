import { LIMITS } from '../limits.js';
import type { Schema } from './schema.js';
import { STATUS } from './status.js';

// What goes over the wire, once: requests are checked against these, the served document is made of them, and the
// tests hold every answer against them.

const integer = (minimum: number, maximum: number, rest: Partial<Schema> = {}): Schema => ({
  type: 'integer',
  minimum,
  maximum,
  ...rest,
});
const list = (items: Schema, rest: Partial<Schema> = {}): Schema => ({
  type: 'array',
  items,
  ...rest,
});
const object = (
  properties: Record<string, Schema>,
  required: readonly string[],
  rest: Partial<Schema> = {},
): Schema => ({ type: 'object', properties, required, additionalProperties: false, ...rest });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const COUNT = integer(0, Number.MAX_SAFE_INTEGER);
const ID: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: LIMITS.idBytes,
  description: `1 to ${LIMITS.idBytes} bytes of UTF-8.`,
};
const VECTOR = list({ type: 'number' }, { minItems: 1, maxItems: LIMITS.dimension });
const METADATA: Schema = {
  type: 'object',
  description:
    'Strings, finite numbers, booleans, null, lists of strings or of numbers, and objects of these.',
};
const DOCUMENT: Schema = { type: 'string' };
const WHERE: Schema = {
  ...ref('Filter'),
  type: 'object',
  description: 'A filter over metadata, for example `{ "pos": "noun", "year": { "$gte": 1990 } }`.',
};
const WHERE_DOCUMENT = object({ $contains: { type: 'string', minLength: 1 } }, ['$contains'], {
  description: 'A text that is part of the document.',
});
const SCALAR: Schema = {
  anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }, { type: 'null' }],
};
const BOUND: Schema = { anyOf: [{ type: 'string' }, { type: 'number' }] };
const FILTERS = list(ref('Filter'), { minItems: 1 });
const INCLUDE = list(
  { type: 'string', enum: ['metadata', 'document', 'vector'] },
  {
    maxItems: 3,
    description: 'Parts of the records that the answer carries.',
  },
);
const OPERATION: Schema = { type: 'string', enum: ['insert', 'upsert', 'update', 'delete'] };

/** Options that every batch takes. */
const BATCH_OPTIONS = {
  atomic: {
    type: 'boolean',
    default: true,
    description: 'All or nothing; false writes what is good and reports the rest.',
  },
  batchSize: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: LIMITS.batchRows },
      { type: 'string', const: 'auto' },
    ],
    description: 'Rows per slice that is handed to the engine.',
  },
  parallel: {
    anyOf: [{ type: 'boolean' }, { type: 'string', const: 'auto' }],
    description: 'Whether all threads take part; by itself for large batches.',
  },
  workers: integer(1, LIMITS.workers, { description: 'The most threads that index this batch.' }),
  durability: { type: 'string', enum: ['relaxed', 'strict'], default: 'relaxed' },
  batchId: {
    type: 'string',
    minLength: 1,
    maxLength: LIMITS.batchIdBytes,
    description: 'A retry under the same id is not applied twice. As the header Idempotency-Key.',
  },
} satisfies Record<string, Schema>;

/** Options of insert and upsert. */
const DUPLICATES = {
  dedupe: {
    anyOf: [
      { type: 'string', const: 'exact' },
      object({ threshold: { type: 'number', minimum: 0 } }, ['threshold']),
    ],
    description: 'Which items count as duplicates of stored records or earlier items.',
  },
  onDuplicate: { type: 'string', enum: ['skip', 'replace', 'report'] },
} satisfies Record<string, Schema>;

const WRITE: Schema = { type: 'string', enum: ['insert', 'upsert', 'update'] };
const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

export const ROW = object(
  {
    id: ID,
    vector: { ...nullable(VECTOR), description: 'null: none, as if it were left out.' },
    metadata: nullable(METADATA),
    document: nullable(DOCUMENT),
  },
  [],
);

const SEARCH_OPTIONS = {
  k: integer(1, LIMITS.k, { default: 10 }),
  ef: integer(1, LIMITS.ef, { default: 64 }),
  where: WHERE,
  whereDocument: WHERE_DOCUMENT,
  decay: object(
    {
      field: { type: 'string', minLength: 1 },
      halfLife: { type: 'number', exclusiveMinimum: 0 },
      weight: { type: 'number', minimum: 0, maximum: 1, default: 0.5 },
      now: { type: 'number' },
    },
    ['field', 'halfLife'],
    { description: 'How recency counts beside similarity.' },
  ),
  include: { ...INCLUDE, default: ['metadata'] },
  exact: { type: 'boolean', default: false },
  view: { type: 'string', minLength: 1, description: 'Only the records of this view.' },
} satisfies Record<string, Schema>;

/** The four forms of a batch. */
export const BATCH = {
  rows: object(
    {
      operation: WRITE,
      rows: list(ref('Row'), { maxItems: LIMITS.batchRows }),
      ...BATCH_OPTIONS,
      ...DUPLICATES,
    },
    ['operation', 'rows'],
  ),
  columns: object(
    {
      operation: WRITE,
      ids: list(ID, { maxItems: LIMITS.batchRows }),
      vectors: list(VECTOR, { maxItems: LIMITS.batchRows }),
      metadatas: list(nullable(METADATA), { maxItems: LIMITS.batchRows }),
      documents: list(nullable(DOCUMENT), { maxItems: LIMITS.batchRows }),
      ...BATCH_OPTIONS,
      ...DUPLICATES,
    },
    ['operation', 'ids'],
    { description: 'All columns have the same number of rows.' },
  ),
  ids: object(
    {
      operation: { type: 'string', const: 'delete' },
      ids: list(ID, { maxItems: LIMITS.batchRows }),
      ...BATCH_OPTIONS,
    },
    ['operation', 'ids'],
  ),
  where: object(
    {
      operation: { type: 'string', const: 'delete' },
      where: WHERE,
      whereDocument: WHERE_DOCUMENT,
      ...BATCH_OPTIONS,
    },
    ['operation', 'where'],
  ),
} as const;

/** The first line of a batch whose rows follow. */
export const STREAM = object({ operation: WRITE, ...BATCH_OPTIONS, ...DUPLICATES }, ['operation']);

export const SEARCH = object(
  {
    query: {
      ...{ anyOf: [VECTOR, { type: 'string' }] },
      description: 'A vector, or a text where the collection was opened with `embed`.',
    },
    ...SEARCH_OPTIONS,
    explain: { type: 'boolean', default: false },
  },
  ['query'],
);

export const SEARCH_BATCH = object(
  {
    queries: {
      anyOf: [list(VECTOR, { minItems: 1 }), list({ type: 'string' }, { minItems: 1 })],
    },
    ...SEARCH_OPTIONS,
  },
  ['queries'],
);

const RECORD = {
  id: ID,
  metadata: METADATA,
  document: DOCUMENT,
  vector: VECTOR,
} satisfies Record<string, Schema>;

const ITEM_ERROR = object(
  {
    index: { ...COUNT, description: 'Position in the batch as it was sent.' },
    id: { type: 'string' },
    op: OPERATION,
    code: { type: 'string' },
    message: { type: 'string' },
    retryable: { type: 'boolean' },
  },
  ['index', 'op', 'code', 'message', 'retryable'],
);

const PROGRESS = object(
  {
    phase: { type: 'string' },
    done: COUNT,
    total: COUNT,
    batches: COUNT,
  },
  ['phase', 'done', 'total', 'batches'],
  { additionalProperties: true },
);

const STATS = object(
  {
    name: { type: 'string' },
    dimension: integer(1, LIMITS.dimension),
    metric: { type: 'string', enum: ['cosine', 'dot', 'euclidean'] },
    quantization: { type: 'string', enum: ['none', 'int8', 'binary'] },
    live: COUNT,
    tombstones: COUNT,
    generation: COUNT,
    memory: { type: 'object', additionalProperties: { type: 'number' } },
    threads: COUNT,
    simd: { type: 'string' },
    storage: { type: 'string' },
  },
  ['name', 'dimension', 'metric', 'quantization', 'live', 'generation'],
  { additionalProperties: true },
);

/** Everything by the name under which the document has it. */
export const COMPONENTS: Readonly<Record<string, Schema>> = {
  Row: ROW,
  Filter: {
    type: 'object',
    description: 'Fields, by dotted path, with what they must be; all conditions must hold.',
    properties: { $and: FILTERS, $or: FILTERS, $not: ref('Filter') },
    propertyNames: { anyOf: [{ enum: ['$and', '$or', '$not'] }, { pattern: '^([^$]|$)' }] },
    additionalProperties: { anyOf: [...(SCALAR.anyOf ?? []), ref('Operators')] },
  },
  Operators: object(
    {
      $eq: SCALAR,
      $ne: SCALAR,
      $gt: BOUND,
      $gte: BOUND,
      $lt: BOUND,
      $lte: BOUND,
      $in: list(SCALAR),
      $nin: list(SCALAR),
      $exists: { type: 'boolean' },
      $contains: SCALAR,
      $startsWith: { type: 'string' },
      $not: ref('Operators'),
    },
    [],
    { minProperties: 1 },
  ),
  Batch: { oneOf: Object.values(BATCH) },
  BatchLine: {
    description: 'The first line is the batch without its rows, every other a row.',
    anyOf: [STREAM, ref('Row')],
  },
  BatchResult: object(
    {
      success: { type: 'boolean', description: 'Whether every item was written.' },
      atomic: { type: 'boolean' },
      operation: OPERATION,
      ids: list({ type: 'string' }, { description: 'In the order of the batch, also those made.' }),
      written: COUNT,
      failed: COUNT,
      errors: list(ref('ItemError')),
      batchesProcessed: COUNT,
      durable: { type: 'boolean' },
      generation: COUNT,
      elapsedMs: { type: 'number', minimum: 0 },
    },
    [
      'success',
      'atomic',
      'operation',
      'ids',
      'written',
      'failed',
      'errors',
      'durable',
      'generation',
    ],
    { additionalProperties: true },
  ),
  ItemError: ITEM_ERROR,
  ProgressLine: {
    description: 'A line of a streamed answer. The last is the result or the error.',
    oneOf: [
      object({ progress: PROGRESS }, ['progress']),
      object({ result: ref('BatchResult') }, ['result']),
      ref('Error'),
    ],
  },
  Search: SEARCH,
  SearchBatch: SEARCH_BATCH,
  Hit: object(
    {
      id: ID,
      distance: { type: 'number' },
      score: { type: 'number' },
      metadata: METADATA,
      document: DOCUMENT,
      vector: VECTOR,
    },
    ['id', 'distance', 'score'],
  ),
  Hits: object(
    {
      hits: list(ref('Hit')),
      explanation: {
        type: 'object',
        description: 'How the answer was found, if `explain` asked for it.',
      },
    },
    ['hits'],
  ),
  HitLists: object({ results: list(list(ref('Hit'))) }, ['results']),
  Record: object(RECORD, ['id']),
  Stats: STATS,
  Error: object(
    {
      error: object(
        {
          code: { type: 'string', enum: Object.keys(STATUS) },
          message: { type: 'string' },
          index: COUNT,
          errors: list(ref('ItemError'), {
            description: 'Of a batch: every item that was refused.',
          }),
          result: {
            ...ref('BatchResult'),
            description: 'Of a batch in parts that ended early: what was written before.',
          },
        },
        ['code', 'message'],
      ),
    },
    ['error'],
  ),
};
