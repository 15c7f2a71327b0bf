// A small static server for the demo and the tests, on the loopback only.
//
//   node scripts/serve.mjs [--not-isolated] [--port N] [folder]
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { site } from './paths.mjs';
import { Failure, isProgram, main } from './process.mjs';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/** Everything from the page's own origin; 'wasm-unsafe-eval' lets it compile WebAssembly, no more. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  // The hub is where the demo looks for its sentence model when set-up could not bring it.
  "connect-src 'self' https://huggingface.co https://*.hf.co",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Serves folders by the prefix of the address: `{ '/': 'target/www', '/pkg/': 'pkg' }`.
 * `isolated` sends the two headers that give a page SharedArrayBuffer, and with it threads.
 * Port 0 takes any free one. Resolves to `{ url, close }`.
 */
export function serve(
  folders,
  { port = 0, isolated = true, policy = CONTENT_SECURITY_POLICY } = {},
) {
  const prefixes = Object.keys(folders).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    const headers = {
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-cache',
      ...(isolated && {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
        'Cross-Origin-Resource-Policy': 'same-origin',
      }),
    };
    const refuse = (status, reason) =>
      response.writeHead(status, { ...headers, 'Content-Type': types['.txt'] }).end(`${reason}\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(405, 'only GET and HEAD');
    const file = resolveFile(request.url, prefixes, folders);
    if (!file) return refuse(404, 'not found');
    const type = types[extname(file.path)] ?? 'application/octet-stream';
    response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': file.size });
    if (request.method === 'HEAD') return response.end();
    createReadStream(file.path)
      .on('error', () => response.destroy())
      .pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve({
        url: `http://localhost:${server.address().port}/`,
        close: () =>
          new Promise((done) => {
            server.close(done);
            server.closeAllConnections();
          }),
      });
    });
  });
}

function resolveFile(url, prefixes, folders) {
  let path;
  try {
    path = normalize(decodeURIComponent(url.split('?', 1)[0]))
      .split(sep)
      .join('/');
  } catch {
    return undefined;
  }
  if (!path.startsWith('/') || path.includes('\0')) return undefined;
  const prefix = prefixes.find((candidate) => path.startsWith(candidate));
  if (!prefix) return undefined;
  const inside = path.slice(prefix.length);
  const full = join(
    folders[prefix],
    inside === '' || inside.endsWith('/') ? `${inside}index.html` : inside,
  );
  const stat = statSync(full, { throwIfNoEntry: false });
  return stat?.isFile() ? { path: full, size: stat.size } : undefined;
}

if (isProgram(import.meta.url)) {
  await main(async () => {
    const { values, positionals } = parseArgs({
      options: { 'not-isolated': { type: 'boolean' }, port: { type: 'string' } },
      allowPositionals: true,
    });
    const port = Number(values.port ?? process.env.PORT ?? 5173);
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new Failure('the port must be 0 to 65535');
    await announce({ '/': positionals[0] ?? site }, { port, isolated: !values['not-isolated'] });
  });
}

/** Serves until interrupted, and prints where. */
export async function announce(folders, options) {
  try {
    const { url } = await serve(folders, options);
    console.log(`\nKindex's demo is at ${url}   (Ctrl+C ends it)`);
  } catch (error) {
    if (error.code === 'EADDRINUSE')
      throw new Failure(`port ${options.port} is taken; choose another: PORT=5174 npm start`);
    throw error;
  }
}
