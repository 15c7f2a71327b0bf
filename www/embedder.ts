import type { Embedding } from './embed.worker.js';
import { WorkerCalls } from './worker-calls.js';

const REMEMBERED = 64;

/** The page's way to the sentence model, which lives in its own worker. */
export class Embedder {
  #calls: WorkerCalls<string[], Embedding> | undefined;
  #remembered = new Map<string, Float32Array>();
  #last: Promise<unknown> = Promise.resolve();

  /** Loads the model. Rejects where it is neither on this origin nor on the hub. */
  async load(): Promise<void> {
    await this.#worker().call([]);
  }

  /**
   * The vector of a text, of unit length. One text is in the model at a time; a text that is aborted while it waits
   * never reaches it.
   */
  async embed(
    text: string,
    signal: AbortSignal,
  ): Promise<{ vector: Float32Array; elapsedMs: number }> {
    const known = this.#remembered.get(text);
    if (known) return { vector: known, elapsedMs: 0 };
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return this.#worker().call([text]);
    });
    this.#last = turn.catch(() => undefined);
    const { vectors, elapsedMs } = await turn;
    this.#remember(text, vectors);
    return { vector: vectors, elapsedMs };
  }

  #worker(): WorkerCalls<string[], Embedding> {
    this.#calls ??= new WorkerCalls(new URL('embed.worker.js', import.meta.url));
    return this.#calls;
  }

  #remember(text: string, vector: Float32Array): void {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= REMEMBERED && !oldest.done) this.#remembered.delete(oldest.value);
    this.#remembered.set(text, vector);
  }
}
