import { KindexError } from '../errors.js';
import { MemoryStorage } from './memory.js';
import type { StorageAdapter } from './storage.js';

/** A kind of storage that this runtime may have. */
export interface StorageKind {
  readonly kind: string;
  make(): StorageAdapter;
  /** Why it can't be used here; undefined when it can. */
  problem(): Promise<string | undefined>;
}

/** Finds the adapter that an option names. Adapters are made once. */
export class Storages {
  readonly #kinds: readonly StorageKind[];
  readonly #adapters = new Map<string, StorageAdapter>([['memory', new MemoryStorage()]]);
  readonly #problems = new Map<string, Promise<string | undefined>>();

  /** `kinds` in order of preference; memory is always there and always last. */
  constructor(kinds: readonly StorageKind[]) {
    this.#kinds = kinds;
  }

  /**
   * The adapter, and why it is not the one that `auto` prefers.
   *
   * @throws KindexError `STORAGE_UNAVAILABLE` for a kind that was asked for by name
   */
  async resolve(
    choice: string | StorageAdapter,
  ): Promise<{ adapter: StorageAdapter; reason: string | undefined }> {
    if (typeof choice === 'object') return { adapter: choice, reason: undefined };
    if (choice === 'auto') return this.#best();
    if (choice !== 'memory') {
      const kind = this.#kinds.find((candidate) => candidate.kind === choice);
      const problem = kind ? await this.#problem(kind) : `this runtime has no storage '${choice}'`;
      if (problem !== undefined) throw new KindexError('STORAGE_UNAVAILABLE', problem);
    }
    return { adapter: this.#adapter(choice), reason: undefined };
  }

  async #best() {
    let reason: string | undefined;
    for (const kind of this.#kinds) {
      const problem = await this.#problem(kind);
      if (problem === undefined) return { adapter: this.#adapter(kind.kind), reason };
      reason ??= problem;
    }
    return {
      adapter: this.#adapter('memory'),
      reason: reason ?? 'this runtime has no durable storage',
    };
  }

  #problem(kind: StorageKind): Promise<string | undefined> {
    const known = this.#problems.get(kind.kind) ?? kind.problem();
    this.#problems.set(kind.kind, known);
    return known;
  }

  #adapter(name: string): StorageAdapter {
    const made =
      this.#adapters.get(name) ??
      (this.#kinds.find(({ kind }) => kind === name) as StorageKind).make();
    this.#adapters.set(name, made);
    return made;
  }
}
