import type { KindexError } from '../errors.js';
import { withRetries } from '../retry.js';
import type { Durability } from '../storage/storage.js';
import { owned } from './glue.js';
import type { HostCollection } from './host-collection.js';

/** Bytes of a log record: large enough to be quick in IndexedDB, small enough to be held twice. */
const LOG_PART_BYTES = 2 * 1024 * 1024;

/**
 * Encodes the validated batch and stores it, in one transaction. A storage that fails for a moment is reopened and
 * tried again; one that had stored the batch before it failed is not written to twice.
 *
 * @param progress hears of the records written
 * @throws KindexError why storage refuses; nothing is stored then
 */
export async function append(
  collection: HostCollection,
  durability: Durability,
  progress: (done: number, total: number) => void,
): Promise<void> {
  const { engine, store } = collection;
  const encoded = engine.encode(LOG_PART_BYTES);
  const { documentChunks, firstDocumentChunk, logParts } = encoded;
  encoded.free();
  const total = documentChunks + (store.durable ? logParts : 0);
  let done = 0;
  let logBytes = 0;
  let last: Uint8Array | undefined;
  /** Why an attempt failed that may have stored everything before. */
  let doubt: unknown;
  const step = () => progress(++done, total);
  function* documents() {
    for (let i = 0; i < documentChunks; i++) {
      yield [firstDocumentChunk + i, owned(engine.takeDocumentChunk(i))] as const;
      step();
    }
  }
  function* log() {
    if (!store.durable) return;
    for (let i = 0; i < logParts; i++) {
      const bytes = owned(engine.takeLogPart(i));
      logBytes += bytes.length;
      last = i === logParts - 1 ? bytes : undefined;
      yield [collection.state.sequence + i, bytes] as const;
      step();
    }
  }
  const attempt = async () => {
    if (last && (await isStored(collection, logParts, last))) return;
    done = 0;
    logBytes = 0;
    try {
      await store.append({ documents: documents(), log: log() }, durability);
    } catch (thrown) {
      collection.appendFailed(firstDocumentChunk);
      if (last) doubt ??= thrown;
      throw thrown;
    }
  };
  const recover = async () => {
    await store.reopen?.();
    if (!last || !(await isStored(collection, logParts, last))) await collection.tidy();
  };
  try {
    await withRetries(attempt, recover);
  } catch (thrown) {
    const { code } = thrown as KindexError;
    // A conflict would say that nothing is stored. But the tab that has taken over may have folded the log meanwhile.
    if (code === 'CONFLICT' && doubt) throw doubt;
    if (code !== 'QUOTA_EXCEEDED' || !(await collection.makeRoom())) throw thrown;
    await attempt();
  }
  if (store.durable) collection.appended(logParts, logBytes);
}

/** Whether the batch is there as a whole: its last record is written last, and by nobody else in this place. */
async function isStored(
  { store, state }: HostCollection,
  logParts: number,
  last: Uint8Array,
): Promise<boolean> {
  const completing = state.sequence + logParts - 1;
  for await (const record of store.readLog(completing)) {
    return record.sequence === completing && equal(record.bytes, last);
  }
  return false;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
