import { Collection } from 'kindex';
import { createHandler } from 'kindex/server';

const handler = createHandler({
  open: (name) => (name === 'words' ? Collection.open(name, { dimension: 384 }) : undefined),
});
const port = Number(Deno.env.get('PORT') ?? 8080);
Deno.serve(
  { hostname: '127.0.0.1', port, onListen: ({ port }) => console.log(port) },
  (request, info) => handler(request, { remoteAddress: info.remoteAddr.hostname }),
);
