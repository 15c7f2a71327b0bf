/** @module kindex/react */
export { type CollectionState, useCollection } from './use-collection.js';
export { type SearchState, type UseSearchOptions, useSearch } from './use-search.js';
