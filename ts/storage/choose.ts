import { KindexError } from '../errors.js';
import { MemoryStorage } from './memory.js';
import type { StorageAdapter } from './storage.js';

/** A kind of storage that this runtime may have. */
export interface StorageKind {
  readonly kind: string;
  /** `place`: what the caller named, if anything. */
  make(place?: string): StorageAdapter;
  /** Why it can't be used here; undefined when it can. */
  problem(place?: string): Promise<string | undefined>;
  /** Whether it takes a place: `kind:place`. */
  readonly places?: boolean;
}

/** Finds the adapter that an option names. Adapters are made once. */
export class Storages {
  readonly #kinds: readonly StorageKind[];
  readonly #memory = new MemoryStorage();
  readonly #adapters = new Map<string, StorageAdapter>();
  readonly #problems = new Map<string, Promise<string | undefined>>();

  /** `kinds` in order of preference; memory is always there and always last. */
  constructor(kinds: readonly StorageKind[]) {
    this.#kinds = kinds;
  }

  /**
   * The adapter, and why it is not the one that `auto` prefers. `kind:place` names a place besides.
   *
   * @throws KindexError `STORAGE_UNAVAILABLE` for a kind that was asked for by name
   */
  async resolve(
    choice: string | StorageAdapter,
  ): Promise<{ adapter: StorageAdapter; reason: string | undefined }> {
    if (typeof choice === 'object') return { adapter: choice, reason: undefined };
    if (choice === 'auto') return this.#best();
    if (choice === 'memory') return { adapter: this.#memory, reason: undefined };
    const [name, place] = split(choice);
    const kind = this.#kinds.find((candidate) => candidate.kind === name);
    if (!kind || (place !== undefined && !kind.places)) {
      const message = `this runtime has no storage '${name}'${place === undefined ? '' : " with the option 'folder'"}`;
      throw new KindexError('STORAGE_UNAVAILABLE', message);
    }
    const problem = await this.#problem(kind, place);
    if (problem !== undefined) throw new KindexError('STORAGE_UNAVAILABLE', problem);
    return { adapter: this.#adapter(kind, place), reason: undefined };
  }

  async #best() {
    let reason: string | undefined;
    for (const kind of this.#kinds) {
      const problem = await this.#problem(kind);
      if (problem === undefined) return { adapter: this.#adapter(kind), reason };
      reason ??= problem;
    }
    return {
      adapter: this.#memory,
      reason: reason ?? 'this runtime has no durable storage',
    };
  }

  #problem(kind: StorageKind, place?: string): Promise<string | undefined> {
    const key = joined(kind, place);
    const known = this.#problems.get(key) ?? kind.problem(place);
    this.#problems.set(key, known);
    return known;
  }

  #adapter(kind: StorageKind, place?: string): StorageAdapter {
    const key = joined(kind, place);
    const made = this.#adapters.get(key) ?? kind.make(place);
    this.#adapters.set(key, made);
    return made;
  }
}

const joined = ({ kind }: StorageKind, place: string | undefined) =>
  place === undefined ? kind : `${kind}:${place}`;

function split(choice: string): [kind: string, place: string | undefined] {
  const colon = choice.indexOf(':');
  return colon < 0 ? [choice, undefined] : [choice.slice(0, colon), choice.slice(colon + 1)];
}
