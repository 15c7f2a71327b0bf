import { Collection } from '../index.js';
import type { Embedding, Metadata, OpenOptions, Progress } from '../types.js';

/** A collection that the components of a page hold together. */
export interface Shared {
  readonly collection: Promise<Collection>;
  /** How far opening has come. */
  readonly progress: Set<(progress: Progress) => void>;
  /** What the newest render gave; functions written inline change with every one. */
  options: OpenOptions;
}

interface Entry extends Shared {
  holders: number;
}

const entries = new Map<string, Entry>();
/** Collections on their way out: whoever opens one again waits, for it is locked until then. */
const closing = new Map<string, Promise<void>>();

/**
 * The collection of that name and options, opened if nobody holds it. Every `hold` is ended by one {@link release}.
 */
export function hold(name: string, options: OpenOptions): { key: string; shared: Shared } {
  const key = keyOf(name, options);
  let entry = entries.get(key);
  if (!entry) {
    entry = open(key, name, options);
    entries.set(key, entry);
  }
  entry.holders += 1;
  entry.options = options;
  return { key, shared: entry };
}

/** The functions of a later render are the ones to call from then on. */
export function refresh(key: string, options: OpenOptions): void {
  const entry = entries.get(key);
  if (entry) entry.options = options;
}

/** Lets go. The last one closes the collection, unless another comes in the same turn: React mounts twice in tests. */
export function release(key: string, shared: Shared): void {
  const entry = shared as Entry;
  entry.holders -= 1;
  setTimeout(() => {
    if (entry.holders > 0 || entries.get(key) !== entry) return;
    entries.delete(key);
    const closed = entry.collection
      .then((collection) => collection.close())
      .catch(() => {})
      .finally(() => {
        if (closing.get(key) === closed) closing.delete(key);
      });
    closing.set(key, closed);
  });
}

/** Forgets a collection that could not be opened or was closed, so that the next `hold` opens it anew. */
export function forget(key: string, shared: Shared): void {
  if (entries.get(key) === shared) entries.delete(key);
}

function open(key: string, name: string, options: OpenOptions): Entry {
  const { embed } = options;
  const entry: Entry = {
    holders: 0,
    options,
    progress: new Set(),
    collection: (closing.get(key) ?? Promise.resolve()).then(() =>
      Collection.open<Metadata>(name, {
        ...options,
        ...(embed && { embed: latest(embed, () => entry.options.embed) }),
        onProgress: (progress) => {
          for (const listener of entry.progress) listener(progress);
          entry.options.onProgress?.(progress);
        },
      }),
    ),
  };
  entry.collection.catch(() => {});
  return entry;
}

/** The embedder that was given last, so that a function that is made anew by every render opens nothing anew. */
function latest(first: Embedding, current: () => Embedding | undefined): Embedding {
  if (typeof first === 'function') {
    return (texts, context) => {
      const now = current();
      return (typeof now === 'function' ? now : first)(texts, context);
    };
  }
  return {
    each(text, context) {
      const now = current();
      return (typeof now === 'object' ? now : first).each(text, context);
    },
  };
}

const numbers = new WeakMap<object, number>();
let numbered = 0;

/** Options by what they say; functions by whether there is one, other objects by identity. */
export function keyOf(name: string, options: OpenOptions): string {
  const { onProgress: _, signal: __, ...rest } = options;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    name,
    pairs.map(([field, value]) => [field, field === 'embed' ? typeof value : plain(value)]),
  ]);
}

function plain(value: unknown): unknown {
  if (typeof value === 'function') return 'a function';
  if (value instanceof URL) return value.href;
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).some((part) => typeof part === 'function')
      ? numberOf(value)
      : value;
  }
  return numberOf(value);
}

function numberOf(value: object): string {
  const known = numbers.get(value);
  if (known !== undefined) return `object ${known}`;
  numbered += 1;
  numbers.set(value, numbered);
  return `object ${numbered}`;
}
