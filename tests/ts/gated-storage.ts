import { MemoryStorage, type Store } from '../../ts/entrypoints/node.js';
import { ChangedStorage } from './changed-storage.js';

/** What a checkpoint asks of storage, and what a batch does. */
export type Step = 'part' | 'manifest' | 'sweep' | 'append';

/** Memory that stays, in which segments are written beside batches, and whose every step a test may hold or refuse. */
export class GatedStorage extends ChangedStorage {
  /** Steps that were taken. */
  readonly taken: Record<Step, number> = { part: 0, manifest: 0, sweep: 0, append: 0 };
  /** Runs before a step; the number is that of the part, or of the steps of its kind before. */
  before: (step: Step, number: number) => Promise<void> = async () => {};
  /** Runs after a step. */
  after: (step: Step, number: number) => Promise<void> = async () => {};

  protected changes(inner: Store): Partial<Store> {
    return {
      concurrent: true,
      append: (...given) => this.#take('append', this.taken.append, () => inner.append(...given)),
      writeSegment: (...given) => this.#take('part', given[1], () => inner.writeSegment(...given)),
      writeManifest: (...given) =>
        this.#take('manifest', this.taken.manifest, () => inner.writeManifest(...given)),
      sweep: (...given) => this.#take('sweep', this.taken.sweep, () => inner.sweep(...given)),
    };
  }

  /** What a process that ended now would leave behind. Without documents. */
  async asItIs(name: string): Promise<MemoryStorage> {
    const [from, copy] = [await this.inner.open(name), new MemoryStorage({ retain: true })];
    const to = await copy.open(name);
    const manifest = await from.readManifest();
    if (manifest) await to.writeManifest(manifest);
    for await (const { sequence, bytes } of from.readLog(0))
      await to.append({ documents: [], log: [[sequence, bytes]] }, 'relaxed');
    for (let checkpoint = 1; checkpoint < 10; checkpoint++) {
      let part = 0;
      for await (const bytes of from.readSegments(checkpoint))
        await to.writeSegment(checkpoint, part++, bytes);
    }
    return copy;
  }

  async #take(step: Step, number: number, work: () => Promise<void>): Promise<void> {
    await this.before(step, number);
    await work();
    this.taken[step] += 1;
    await this.after(step, number);
  }
}
