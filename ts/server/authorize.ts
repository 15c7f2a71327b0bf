import type { CorsOptions } from './cors.js';
import { RequestError } from './status.js';

/** What a request wants to do. */
export interface Access {
  /** Undefined for the description of the interface. */
  readonly collection: string | undefined;
  /** `read`: searches, records, statistics, snapshots; `write`: batches, and a snapshot that is put. */
  readonly action: 'read' | 'write';
}

/** Says whether a request may go on; with 'forbidden' its token is known, but not good for this. */
export type Authorize = (
  request: Request,
  access: Access,
) => boolean | 'forbidden' | Promise<boolean | 'forbidden'>;

/** Facts that a `Request` does not carry. */
export interface Connection {
  /** The address of the other end, as the server knows it: nothing that a header says. */
  readonly remoteAddress?: string | undefined;
}

/**
 * Lets in who sends `Authorization: Bearer TOKEN` with one of the tokens. The time that a comparison takes says
 * nothing about a token.
 */
export function bearerToken(...tokens: readonly string[]): Authorize {
  if (tokens.length === 0 || tokens.some((token) => token.length < 16)) {
    throw new RangeError('bearerToken takes tokens of at least 16 characters');
  }
  const known = Promise.all(tokens.map(digest));
  return async (request) => {
    const given = /^bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    if (given === undefined) return false;
    const asked = await digest(given);
    let found = false;
    for (const token of await known) if (equal(asked, token)) found = true;
    return found;
  };
}

/** Digests have one length, and an attacker can't choose their bytes one by one. */
async function digest(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}

/**
 * @throws RequestError `UNAUTHORIZED`, `FORBIDDEN`
 */
export async function requireAccess(
  authorize: Authorize | undefined,
  request: Request,
  access: Access,
  connection: Connection,
  cors: CorsOptions | undefined,
): Promise<void> {
  if (!authorize) return requireLoopback(request, connection, cors);
  const verdict = await authorize(request, access);
  if (verdict === true) return;
  if (verdict === 'forbidden') {
    throw new RequestError('FORBIDDEN', `this token may not ${access.action} here`);
  }
  const sent = request.headers.has('authorization');
  throw new RequestError(
    'UNAUTHORIZED',
    sent ? 'the authorization is not valid' : 'this needs an Authorization header',
    { headers: { 'www-authenticate': sent ? 'Bearer error="invalid_token"' : 'Bearer' } },
  );
}

/**
 * Without `authorize` only this machine is served. Its browser can be made to send requests by any page, so the name
 * that was asked for must be this machine's too (or a foreign name could be pointed here), and the page its own.
 */
function requireLoopback(
  request: Request,
  { remoteAddress }: Connection,
  cors: CorsOptions | undefined,
): void {
  const url = new URL(request.url);
  if (remoteAddress === undefined || !isLoopback(remoteAddress) || !isLoopback(url.hostname)) {
    throw new RequestError(
      'FORBIDDEN',
      "without the option 'authorize' only requests from and to the loopback are served",
    );
  }
  const origin = request.headers.get('origin');
  // Origins that were listed by name were meant; `*` was not meant for this.
  const listed = Array.isArray(cors?.origins) && cors.origins.includes(origin);
  if (origin !== null && origin !== url.origin && !listed) {
    throw new RequestError(
      'FORBIDDEN',
      "without the option 'authorize' no other page's requests are served",
    );
  }
}

function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    plain === 'localhost' ||
    plain === '::1' ||
    /^(::ffff:)?127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(plain)
  );
}
