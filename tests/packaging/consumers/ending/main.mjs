// Opens a collection, has the pool of threads start, and ends while it starts. Prints what became of the calls.
import { Collection } from 'kindex';

const [way, folder] = process.argv.slice(2);
const words = await Collection.open('words', { dimension: 4, folder });
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// The figures say how many threads there are, so they wait for the pool.
const figures = () =>
  words.stats().then(
    () => 'answered',
    ({ code }) => code,
  );
const rows = (n) => Array.from({ length: n }, (_, i) => ({ vector: [1, i, i % 7, i % 11] }));

const ways = {
  exit: async (ms) => {
    void figures();
    await wait(ms);
    return 'exits';
  },
  close: async () => {
    const asked = figures();
    await words.close();
    return asked;
  },
  // Enough rows to wait for the threads.
  write: async () => {
    const written = words.insert(rows(3000)).then((result) => result.written);
    await words.close();
    return written;
  },
  forget: async () => {
    void figures();
    return 'forgot';
  },
  // Nobody asks: the pool starts by itself.
  wait: async (ms) => {
    await wait(ms);
    await words.close();
    return 'closed';
  },
};
const [, name, ms] = /^([a-z]+)(\d*)$/.exec(way);
process.stdout.write(String(await ways[name](Number(ms))), () => name === 'exit' && process.exit());
