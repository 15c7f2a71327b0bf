import { MemoryStorage, type StorageAdapter, type Store } from '../../ts/entrypoints/node.js';

/** Memory that stays, some of whose methods a test replaces. */
export abstract class ChangedStorage implements StorageAdapter {
  readonly kind = 'changed';
  protected readonly inner = new MemoryStorage({ retain: true });

  /** What is to be done in place of the store's own methods. */
  protected abstract changes(store: Store): Partial<Store>;

  async open(name: string): Promise<Store> {
    const inner = await this.inner.open(name);
    const own = this.changes(inner);
    return new Proxy(inner, {
      get: (store, key) => {
        const value = Reflect.get(own, key) ?? Reflect.get(store, key, store);
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
  }

  list(): Promise<string[]> {
    return this.inner.list();
  }

  destroy(name: string): Promise<void> {
    return this.inner.destroy(name);
  }
}
