import type { Store } from '../../ts/entrypoints/node.js';
import { ChangedStorage } from './changed-storage.js';

/** Memory that stays, and whose appends a test may let fail, before or after they were stored. */
export class FailingStorage extends ChangedStorage {
  /** Calls of `append`, failed ones included. */
  appends = 0;
  reopened = 0;
  /** Runs in place of `append`; `store` does what was asked. */
  onAppend: (store: () => Promise<void>) => Promise<void> = (store) => store();

  protected changes(inner: Store): Partial<Store> {
    return {
      append: (batch, durability) => {
        this.appends += 1;
        return this.onAppend(() => inner.append(batch, durability));
      },
      reopen: async () => {
        this.reopened += 1;
      },
    };
  }
}
