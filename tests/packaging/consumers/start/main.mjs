// Prints the milliseconds from the import to the first answer over a thousand vectors.
import { readFileSync } from 'node:fs';

const [fixture, threads] = process.argv.slice(2);
const numbers = new Float32Array(new Uint8Array(readFileSync(fixture)).buffer);
const started = performance.now();
const { Collection } = await import('kindex');
const words = await Collection.open('words', {
  dimension: 384,
  storage: 'memory',
  threads: threads === 'auto' ? threads : Number(threads),
});
await words.insert({ vectors: numbers.subarray(0, 1000 * 384) });
await words.search(numbers.subarray(1000 * 384, 1001 * 384));
console.log(performance.now() - started);
process.exit();
