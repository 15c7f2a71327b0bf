import { NDJSON_TYPE } from './progress-stream.js';
import { ROUTES, type RouteName } from './routes.js';
import { COMPONENTS } from './schemas.js';
import { SNAPSHOT_TYPE } from './snapshot-body.js';
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
  /** The bodies that it takes, by type. */
  readonly content?: object;
  readonly answers: Readonly<Record<number, { description: string; content: object }>>;
  readonly errors: readonly ServerErrorCode[];
  readonly parameters?: readonly object[];
}

/** A body in JSON, or with its vectors in binary. */
const bodyOf = (name: string) => ({
  ...inJson(name),
  [VECTORS_TYPE]: {
    schema: {
      type: 'string',
      format: 'binary',
      description: 'The fields as JSON, the vectors as 32-bit floats: see the guide.',
    },
  },
});

/** What there is to say of a route's method beyond its path. */
const OPERATIONS: Readonly<Record<Exclude<RouteName, 'record' | 'snapshot'>, Operation>> & {
  readonly record: Readonly<Record<'GET' | 'DELETE', Operation>>;
  readonly snapshot: Readonly<Record<'GET' | 'PUT', Operation>>;
} = {
  describe: {
    summary: 'This document',
    answers: { 200: { description: 'An OpenAPI document', content: { 'application/json': {} } } },
    errors: [],
  },
  batch: {
    summary: 'Insert, upsert, update or delete many records in one batch',
    description: `With \`Accept: ${NDJSON_TYPE}\` the answer is streamed: progress as it comes, the result or the error as the last line. What is wrong with the request itself is answered with its status all the same.`,
    content: { ...bodyOf('Batch'), [NDJSON_TYPE]: schema('BatchLine') },
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
    content: bodyOf('Search'),
    answers: { 200: { description: 'Closest first', content: inJson('Hits') } },
    errors: WITH_BODY,
  },
  searchBatch: {
    summary: 'The nearest records of many queries',
    content: bodyOf('SearchBatch'),
    answers: { 200: { description: 'A list of hits per query', content: inJson('HitLists') } },
    errors: WITH_BODY,
  },
  snapshot: {
    GET: {
      summary: 'The whole collection in the format that every runtime opens',
      description:
        'Batches wait until it is sent. A caller who stops reading loses it after 30 seconds.',
      answers: { 200: { description: 'A snapshot', content: { [SNAPSHOT_TYPE]: {} } } },
      errors: [],
    },
    PUT: {
      summary: 'Make a collection of a snapshot',
      content: { [SNAPSHOT_TYPE]: {} },
      answers: { 201: { description: 'It is open.', content: inJson('Stats') } },
      errors: ['TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'DUPLICATE_ID', 'QUOTA_EXCEEDED'],
    },
  },
  stats: {
    summary: 'Facts about the collection',
    answers: { 200: { description: 'Facts', content: inJson('Stats') } },
    errors: [],
  },
};

/** The OpenAPI 3.1 document of the interface below `prefix`, with what the options have it serve. */
export function describe(prefix: string, served: { readonly load?: unknown }): object {
  const paths = ROUTES.map(({ name, path, methods }) => {
    const operations = Object.keys(methods)
      .filter((method) => method !== 'PUT' || served.load)
      .map((method) => [method.toLowerCase(), operation(name, method)]);
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

function operation(name: RouteName, method: string): object {
  const here: Operation | Readonly<Record<string, Operation>> = OPERATIONS[name];
  const several = !('summary' in here);
  const { summary, description, content, parameters, answers, errors } = (
    several ? here[method] : here
  ) as Operation;
  const id = `${method.toLowerCase()}${name[0]?.toUpperCase()}${name.slice(1)}`;
  return {
    operationId: several ? id : name,
    summary,
    ...(description && { description }),
    ...(parameters && { parameters }),
    ...(content && { requestBody: { required: true, content } }),
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
