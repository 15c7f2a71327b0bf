// Fills a file up to the limit of the process, and says what became of the collection.
import { Collection, type KindexError } from '../../ts/entrypoints/node.js';
import { clustered, WASM } from './support.js';

const [folder = ''] = process.argv.slice(2);
const options = { dimension: 256, folder, ...WASM };
const collection = await Collection.open('full', options);
await collection.insert({ vectors: clustered(200, 256, 1) });
const before = await collection.count();
let code = 'none';
try {
  await collection.insert({ vectors: clustered(5000, 256, 2) });
} catch (thrown) {
  code = (thrown as KindexError).code;
}
const after = await collection.count();
await collection.insert({ vectors: clustered(1, 256, 3) });
await collection.close();
const again = await Collection.open('full', options);
console.log(JSON.stringify({ code, before, after, later: await again.count() }));
await again.close();
