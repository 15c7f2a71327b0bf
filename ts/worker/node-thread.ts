import { Worker as Thread } from 'node:worker_threads';
import type { PoolRequest } from './protocol.js';

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
    if (aboutThreads(message)) return;
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

/** Every message is answered once; progress, events and what concerns threads come besides. */
function isAnswer(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return true;
  return !('progress' in data || 'event' in data || aboutThreads(data));
}

/** What the engine asks for its pool, and the answer. */
function aboutThreads(message: unknown): boolean {
  return (message as Partial<PoolRequest>).kindex === 'threads';
}
