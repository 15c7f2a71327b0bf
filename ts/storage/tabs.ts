import { deferred } from '../deferred.js';

/** What another tab says. */
type Listener = (message: unknown, from: string) => void;

/**
 * The tabs (and workers) of an origin that have the same collection open: one of them writes, all may talk.
 *
 * The right to write is a Web Lock, which the browser gives to the next one as soon as its holder is gone. Each tab
 * also holds a lock of its own name, by which others learn of its end. Without Web Locks every tab may write, and
 * the store's claims keep them apart.
 */
export class Tabs {
  /** The name of this one among them. */
  readonly id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  /** Whether it is this one's turn to write. */
  writing = false;
  /** Whether the turns are given by the browser. */
  readonly locked: boolean;
  /** Called when the turn has come, or was taken away. */
  onTurn: (() => void) | undefined;
  /** Called for what another one has posted to all, or to this one. */
  onMessage: Listener | undefined;
  readonly #name: string;
  readonly #ended = new AbortController();
  readonly #channels = new Map<string, BroadcastChannel>();
  #waiting = new AbortController();
  #release: (() => void) | undefined;

  private constructor(name: string) {
    this.#name = `kindex:${name}`;
    this.locked = typeof navigator !== 'undefined' && navigator.locks !== undefined;
    this.writing = !this.locked;
    this.#listen(this.#name);
    this.#listen(this.#address(this.id));
  }

  /** Joins those who have the collection open, as the writer if there is none. */
  static async join(name: string): Promise<Tabs> {
    const tabs = new Tabs(name);
    if (!tabs.locked) return tabs;
    const gone = deferred<void>();
    tabs.#ended.signal.addEventListener('abort', () => gone.resolve());
    navigator.locks.request(tabs.#address(tabs.id), () => gone.promise).catch(() => {});
    await tabs.#tryNow();
    if (!tabs.writing) tabs.#queue();
    return tabs;
  }

  /** To everybody, or to one of them. */
  post(message: unknown, to?: string): void {
    if (this.#ended.signal.aborted) return;
    this.#channel(to === undefined ? this.#name : this.#address(to))?.postMessage({
      from: this.id,
      message,
    });
  }

  /** Resolves once that tab is gone; never without Web Locks. */
  async whenGone(id: string): Promise<void> {
    if (!this.locked) return new Promise(() => {});
    const { signal } = this.#ended;
    await navigator.locks.request(this.#address(id), { signal, mode: 'shared' }, () => {});
    this.#channels.get(this.#address(id))?.close();
    this.#channels.delete(this.#address(id));
  }

  /** Takes the turn from a holder that is frozen. What it still tries to write fails at the store's claim. */
  steal(): void {
    if (this.writing || !this.locked || this.#ended.signal.aborted) return;
    this.#waiting.abort();
    this.#request({ steal: true });
  }

  /** Leaves: the turn goes to the next, and nothing is heard any more. */
  close(): void {
    this.#ended.abort();
    this.#waiting.abort();
    this.#release?.();
    this.writing = false;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #tryNow(): Promise<void> {
    const tried = deferred<void>();
    navigator.locks
      .request(this.#name, { ifAvailable: true }, (lock) => {
        const held = lock ? this.#hold() : undefined;
        tried.resolve();
        return held;
      })
      .catch(() => this.#robbed())
      .finally(() => tried.resolve());
    return tried.promise;
  }

  #queue(): void {
    if (this.#ended.signal.aborted) return;
    this.#waiting = new AbortController();
    this.#request({ signal: this.#waiting.signal });
  }

  #request(options: LockOptions): void {
    navigator.locks
      .request(this.#name, options, () => {
        const held = this.#hold();
        this.onTurn?.();
        return held;
      })
      .catch(() => this.#robbed());
  }

  #hold(): Promise<void> | undefined {
    if (this.#ended.signal.aborted) return undefined;
    const held = deferred<void>();
    this.#release = () => held.resolve();
    this.writing = true;
    return held.promise;
  }

  /** Another tab took the lock because this one did not answer; or it stopped waiting. */
  #robbed(): void {
    if (!this.writing || this.#ended.signal.aborted) return;
    this.writing = false;
    this.#release = undefined;
    this.#queue();
    this.onTurn?.();
  }

  #address(id: string): string {
    return `${this.#name}:${id}`;
  }

  #listen(channelName: string): void {
    const channel = this.#channel(channelName);
    if (!channel) return;
    channel.onmessage = ({ data }) => this.onMessage?.(data.message, data.from);
    // In Node an open channel must not keep the process alive.
    (channel as { unref?: () => void }).unref?.();
  }

  #channel(channelName: string): BroadcastChannel | undefined {
    if (typeof BroadcastChannel === 'undefined') return undefined;
    const channel = this.#channels.get(channelName) ?? new BroadcastChannel(channelName);
    this.#channels.set(channelName, channel);
    return channel;
  }
}
