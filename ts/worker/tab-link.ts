import { deferred } from '../deferred.js';
import { KindexError } from '../errors.js';
import type { Tabs } from '../storage/tabs.js';
import { Client } from './client.js';
import type { Change, Reply, Request } from './protocol.js';

/** What tabs say to each other about a collection. Stored bytes never go this way: storage has them. */
type TabMessage =
  | { readonly kind: 'who' }
  /** From the one that writes: that it is there, or what it has just committed. */
  | { readonly kind: 'writer'; readonly change: Change | undefined }
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'reply'; readonly reply: Reply };

/** The collection's side of the link. */
export interface TabOwner {
  /** This tab writes, and another asks it to. */
  serve(request: Request, from: string, reply: (reply: Reply) => void): void;
  /** A tab that was served has ended. */
  gone(from: string): void;
  /** Another tab has committed something. */
  heard(change: Change): void;
  /** This tab may write from now on, or may no longer. */
  turn(): void;
}

/** How long the one that writes may say nothing while it is waited for. It is frozen then, or worse. */
const SILENT_TICKS = 15;
const TICK_MS = 1000;

/** One collection's link to the other tabs: finds the one that writes, or is it. */
export class TabLink {
  readonly #tabs: Tabs;
  #owner: TabOwner | undefined;
  /** What came before there was an owner. */
  #early: (() => void)[] = [];
  #writer: { readonly id: string; readonly client: Client } | undefined;
  #changed = deferred<void>();
  #waiting = 0;
  #silent = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #lastBeat = 0;
  readonly #served = new Set<string>();

  constructor(tabs: Tabs) {
    this.#tabs = tabs;
    tabs.onTurn = () => this.#turn();
    tabs.onMessage = (message, from) => this.#receive(message as TabMessage, from);
    if (tabs.writing) this.announce();
  }

  get writing(): boolean {
    return this.#tabs.writing;
  }

  /** Whether the browser sees to it that one tab writes; without, every commit of another is heard and checked. */
  get locked(): boolean {
    return this.#tabs.locked;
  }

  /** Whether another tab has shown itself since this one writes. */
  get shared(): boolean {
    return this.#served.size > 0;
  }

  attach(owner: TabOwner): void {
    this.#owner = owner;
    for (const event of this.#early.splice(0)) event();
  }

  /** Tells the others that this tab writes, and what. */
  announce(change?: Change): void {
    this.#lastBeat = performance.now();
    this.#say({ kind: 'writer', change });
  }

  /** A sign of life during work that lets nothing else through. */
  beat(): void {
    if (this.writing && performance.now() - this.#lastBeat > TICK_MS) this.announce();
  }

  /**
   * Runs a call at the tab that writes.
   *
   * @throws KindexError `CLOSED` when that tab has ended before it answered, or this one has become the writer
   */
  async ask<T>(work: (writer: Client) => Promise<T>): Promise<T> {
    this.#waiting += 1;
    this.#silent = 0;
    this.#ticking ??= setInterval(() => this.#tick(), TICK_MS);
    try {
      while (!this.#writer) {
        if (this.writing) throw passed();
        this.#say({ kind: 'who' });
        await this.#changed.promise;
      }
      return await work(this.#writer.client);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) {
        clearInterval(this.#ticking);
        this.#ticking = undefined;
      }
    }
  }

  /** Resolves when another tab begins to write, or it is this one's turn, or some time has passed. */
  async moved(milliseconds: number): Promise<void> {
    this.#say({ kind: 'who' });
    const pause = new Promise((resolve) => setTimeout(resolve, milliseconds));
    await Promise.race([this.#changed.promise, pause]);
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#follow(undefined);
    this.#tabs.close();
  }

  #say(message: TabMessage, to?: string): void {
    this.#tabs.post(message, to);
  }

  #tick(): void {
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) {
      this.#silent = 0;
      this.#tabs.steal();
    } else if (!this.#writer) {
      this.#say({ kind: 'who' });
    }
  }

  #turn(): void {
    this.#follow(undefined);
    if (this.writing) this.announce();
    this.#toOwner((owner) => owner.turn());
  }

  #receive(message: TabMessage, from: string): void {
    if (message.kind === 'reply') {
      if (this.#writer?.id !== from) return;
      this.#silent = 0;
      this.#writer.client.receive(message.reply);
    } else if (message.kind === 'writer') {
      const { change } = message;
      if (!this.writing) this.#hearWriter(from);
      if (change) this.#toOwner((owner) => owner.heard(change));
    } else if (this.writing) {
      this.#watch(from);
      if (message.kind === 'who') this.#say({ kind: 'writer', change: undefined }, from);
      else this.#serve(message.request, from);
    }
  }

  #serve(request: Request, from: string): void {
    const reply = (answer: Reply) => this.#say({ kind: 'reply', reply: answer }, from);
    this.#toOwner((owner) => owner.serve(request, from, reply));
  }

  #hearWriter(id: string): void {
    this.#silent = 0;
    if (this.#writer?.id === id) return;
    const client = new Client({
      inPlace: false,
      post: (request) => this.#say({ kind: 'request', request }, id),
    });
    this.#follow({ id, client });
  }

  /** What still waits for the one before will never be answered. */
  #follow(writer: { readonly id: string; readonly client: Client } | undefined): void {
    this.#writer?.client.fail(passed());
    this.#writer = writer;
    this.#changed.resolve();
    this.#changed = deferred<void>();
  }

  #watch(id: string): void {
    if (this.#served.has(id)) return;
    this.#served.add(id);
    this.#tabs
      .whenGone(id)
      .then(() => {
        this.#served.delete(id);
        this.#toOwner((owner) => owner.gone(id));
      })
      .catch(() => {});
  }

  #toOwner(event: (owner: TabOwner) => void): void {
    if (this.#owner) event(this.#owner);
    else this.#early.push(() => event(this.#owner as TabOwner));
  }
}

function passed(): KindexError {
  return new KindexError('CLOSED', 'another tab writes to the collection now');
}
