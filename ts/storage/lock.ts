import { deferred } from '../deferred.js';
import { KindexError } from '../errors.js';

/** Held until released, or until the tab or worker that holds it is gone. */
export interface Lock {
  release(): void;
}

/** How long `open` waits for another tab: a page that is being reloaded lets go only when it is gone. */
const WAIT_MS = 5000;

/**
 * The right to write a collection: one holder in all tabs and workers of the origin.
 *
 * @returns undefined where there are no Web Locks; writers then find out by a `CONFLICT` in the log.
 * @throws KindexError `LOCKED`
 */
export async function acquireLock(collection: string): Promise<Lock | undefined> {
  if (typeof navigator === 'undefined' || navigator.locks === undefined) return undefined;
  const granted = deferred<Lock>();
  const held = deferred<void>();
  navigator.locks
    .request(`kindex:${collection}`, { signal: AbortSignal.timeout(WAIT_MS) }, () => {
      granted.resolve({ release: () => held.resolve() });
      return held.promise;
    })
    .catch((cause: unknown) => {
      granted.reject(
        new KindexError(
          'LOCKED',
          `collection '${collection}' is open in another tab or worker; close it there first`,
          {
            cause,
          },
        ),
      );
    });
  return granted.promise;
}
