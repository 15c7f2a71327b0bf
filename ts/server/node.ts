/** @module kindex/server/node */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import type { Connection } from './authorize.js';

/** Answers a request of the web, given what is known of its connection. */
export type WebHandler = (request: Request, connection: Connection) => Promise<Response>;

/**
 * The handler as a listener for `http.createServer`. Bodies stream both ways; a caller who hangs up aborts the request.
 */
export function toNodeListener(handler: WebHandler) {
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const hungUp = new AbortController();
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) hungUp.abort();
    });
    if (incoming.method === 'TRACE' || incoming.method === 'TRACK') {
      // No `Request` can be made of them.
      refuse(outgoing, 405, `${incoming.method} is served nowhere`);
      return;
    }
    let request: Request;
    try {
      request = toRequest(incoming, hungUp.signal);
    } catch {
      refuse(outgoing, 400, 'no URL can be made of path and host');
      return;
    }
    try {
      const { remoteAddress } = incoming.socket;
      await send(await handler(request, { remoteAddress }), outgoing);
    } catch (thrown) {
      if (!hungUp.signal.aborted) console.error(thrown);
      outgoing.destroy();
    }
  };
}

/** For what can't be handed to the handler. */
function refuse(outgoing: ServerResponse, status: number, reason: string): void {
  const headers = { 'content-type': 'text/plain', ...(status === 405 && { allow: '' }) };
  outgoing.writeHead(status, headers).end(`${reason}\n`);
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', headers, url = '/', socket } = incoming;
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  // Joined as text: resolved against a base, `//host/path` would name another host.
  const address = new URL(`${scheme}://${headers.host ?? ''}${url.startsWith('/') ? url : '/'}`);
  const copied = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) copied.append(name, one);
    }
  }
  const body = method === 'GET' || method === 'HEAD' ? null : bodyOf(incoming);
  const init = { method, headers: copied, signal, body, duplex: 'half' };
  return new Request(address, init as RequestInit);
}

/**
 * What arrives, as it is asked for. Not `Readable.toWeb`: whoever gives that up ends the connection, perhaps before
 * the caller has read why. Here the rest is read and forgotten.
 */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let given: ReadableStreamDefaultController<Uint8Array> | undefined;
  const listen = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    given = controller;
    incoming
      .on('data', (chunk: Uint8Array) => {
        if (!given) return;
        incoming.pause();
        given.enqueue(new Uint8Array(chunk));
      })
      .on('end', () => given?.close())
      .on('error', (thrown) => given?.error(thrown));
  };
  return new ReadableStream(
    {
      // Not before: what nobody asks for, Node passes over by itself.
      pull(controller) {
        if (!given) listen(controller);
        incoming.resume();
      },
      cancel() {
        given = undefined;
        incoming.resume();
      },
    },
    { highWaterMark: 0 },
  );
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) {
    outgoing.end();
    return;
  }
  const body = Readable.fromWeb(response.body as NodeStream);
  await new Promise<void>((resolve, reject) => {
    body.on('error', reject);
    outgoing.on('close', () => {
      // Tells the source that nobody listens any more.
      body.destroy();
      resolve();
    });
    body.pipe(outgoing);
  });
}
