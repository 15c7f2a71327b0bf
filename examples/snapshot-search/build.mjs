// Writes public/words.kindex, which the Worker serves from: `node build.mjs VECTORS.f32 IDS.json`
// (float32 little-endian, 384 a row; an array of strings). It must stay below 25 MiB, the most that an
// asset may have; a larger one goes to R2.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Collection } from 'kindex';

const [vectorsFile, idsFile] = process.argv.slice(2);
const { buffer } = new Uint8Array(await readFile(vectorsFile));
const ids = JSON.parse(await readFile(idsFile, 'utf8'));

const words = await Collection.open('words', {
  dimension: 384,
  storage: 'memory',
  // Codes alone: a quarter of the memory, and answers that are nearly as good.
  keepVectors: false,
});
await words.insert({ ids, vectors: new Float32Array(buffer) });
const snapshot = await words.snapshot();
await mkdir('public', { recursive: true });
await writeFile('public/words.kindex', snapshot);
console.log(`${words.size} vectors, ${snapshot.length} bytes`);
