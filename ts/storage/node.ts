import { Storages } from './choose.js';
import { FileStorage } from './file.js';

/** What Node, Deno and Bun have. */
export function nodeStorages(): Storages {
  const make = (folder?: string) => new FileStorage(folder);
  const problem = (folder?: string) => make(folder).problem();
  return new Storages([{ kind: 'file', places: true, make, problem }]);
}
