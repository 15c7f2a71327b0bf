import { documentsContaining } from './document-search.js';
import type { Entries } from './entries.js';
import type { HandlersOf } from './handlers.js';
import type { HostCollection } from './host-collection.js';
import type { Selected } from './protocol.js';

type ReadCall = 'search' | 'get' | 'find' | 'count' | 'facets' | 'duplicatesFrom' | 'views';

/** The calls that read what memory has of a collection; of the storage only documents. */
export function readCalls(entries: Entries): HandlersOf<ReadCall> {
  return {
    search: async ({ collection: handle, call }) => {
      const collection = await entries.collection(handle);
      const { queries, k, ef, exact, where, decay, include, explain, view } = call;
      const documents = await documentsOf(collection, call, view);
      return collection.answer((engine) =>
        engine.search(queries, k, ef, exact, where, documents, decay, include, explain, view),
      );
    },
    views: async ({ collection: handle }) => (await entries.collection(handle)).engine.views(),
    get: async ({ collection: handle, ids, include }) => {
      const collection = await entries.collection(handle);
      return collection.answer((engine) => engine.get(ids.bytes, ids.ends, include));
    },
    find: async ({ collection: handle, order, limit, offset, include, ...selected }) => {
      const collection = await entries.collection(handle);
      const documents = await documentsOf(collection, selected);
      const { field, descending = false } = order ?? {};
      const { where } = selected;
      return collection.answer((engine) =>
        engine.find(where, documents, field, descending, limit, offset, include),
      );
    },
    count: async ({ collection: handle, ...selected }) => {
      const collection = await entries.collection(handle);
      const documents = await documentsOf(collection, selected);
      return collection.engine.count(selected.where, documents);
    },
    facets: async ({ collection: handle, field, limit, ...selected }) => {
      const collection = await entries.collection(handle);
      const documents = await documentsOf(collection, selected);
      return collection.engine.facets(field, selected.where, documents, limit);
    },
    duplicatesFrom: async ({ collection: handle, first, count, threshold, where }) => {
      const collection = await entries.collection(handle);
      return collection.answer((engine) => engine.duplicatesFrom(first, count, threshold, where));
    },
  };
}

/** What a text in documents leaves of the selection; undefined where none is wanted. */
export async function documentsOf(
  collection: HostCollection,
  { where, containing }: Selected,
  view?: string,
): Promise<Uint32Array | undefined> {
  if (containing === undefined) return undefined;
  return documentsContaining(collection, where, containing, view);
}
