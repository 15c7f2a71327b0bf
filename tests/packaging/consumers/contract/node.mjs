import { createServer } from 'node:http';
import { toNodeListener } from 'kindex/server/node';
import { makeHandler } from './handler.js';

const server = createServer(toNodeListener(makeHandler(process.env.TOKEN)));
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
