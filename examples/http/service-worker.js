import { createHandler } from './kindex/server.js';
import { Collection, initialize } from './kindex/slim.js';

let engine;

/** Compiled at the first request: a service worker may not wait while it starts. */
function ready() {
  engine ??= WebAssembly.compileStreaming(fetch('./kindex/kindex.wasm')).then(initialize);
  return engine;
}

const handler = createHandler({
  // Only pages of this site can reach it.
  authorize: () => true,
  open: async (name) => {
    if (name !== 'words') return undefined;
    await ready();
    return Collection.open(name, { dimension: 4 });
  },
});

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url);
  if (pathname.startsWith('/api/v1/')) event.respondWith(handler(event.request));
});
