import { createServer } from 'node:http';
import { Collection } from 'kindex';
import { createHandler } from 'kindex/server';
import { toNodeListener } from 'kindex/server/node';

const handler = createHandler({
  open: (name) => (name === 'words' ? Collection.open(name, { dimension: 384 }) : undefined),
});
const server = createServer(toNodeListener(handler));
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/api/v1`);
});
process.once('SIGTERM', () => server.close(() => handler.close()));
