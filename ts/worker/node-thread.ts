import { BroadcastChannel, Worker as Thread } from 'node:worker_threads';

/**
 * A thread of Node in the form of a web worker. It keeps the process from ending only while an answer is awaited.
 */
export class NodeWorker {
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly #thread: Thread;
  #awaited = 0;

  /** `script`: a path or a `file:` URL. */
  constructor(script: string, { name }: { name?: string } = {}) {
    // Flags of the process (a debugger, a loader) are not for this script.
    const place = script.startsWith('file:') ? new URL(script) : script;
    this.#thread = new Thread(place, { execArgv: [], ...(name !== undefined && { name }) });
    this.#thread.unref();
    this.#thread.on('message', (data) => {
      if (isAnswer(data)) this.#answered();
      this.onmessage?.({ data } as MessageEvent);
    });
    this.#thread.on('error', (error) => this.#failed(error.message));
    this.#thread.on('exit', (code) => this.#failed(`it has ended with code ${code}`));
  }

  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer as ArrayBuffer[]);
    this.#awaited += 1;
    this.#thread.ref();
  }

  terminate(): void {
    this.onerror = null;
    void this.#thread.terminate();
  }

  #answered(): void {
    this.#awaited = Math.max(0, this.#awaited - 1);
    if (this.#awaited === 0) this.#thread.unref();
  }

  #failed(message: string): void {
    this.onerror?.({ message } as ErrorEvent);
  }
}

/** Every message is answered once; progress and events come besides. */
function isAnswer(data: unknown): boolean {
  return !(typeof data === 'object' && data !== null && ('progress' in data || 'event' in data));
}

/** A channel that does not keep the process from ending. Not the global one: Deno's can't be told so. */
export function quietChannel(name: string): globalThis.BroadcastChannel {
  const channel = new BroadcastChannel(name);
  channel.unref();
  return channel as unknown as globalThis.BroadcastChannel;
}
