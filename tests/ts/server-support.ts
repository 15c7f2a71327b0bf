import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Collection, Metric } from '../../ts/entrypoints/node.js';
import { createHandler, type HandlerOptions } from '../../ts/server/index.js';
import { ROUTES } from '../../ts/server/routes.js';
import { empty } from './support.js';

export const TOKEN = 'a-token-that-only-the-tests-know';
export const ORIGIN = 'http://127.0.0.1';
export const PREFIX = '/api/v1';

/** An answer of the handler, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly body: any;
}

export type Send = (path: string, init?: RequestInit & { json?: unknown }) => Promise<Answer>;

/** A handler over collections by name, and a `send` that holds every answer against the document. */
export async function serve(
  options: Partial<HandlerOptions> = {},
  metric: Metric = 'cosine',
): Promise<{
  send: Send;
  words: Collection;
  handler: ReturnType<typeof createHandler>;
}> {
  const words = await empty({ metric });
  const handler = createHandler({
    open: (name) => (name === 'words' ? words : undefined),
    onError: () => {},
    ...options,
  });
  const document = await (
    await createHandler({ ...options, open: () => undefined, authorize: () => true })(
      new Request(`${ORIGIN}${PREFIX}/openapi.json`),
    )
  ).json();
  const keepsContract = contract(document);
  const send: Send = async (path, { json, ...init } = {}) => {
    const request = new Request(`${ORIGIN}${path.startsWith('/') ? path : `${PREFIX}/${path}`}`, {
      ...(json !== undefined && {
        method: 'POST',
        body: JSON.stringify(json),
        headers: { 'content-type': 'application/json' },
      }),
      ...init,
    });
    const response = await handler(request, { remoteAddress: '127.0.0.1' });
    const answer = await read(response);
    keepsContract(request, answer);
    return answer;
  };
  return { send, words, handler };
}

/** The body by its type: JSON, lines of JSON, or bytes. */
export async function read(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const type = headers.get('content-type');
  let body: unknown;
  if (!response.body) return { status, headers, body };
  if (type === 'application/json') body = await response.json();
  else if (type === 'application/x-ndjson') {
    const lines = (await response.text()).trimEnd().split('\n');
    body = lines.map((line) => JSON.parse(line));
  } else body = new Uint8Array(await response.arrayBuffer());
  return { status, headers, body };
}

/** Holds an answer against the document: that its status and type are listed, and its body fits the schema. */
// biome-ignore lint/suspicious/noExplicitAny: the document is JSON
export function contract(document: any): (request: Request, answer: Answer) => void {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema(document, 'document');
  return (request, { status, headers, body }) => {
    const path = templateOf(new URL(request.url).pathname);
    const operation = document.paths[`${PREFIX}${path}`]?.[request.method.toLowerCase()];
    // What has no operation is refused with the error's form.
    const listed = operation?.responses[status];
    if (operation) assert.ok(listed, `${request.method} ${path} answered ${status}, unlisted`);
    if (request.method === 'HEAD' || status === 204) return;
    const type = headers.get('content-type') ?? '';
    const media = listed?.content[type];
    if (operation) assert.ok(media, `${request.method} ${path}: ${status} is no ${type}`);
    const reference = operation ? media.schema?.$ref : '#/components/schemas/Error';
    if (!reference) return;
    const validate = ajv.getSchema(`document${reference}`);
    assert.ok(validate, reference);
    for (const value of type === 'application/x-ndjson' ? body : [body]) {
      assert.ok(validate(value), `${reference}: ${ajv.errorsText(validate.errors)}`);
    }
  };
}

/** The most literal template that fits a path, as a server of the document would choose. */
function templateOf(pathname: string): string | undefined {
  const segments = pathname.slice(PREFIX.length + 1).split('/');
  return ROUTES.find(({ path }) => {
    const parts = path.slice(1).split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]))
    );
  })?.path;
}
