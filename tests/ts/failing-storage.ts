import { MemoryStorage, type StorageAdapter, type Store } from '../../ts/entrypoints/node.js';

/** Memory that stays, and whose appends a test may let fail, before or after they were stored. */
export class FailingStorage implements StorageAdapter {
  readonly kind = 'failing';
  readonly #inner = new MemoryStorage({ retain: true });
  /** Calls of `append`, failed ones included. */
  appends = 0;
  reopened = 0;
  /** Runs in place of `append`; `store` does what was asked. */
  onAppend: (store: () => Promise<void>) => Promise<void> = (store) => store();

  async open(name: string): Promise<Store> {
    const inner = await this.#inner.open(name);
    const own: Partial<Store> = {
      append: (batch, durability) => {
        this.appends += 1;
        return this.onAppend(() => inner.append(batch, durability));
      },
      reopen: async () => {
        this.reopened += 1;
      },
    };
    return new Proxy(inner, {
      get: (store, key) => {
        const value = Reflect.get(own, key) ?? Reflect.get(store, key, store);
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
  }

  list(): Promise<string[]> {
    return this.#inner.list();
  }

  destroy(name: string): Promise<void> {
    return this.#inner.destroy(name);
  }
}
