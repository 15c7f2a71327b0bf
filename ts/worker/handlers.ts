import type { CallName, Calls, HostProgress, Reply } from './protocol.js';

export type Report = (progress: HostProgress) => void;

export type Send = (reply: Reply, transfer: ArrayBuffer[]) => void;

/** What answers each call. */
export type Handlers = {
  [K in CallName]: (input: Calls[K]['in'], report: Report) => Promise<Calls[K]['out']>;
};

/** Those of some calls. */
export type HandlersOf<K extends CallName> = Pick<Handlers, K>;
