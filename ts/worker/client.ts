import { fromWire, KindexError } from '../errors.js';
import { tell } from '../events.js';
import {
  type CallName,
  type Calls,
  type Handle,
  type HostEvent,
  type HostProgress,
  large,
  type Reply,
  type Request,
} from './protocol.js';

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: KindexError) => void;
  readonly onProgress: ((progress: HostProgress) => void) | undefined;
}

/** Options of one call. */
export interface CallOptions {
  readonly transfer?: ArrayBuffer[];
  readonly onProgress?: ((progress: HostProgress) => void) | undefined;
}

/** The page's end of the protocol, over whatever carries the messages. */
export class Client {
  /** Whether the host runs on this very thread. */
  readonly inPlace: boolean;
  readonly #post: (request: Request, transfer: ArrayBuffer[]) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<Handle, (event: HostEvent) => void>();
  #calls = 0;
  #failure: KindexError | undefined;

  constructor(options: {
    inPlace: boolean;
    post: (request: Request, transfer: ArrayBuffer[]) => void;
  }) {
    this.inPlace = options.inPlace;
    this.#post = options.post;
  }

  /** Why no call will ever be answered again; undefined while all is well. */
  get failure(): KindexError | undefined {
    return this.#failure;
  }

  call<K extends CallName>(
    call: K,
    input: Calls[K]['in'],
    options: CallOptions = {},
  ): Promise<Calls[K]['out']> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress: options.onProgress });
      try {
        this.#post({ id, call, arguments: input } as Request, large(options.transfer ?? []));
      } catch (cause) {
        this.#pending.delete(id);
        reject(
          new KindexError(
            'INVALID_ARGUMENT',
            `the arguments can't be sent to the engine: ${cause}`,
            { cause },
          ),
        );
      }
    });
  }

  /** Hears of what happens to a collection outside of this object's own calls. */
  listen(handle: Handle, listener: (event: HostEvent) => void): void {
    this.#listeners.set(handle, listener);
  }

  unlisten(handle: Handle): void {
    this.#listeners.delete(handle);
  }

  receive(reply: Reply): void {
    if ('event' in reply) {
      if (reply.event === 'crashed') this.fail(new KindexError('CRASHED', reply.message));
      else this.#listeners.get(reply.collection)?.(reply);
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if ('progress' in reply) {
      // Where the engine runs on this thread, it is in the middle of a batch.
      if (pending.onProgress) tell(pending.onProgress, reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ('error' in reply) pending.reject(fromWire(reply.error));
    else pending.resolve(reply.value as never);
  }

  /** The host is gone: everything that waits fails, and so does every later call. */
  fail(failure: KindexError): void {
    this.#failure ??= failure;
    for (const pending of this.#pending.values()) pending.reject(failure);
    this.#pending.clear();
  }
}
