import { Storages } from './choose.js';
import { IndexedDbStorage, indexedDbProblem } from './indexeddb.js';

/** What a page or a worker of a browser may have. */
export function browserStorages(): Storages {
  return new Storages([
    { kind: 'indexeddb', make: () => new IndexedDbStorage(), problem: indexedDbProblem },
  ]);
}
