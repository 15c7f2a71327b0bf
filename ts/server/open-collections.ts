import { KindexError } from '../errors.js';
import type { ServedCollection } from './operations.js';
import { RequestError } from './status.js';

type Open = (name: string) => ServedCollection | undefined | Promise<ServedCollection | undefined>;

/** The collections that are open, by name: opened at the first request, and again when one was closed. */
export class OpenCollections {
  readonly #open: Open;
  readonly #collections = new Map<string, Promise<ServedCollection>>();
  #closed = false;

  constructor(open: Open) {
    this.#open = open;
  }

  /** @throws RequestError `NOT_FOUND`; what opening throws; KindexError `CLOSED` */
  async use<T>(name: string, work: (collection: ServedCollection) => Promise<T>): Promise<T> {
    if (this.#closed) throw new KindexError('CLOSED', 'the server is closing');
    const opening = this.#collections.get(name) ?? this.#enter(name);
    try {
      return await work(await opening);
    } catch (thrown) {
      // Closed behind our back, for example for another version: the next request opens it anew.
      if ((thrown as { code?: unknown } | null)?.code === 'CLOSED') this.#forget(name, opening);
      throw thrown;
    }
  }

  /** Makes a collection of that name, which is open from then on. */
  async add(name: string, make: () => Promise<ServedCollection>): Promise<ServedCollection> {
    if (this.#closed) throw new KindexError('CLOSED', 'the server is closing');
    if (this.#collections.has(name))
      throw new KindexError(
        'DUPLICATE_ID',
        `there is already a collection ${JSON.stringify(name)}`,
      );
    return this.#enter(name, make());
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await Promise.allSettled(this.#collections.values());
    this.#collections.clear();
    await Promise.all(
      opened.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.close() : undefined)),
    );
  }

  #enter(name: string, opening = this.#find(name)): Promise<ServedCollection> {
    this.#collections.set(name, opening);
    // Names come from callers: what is not there must not be remembered.
    opening.catch(() => this.#forget(name, opening));
    return opening;
  }

  async #find(name: string): Promise<ServedCollection> {
    const collection = await this.#open(name);
    if (collection) return collection;
    throw new RequestError('NOT_FOUND', `there is no collection ${JSON.stringify(name)}`);
  }

  #forget(name: string, opening: Promise<ServedCollection>): void {
    if (this.#collections.get(name) === opening) this.#collections.delete(name);
  }
}
