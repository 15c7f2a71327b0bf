import { RequestError } from './status.js';

/** What a request is for. */
export type RouteName =
  | 'describe'
  | 'batch'
  | 'record'
  | 'search'
  | 'searchBatch'
  | 'snapshot'
  | 'stats';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A method's part in a route. */
export interface MethodRule {
  readonly action: 'read' | 'write';
}

/** Every path below the prefix, and what may be done there. `{}` stands for one segment. */
export const ROUTES: readonly {
  readonly name: RouteName;
  readonly path: string;
  readonly methods: Partial<Record<Method, MethodRule>>;
}[] = [
  { name: 'describe', path: '/openapi.json', methods: { GET: { action: 'read' } } },
  {
    name: 'batch',
    path: '/collections/{collection}/vectors/batch',
    methods: { POST: { action: 'write' } },
  },
  {
    name: 'record',
    path: '/collections/{collection}/vectors/{id}',
    methods: { GET: { action: 'read' }, DELETE: { action: 'write' } },
  },
  {
    name: 'search',
    path: '/collections/{collection}/search',
    methods: { POST: { action: 'read' } },
  },
  {
    name: 'searchBatch',
    path: '/collections/{collection}/search/batch',
    methods: { POST: { action: 'read' } },
  },
  {
    name: 'snapshot',
    path: '/collections/{collection}/snapshot',
    methods: { GET: { action: 'read' }, PUT: { action: 'write' } },
  },
  { name: 'stats', path: '/collections/{collection}/stats', methods: { GET: { action: 'read' } } },
];

/** A path that there is. */
export interface Route {
  readonly name: RouteName;
  readonly methods: Partial<Record<string, MethodRule>>;
  readonly collection: string | undefined;
  readonly id: string | undefined;
}

/**
 * Finds the route of a path. Segments are compared before they are decoded, so that `%62atch` is a record's id and no
 * other spelling reaches another route.
 *
 * @throws RequestError `NOT_FOUND`, `INVALID_ARGUMENT`
 */
export function match(pathname: string, prefix: string): Route {
  const segments = pathname.startsWith(`${prefix}/`)
    ? pathname.slice(prefix.length + 1).split('/')
    : [];
  for (const { name, path, methods } of ROUTES) {
    const parameters = fit(path.slice(1).split('/'), segments);
    if (!parameters) continue;
    const { collection, id } = parameters;
    return {
      name,
      methods,
      collection: collection === undefined ? undefined : collectionName(collection),
      id: id === undefined ? undefined : decode(id),
    };
  }
  throw new RequestError('NOT_FOUND', 'there is nothing at this path');
}

function fit(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] as string;
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined;
    } else if (segment === '') {
      return undefined;
    } else {
      parameters[part.slice(1, -1)] = segment;
    }
  }
  return parameters;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RequestError('INVALID_ARGUMENT', `the path has a segment that is no UTF-8`);
  }
}

/** A name goes on to a storage, which may make a path of it. */
function collectionName(segment: string): string {
  const name = decode(segment);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[/\\\u0000-\u001f\u007f]/.test(name) && !/^\.{1,2}$/.test(name)) return name;
  throw new RequestError(
    'INVALID_ARGUMENT',
    'the name of a collection holds no slash, no backslash and no control character here, and is not . or ..',
  );
}
