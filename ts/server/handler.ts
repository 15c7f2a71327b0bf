import { checkNames, type Names } from '../options.js';
import { type Authorize, type Connection, requireAccess } from './authorize.js';
import { type BodyLimits, BodyMemory, withBody } from './body.js';
import { type CorsOptions, corsHeaders, preflight } from './cors.js';
import { OpenCollections } from './open-collections.js';
import { describe } from './openapi.js';
import {
  deleteRecord,
  readBatch,
  readRecord,
  readRows,
  type ServedCollection,
  search,
  searchBatch,
  type Write,
} from './operations.js';
import { NDJSON_TYPE, progressStream, wantsProgress } from './progress-stream.js';
import { match, type Route } from './routes.js';
import { isRows, withRows } from './rows-body.js';
import { loadSnapshot, SNAPSHOT_TYPE } from './snapshot-body.js';
import { judge, RequestError } from './status.js';

/** Options of {@link createHandler}. */
export interface HandlerOptions {
  /**
   * Opens the collection of that name; undefined if there is none. Asked once per name, until it fails or the
   * collection is closed. The name comes from the caller: open only what is meant to be served.
   */
  readonly open: (
    name: string,
  ) => ServedCollection | undefined | Promise<ServedCollection | undefined>;
  /**
   * Makes a collection of a snapshot that was put to a name, for example with `Collection.load`; it must refuse a name
   * that there is. Without it no snapshots are taken.
   */
  readonly load?: (name: string, snapshot: ReadableStream<Uint8Array>) => Promise<ServedCollection>;
  /**
   * Who may do what; see {@link bearerToken}. Without it only requests from and to the loopback are served, which the
   * server must be able to tell: see {@link Connection}.
   */
  readonly authorize?: Authorize;
  /** Pages of other origins that may call; default: none. */
  readonly cors?: CorsOptions;
  /** What the paths begin with; default `/api/v1`. */
  readonly prefix?: string;
  /** Bytes of one body, and of a line of one whose rows come line by line; default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Bytes of all bodies that are being answered at one time; default 128 MiB. Past it `BUSY` is the answer. */
  readonly maxBufferedBytes?: number;
  /** Bytes of a snapshot that is put; default 1 GiB. */
  readonly maxSnapshotBytes?: number;
  /** Hears of what was answered with a status of 500 or more; default: `console.error`. */
  readonly onError?: (thrown: unknown, request: Request) => void;
}

const OPTIONS: Names<HandlerOptions> = {
  open: 1,
  load: 1,
  authorize: 1,
  cors: 1,
  prefix: 1,
  maxBodyBytes: 1,
  maxBufferedBytes: 1,
  maxSnapshotBytes: 1,
  onError: 1,
};
const CORS: Names<CorsOptions> = { origins: 1, maxAge: 1 };

/** Answers requests. */
export interface Handler {
  (request: Request, connection?: Connection): Promise<Response>;
  /** Closes the collections that it has opened; later requests are answered with `CLOSED`. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const JSON_TYPE = 'application/json';

/**
 * Serves collections over HTTP, wherever there is `Request` and `Response`: workers of an edge network, Node, Deno,
 * Bun, a service worker. What it serves is described at `/api/v1/openapi.json`.
 *
 * @throws KindexError `INVALID_ARGUMENT` for an option that it does not know; RangeError for a `prefix` that is no path
 */
export function createHandler(options: HandlerOptions): Handler {
  checkNames('createHandler', OPTIONS, options);
  if (options.cors !== undefined) checkNames('cors', CORS, options.cors);
  const server = new Server(options);
  return Object.assign(
    (request: Request, connection?: Connection) => server.answer(request, connection ?? {}),
    { close: () => server.close() },
  );
}

class Server {
  readonly #options: HandlerOptions;
  readonly #prefix: string;
  readonly #collections: OpenCollections;
  readonly #body: BodyLimits;

  constructor(options: HandlerOptions) {
    const { prefix = '/api/v1' } = options;
    if (!/^(\/[\w.~-]+)*$/.test(prefix)) {
      throw new RangeError(
        `prefix must be a path such as '/api/v1', without a slash at its end, but is '${prefix}'`,
      );
    }
    this.#options = options;
    this.#prefix = prefix;
    this.#collections = new OpenCollections(options.open);
    this.#body = {
      most: options.maxBodyBytes ?? 32 * MEBIBYTE,
      memory: new BodyMemory(options.maxBufferedBytes ?? 128 * MEBIBYTE),
    };
  }

  close(): Promise<void> {
    return this.#collections.close();
  }

  async answer(request: Request, connection: Connection): Promise<Response> {
    let response: Response;
    try {
      response = await this.#route(request, connection);
    } catch (thrown) {
      response = this.#failed(thrown, request);
    }
    const { cors } = this.#options;
    for (const [name, value] of Object.entries(corsHeaders(cors, request))) {
      response.headers.set(name, value);
    }
    if (request.method !== 'HEAD') return response;
    // A snapshot that nobody reads would keep writers waiting.
    await response.body?.cancel();
    return new Response(null, response);
  }

  async #route(request: Request, connection: Connection): Promise<Response> {
    const { cors, authorize } = this.#options;
    const route = match(new URL(request.url).pathname, this.#prefix);
    const taken = route.name === 'snapshot' && !this.#options.load ? ['GET'] : undefined;
    const methods = taken ?? Object.keys(route.methods);
    const asked = preflight(cors, request, methods);
    if (asked) return asked;
    // HEAD is GET without the body.
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const rule = route.methods[method];
    if (!rule || !methods.includes(method)) {
      throw new RequestError(
        'METHOD_NOT_ALLOWED',
        `${methods.join(' and ')} can be done here, but not ${request.method}`,
        {
          headers: {
            allow: methods.flatMap((name) => (name === 'GET' ? [name, 'HEAD'] : name)).join(', '),
          },
        },
      );
    }
    const access = { collection: route.collection, action: rule.action };
    await requireAccess(authorize, request, access, connection, cors);
    const { name } = route;
    if (route.collection === undefined) return json(describe(this.#prefix, this.#options));
    const { load } = this.#options;
    if (method === 'PUT' && load) return this.#load(route.collection, request, load);
    return this.#collections.use(route.collection, (collection) =>
      name === 'batch'
        ? this.#batch(collection, request)
        : this.#operate(collection, request, route),
    );
  }

  async #operate(
    collection: ServedCollection,
    request: Request,
    { name, id = '' }: Route,
  ): Promise<Response> {
    const { signal } = request;
    switch (name) {
      case 'search':
      case 'searchBatch': {
        const find = name === 'search' ? search : searchBatch;
        return withBody(request, this.#body, async (body) =>
          json(await find(collection, body, signal)),
        );
      }
      case 'record': {
        if (request.method === 'DELETE') {
          const idempotencyKey = request.headers.get('idempotency-key');
          return json(await deleteRecord(collection, id, { signal, idempotencyKey }));
        }
        const include = new URL(request.url).searchParams.get('include');
        return json(await readRecord(collection, id, include, signal));
      }
      case 'snapshot':
        return new Response(await collection.snapshotStream(), {
          headers: { ...PLAIN_HEADERS, 'content-type': SNAPSHOT_TYPE },
        });
      default:
        return json(await collection.stats());
    }
  }

  async #batch(collection: ServedCollection, request: Request): Promise<Response> {
    if (!wantsProgress(request)) {
      return this.#withWrite(request, async (write) => {
        const result = await write(collection, request);
        // Items that failed must not hide behind a plain success.
        return json(result, result.failed > 0 ? 207 : 200);
      });
    }
    return new Promise((resolve, reject) => {
      const stream = (write: Write) =>
        new Promise<void>((done) => {
          const lines = progressStream(
            (run) => write(collection, run).finally(done),
            (thrown) => this.#report(thrown, request),
          );
          const headers = { ...PLAIN_HEADERS, 'content-type': NDJSON_TYPE };
          resolve(new Response(lines, { headers }));
        });
      // The body stays counted until the batch is through, which is after the answer has begun.
      this.#withWrite(request, stream).catch(reject);
    });
  }

  #withWrite<T>(request: Request, use: (write: Write) => Promise<T>): Promise<T> {
    const key = request.headers.get('idempotency-key');
    return isRows(request)
      ? withRows(request, this.#body, (head, rows) => use(readRows(head, rows, key)))
      : withBody(request, this.#body, (body) => use(readBatch(body, key)));
  }

  async #load(
    name: string,
    request: Request,
    load: NonNullable<HandlerOptions['load']>,
  ): Promise<Response> {
    const { maxSnapshotBytes = 1024 * MEBIBYTE } = this.#options;
    const collection = await this.#collections.add(name, () =>
      loadSnapshot(request, maxSnapshotBytes, (snapshot) => load(name, snapshot)),
    );
    return json(await collection.stats(), 201);
  }

  #failed(thrown: unknown, request: Request): Response {
    const { status, headers, body } = judge(thrown);
    this.#report(thrown, request, status);
    return json(body, status, headers);
  }

  #report(thrown: unknown, request: Request, status = judge(thrown).status): void {
    if (status < 500) return;
    const { onError = logged } = this.#options;
    onError(thrown, request);
  }
}

function logged(thrown: unknown, request: Request): void {
  console.error(`${request.method} ${new URL(request.url).pathname}:`, thrown);
}

const PLAIN_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function json(value: object, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...PLAIN_HEADERS, 'content-type': JSON_TYPE, ...headers },
  });
}
