export { Collection } from './collection.js';
export type {
  Dedupe,
  Duplicate,
  DuplicateQuery,
  OnDuplicate,
  StoredDuplicate,
} from './dedupe.js';
export {
  BatchError,
  type BatchOperation,
  type ErrorCode,
  type ItemError,
  KindexError,
  PartialWriteError,
} from './errors.js';
export type { Facet, FacetQuery, FacetValue } from './facets.js';
export type { FieldPath, Filter, Operators, TimePath } from './filter.js';
export { LIMITS } from './limits.js';
export type { DocumentFilter, Where } from './selection.js';
export type { SnapshotSource } from './snapshot.js';
export { MemoryStorage, type MemoryStorageOptions } from './storage/memory.js';
export type { Append, Durability, Garbage, StorageAdapter, Store } from './storage/storage.js';
export type { Tabs } from './storage/tabs.js';
export type * from './types.js';
export { View, type ViewInfo, type ViewOptions } from './views.js';
export type { ViewChange } from './write-view.js';
