// A process that writes batch after batch until it is killed, and says each time what was acknowledged.
//
//   node --import tsx tests/ts/file-writer.ts FOLDER SEED
import { Collection } from '../../ts/entrypoints/node.js';
import { batchOf, generationsIn, NAME } from './file-batches.js';
import { randomFrom, WASM } from './support.js';

const [folder = '', seed = '0'] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const collection = await Collection.open(NAME, { dimension: 32, folder, ...WASM });
console.log('open');
for (let generation = await generationsIn(collection); ; generation++) {
  const durability = random() < 0.3 ? 'strict' : 'relaxed';
  await collection.upsert(batchOf(generation), { durability });
  console.log(`written ${generation}`);
  if (random() < 0.15) await collection.compact();
}
