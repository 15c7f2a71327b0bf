import { NDJSON_TYPE } from './progress-stream.js';
import { ROUTES, type RouteName } from './routes.js';
import { COMPONENTS } from './schemas.js';
import { type ServerErrorCode, STATUS } from './status.js';
import { VECTORS_TYPE } from './vectors-body.js';

/** Of the interface, not of the package: it changes only where callers would have to. */
const VERSION = '1.0.0';

const schema = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } });
const inJson = (name: string) => ({ 'application/json': schema(name) });

const COLLECTION = {
  name: 'collection',
  in: 'path',
  required: true,
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};
const ID = {
  name: 'id',
  in: 'path',
  required: true,
  description: "Percent-encoded; the id 'batch' is spelled `%62atch`.",
  schema: { type: 'string', minLength: 1, maxLength: 512 },
};
const INCLUDE = {
  name: 'include',
  in: 'query',
  description: 'Parts of the record, by default metadata and document.',
  style: 'form',
  explode: false,
  schema: {
    type: 'array',
    items: { type: 'string', enum: ['metadata', 'document', 'vector'] },
  },
};
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'A retry under the same key is not applied twice.',
  schema: { type: 'string', minLength: 1, maxLength: 512 },
};

/** What a refused request can be refused with, whatever it asks for. */
const ALWAYS: readonly ServerErrorCode[] = [
  'INVALID_ARGUMENT',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'INTERNAL',
  'CORRUPT',
  'NEWER_VERSION',
  'UNSUPPORTED',
  'LOCKED',
  'BLOCKED',
  'CLOSED',
  'CRASHED',
  'STORAGE_UNAVAILABLE',
  'OUT_OF_MEMORY',
];
const WITH_BODY: readonly ServerErrorCode[] = [
  'TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'BUSY',
  'DIMENSION_MISMATCH',
  'NOT_FINITE',
  'ZERO_VECTOR',
];
const WRITING: readonly ServerErrorCode[] = ['CONFLICT', 'QUOTA_EXCEEDED'];

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly body?: string;
  readonly answers: Readonly<Record<number, { description: string; content: object }>>;
  readonly errors: readonly ServerErrorCode[];
  readonly parameters?: readonly object[];
}

/** What there is to say of a route's method beyond its path. */
const OPERATIONS: Readonly<Record<Exclude<RouteName, 'record'>, Operation>> & {
  readonly record: Readonly<Record<'GET' | 'DELETE', Operation>>;
} = {
  describe: {
    summary: 'This document',
    answers: { 200: { description: 'An OpenAPI document', content: { 'application/json': {} } } },
    errors: [],
  },
  batch: {
    summary: 'Insert, upsert, update or delete many records in one batch',
    description: `With \`Accept: ${NDJSON_TYPE}\` the answer is streamed: progress as it comes, the result or the error as the last line. What is wrong with the request itself is answered with its status all the same.`,
    body: 'Batch',
    parameters: [IDEMPOTENCY_KEY],
    answers: {
      200: {
        description: 'Everything was written.',
        content: { ...inJson('BatchResult'), [NDJSON_TYPE]: schema('ProgressLine') },
      },
      207: {
        description: 'Some items failed (`atomic: false`); `errors` says which, and why.',
        content: inJson('BatchResult'),
      },
    },
    errors: [...WITH_BODY, ...WRITING, 'BATCH', 'DUPLICATE_ID'],
  },
  record: {
    GET: {
      summary: 'A record',
      parameters: [INCLUDE],
      answers: { 200: { description: 'The record', content: inJson('Record') } },
      errors: [],
    },
    DELETE: {
      summary: 'Delete a record',
      parameters: [IDEMPOTENCY_KEY],
      answers: { 200: { description: 'It is deleted.', content: inJson('BatchResult') } },
      errors: WRITING,
    },
  },
  search: {
    summary: 'The nearest records of one query',
    body: 'Search',
    answers: { 200: { description: 'Closest first', content: inJson('Hits') } },
    errors: WITH_BODY,
  },
  searchBatch: {
    summary: 'The nearest records of many queries',
    body: 'SearchBatch',
    answers: { 200: { description: 'A list of hits per query', content: inJson('HitLists') } },
    errors: WITH_BODY,
  },
  snapshot: {
    summary: 'The whole collection in the format that every runtime opens',
    answers: {
      200: { description: 'A snapshot', content: { 'application/octet-stream': {} } },
    },
    errors: [],
  },
  stats: {
    summary: 'Facts about the collection',
    answers: { 200: { description: 'Facts', content: inJson('Stats') } },
    errors: [],
  },
};

/** The OpenAPI 3.1 document of the interface below `prefix`. */
export function describe(prefix: string): object {
  const paths = ROUTES.map(({ name, path, methods }) => {
    const operations = Object.keys(methods).map((method) => [
      method.toLowerCase(),
      operation(name, method as 'GET' | 'DELETE'),
    ]);
    const parameters = [
      ...(path.includes('{collection}') ? [COLLECTION] : []),
      ...(path.includes('{id}') ? [ID] : []),
    ];
    return [`${prefix}${path}`, { parameters, ...Object.fromEntries(operations) }];
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kindex',
      version: VERSION,
      description: 'Vectors in batches, and the nearest of them.',
      license: { name: 'MIT OR Apache-2.0', identifier: 'MIT OR Apache-2.0' },
    },
    // The empty one: served with authorize or, on the loopback, without.
    security: [{ bearer: [] }, {}],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: COMPONENTS,
    },
  };
}

function operation(name: RouteName, method: 'GET' | 'DELETE'): object {
  const { summary, description, body, parameters, answers, errors } =
    name === 'record' ? OPERATIONS.record[method] : OPERATIONS[name];
  return {
    operationId: name === 'record' ? `${method.toLowerCase()}Record` : name,
    summary,
    ...(description && { description }),
    ...(parameters && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: {
          ...inJson(body),
          [VECTORS_TYPE]: {
            schema: {
              type: 'string',
              format: 'binary',
              description: 'The fields as JSON, the vectors as 32-bit floats: see the guide.',
            },
          },
        },
      },
    }),
    responses: { ...answers, ...refusals([...ALWAYS, ...errors]) },
  };
}

/** An answer per status, which names the codes that it can carry. */
function refusals(codes: readonly ServerErrorCode[]): Record<number, object> {
  const byStatus = new Map<number, ServerErrorCode[]>();
  for (const code of codes) {
    byStatus.set(STATUS[code], [...(byStatus.get(STATUS[code]) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [
      status,
      { description: named.join(', '), content: inJson('Error'), headers: headersOf(status) },
    ]),
  );
}

function headersOf(status: number): object {
  const text = { schema: { type: 'string' } };
  if (status === 401) return { 'WWW-Authenticate': text };
  if (status === 503 || status === 423) return { 'Retry-After': text };
  return {};
}
