import { Collection } from 'kindex';
import { createHandler } from 'kindex/server';

const handler = createHandler({
  open: (name) => (name === 'words' ? Collection.open(name, { dimension: 384 }) : undefined),
});
const { port } = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 8080),
  fetch: (request, server) =>
    handler(request, { remoteAddress: server.requestIP(request)?.address }),
});
console.log(port);
