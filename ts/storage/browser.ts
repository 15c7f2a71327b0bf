import { Storages } from './choose.js';
import { IndexedDbStorage, indexedDbProblem } from './indexeddb.js';

/** What a page or a worker of a browser may have. */
export function browserStorages(): Storages {
  // Asked at once: it takes a moment, and nearly everybody wants to know.
  const problem = indexedDbProblem();
  return new Storages([
    { kind: 'indexeddb', make: () => new IndexedDbStorage(), problem: () => problem },
  ]);
}
