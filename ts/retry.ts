import { type ErrorCode, toKindexError } from './errors.js';

/** Attempts in all, the first included. */
const TRIES = 5;
/** The longest first wait; it doubles from attempt to attempt. */
const BASE_MS = 50;
/** No wait is longer. */
const CAP_MS = 2000;

/**
 * What may go away by itself: a connection that died, a transaction that was aborted, a lock that was not granted in
 * time. What is wrong with the data, a full quota, damage and versions stay as they are however often one asks.
 */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set(['STORAGE_UNAVAILABLE', 'LOCKED', 'BLOCKED']);

/** Whether trying the same again may help. */
export function isTransient(thrown: unknown): boolean {
  return TRANSIENT.has(toKindexError(thrown).code);
}

/**
 * Runs `work` until it succeeds: up to five times, with waits of random length ("full jitter": all who failed together
 * do not come back together) below a bound that doubles from 50 ms to 2 s.
 *
 * @param recover called after each wait, before the next attempt. Its own failure counts as that attempt's.
 * @throws what the last attempt threw; what is not transient at once
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  recover: () => Promise<void>,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      if (tries > 1) await recover();
      return await work();
    } catch (thrown) {
      if (tries >= TRIES || !isTransient(thrown)) throw thrown;
    }
    await wait(backOff(tries, Math.random()));
  }
}

/** How long to wait after that many failures. `chance` is from 0 to 1. */
export function backOff(failures: number, chance: number): number {
  return chance * Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
