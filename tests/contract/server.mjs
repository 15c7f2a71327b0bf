// What the contract test asks: the built handler over a collection in memory, behind a token.
import { createServer } from 'node:http';
import { Collection } from 'kindex';
import { bearerToken, createHandler } from 'kindex/server';
import { toNodeListener } from 'kindex/server/node';

const words = await Collection.open('words', { dimension: 3, storage: 'memory' });
await words.insert(
  Array.from({ length: 50 }, (_, i) => ({ id: `w${i}`, vector: [1, i, i % 7], metadata: { i } })),
);
const handler = createHandler({
  open: (name) => (name === 'words' ? words : undefined),
  authorize: bearerToken(process.env.TOKEN),
});
const server = createServer(toNodeListener(handler));
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
