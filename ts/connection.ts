import { KindexError } from './errors.js';
import type { Client } from './worker/client.js';
import type { CollectionInfo, Handle, HostEvent } from './worker/protocol.js';

/** An open collection, at the engine that has it open. */
export interface Attached {
  readonly client: Client;
  readonly info: CollectionInfo;
}

/**
 * The way from a `Collection` to the engine. When the engine has crashed, the next call finds a new one and reopens
 * the collection there from storage.
 */
export class Connection {
  readonly #open: () => Promise<Attached>;
  readonly #listener: (event: HostEvent) => void;
  #attached: Promise<Attached>;
  #durable: boolean;
  #closed: KindexError | undefined;

  constructor(
    first: Attached,
    open: () => Promise<Attached>,
    listener: (event: HostEvent) => void,
  ) {
    this.#open = open;
    this.#listener = listener;
    this.#durable = first.info.durable;
    this.#attached = Promise.resolve(first);
    this.#listen(first);
  }

  get durable(): boolean {
    return this.#durable;
  }

  /** @throws KindexError `CLOSED`, `CRASHED`, or why reopening failed */
  async use(): Promise<{ client: Client; collection: Handle }> {
    if (this.#closed) throw this.#closed;
    const attached = this.#attached;
    let { client, info } = await attached;
    if (client.failure) {
      if (!this.#durable) {
        throw new KindexError(
          'CRASHED',
          `the engine has crashed, and collection '${info.name}' was kept in memory only: its data is gone`,
        );
      }
      // Of the calls that find out together, the first reopens for all.
      if (this.#attached === attached) this.#attached = this.#reopen(attached);
      ({ client, info } = await this.#attached);
    }
    if (this.#closed) throw this.#closed;
    return { client, collection: info.handle };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = new KindexError('CLOSED', 'the collection is closed');
    const attached = await this.#attached.catch(() => undefined);
    if (!attached || attached.client.failure) return;
    attached.client.unlisten(attached.info.handle);
    await attached.client.call('close', { collection: attached.info.handle });
  }

  /** A reopening that fails leaves the crashed engine in place, so that the call after it tries again. */
  async #reopen(crashed: Promise<Attached>): Promise<Attached> {
    try {
      const attached = await this.#open();
      this.#listen(attached);
      return attached;
    } catch (thrown) {
      this.#attached = crashed;
      throw thrown;
    }
  }

  #listen({ client, info }: Attached): void {
    client.listen(info.handle, (event) => {
      if (event.event === 'closed') this.#closed ??= new KindexError('CLOSED', event.reason);
      this.#listener(event);
    });
  }
}
