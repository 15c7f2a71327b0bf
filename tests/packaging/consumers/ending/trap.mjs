// Prints the code of the first call that fails after a thread of the pool has trapped.
import { Collection } from 'kindex';

const words = await Collection.open('words', {
  dimension: 4,
  storage: 'memory',
  threads: 2,
  workerUrl: new URL('trapping-worker.mjs', import.meta.url),
});
for (;;) {
  try {
    await words.stats();
    await new Promise((resolve) => setTimeout(resolve, 10));
  } catch (thrown) {
    console.log(thrown.code);
    break;
  }
}
