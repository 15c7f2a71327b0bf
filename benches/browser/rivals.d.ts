/** Declarations of the rivals' files that come without any. */

declare module 'voy-search/voy_search_bg.js' {
  export * from 'voy-search';
  export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
}

/** Its own declarations import a package that it does not depend on. */
declare module 'hnswlib-wasm' {
  export interface HierarchicalNSW {
    initIndex(capacity: number, m: number, efConstruction: number, seed: number): void;
    addItems(items: readonly Float32Array[], replaceDeleted: boolean): ArrayLike<number>;
    setEfSearch(ef: number): void;
    searchKnn(query: Float32Array, k: number, filter: undefined): { neighbors: number[] };
  }
  export function loadHnswlib(): Promise<{
    HierarchicalNSW: new (
      space: 'l2' | 'ip' | 'cosine',
      dimension: number,
      file: string,
    ) => HierarchicalNSW;
  }>;
}
