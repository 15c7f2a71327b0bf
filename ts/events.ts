import type { Events } from './types.js';

type Listener<K extends keyof Events> = (event: Events[K]) => void;

/** Calls a listener. What it throws is reported like any uncaught error, and stops nobody else. */
export function tell<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

/** Listeners by event. */
export class EventHub {
  readonly #listeners: { [K in keyof Events]: Set<Listener<K>> } = {
    change: new Set(),
    progress: new Set(),
    error: new Set(),
  };

  on<K extends keyof Events>(name: K, listener: Listener<K>): () => void {
    this.#listeners[name].add(listener);
    return () => this.#listeners[name].delete(listener);
  }

  has(name: keyof Events): boolean {
    return Object.hasOwn(this.#listeners, name);
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of this.#listeners[name]) tell(listener, event);
  }
}
