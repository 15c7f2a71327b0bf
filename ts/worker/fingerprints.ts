import type { HostCollection } from './host-collection.js';

/** Numbers that stand for one document: slot, chunk, row. */
const TRIPLE = 3;

/** Whether that JSON asks for exact duplicates. */
export function isExact(dedupe: string): boolean {
  return JSON.parse(dedupe).threshold === undefined;
}

/**
 * Gets the engine ready to tell exact duplicates: the first time it looks at every stored document once, chunk by
 * chunk. Whoever calls this holds the collection's writers.
 */
export async function readyForExact(collection: HostCollection): Promise<void> {
  const { engine, documents } = collection;
  const wanted = engine.fingerprint();
  try {
    for (let start = 0; start < wanted.length; ) {
      const chunk = wanted[start + 1] as number;
      const slots: number[] = [];
      const rows: number[] = [];
      for (; start < wanted.length && wanted[start + 1] === chunk; start += TRIPLE) {
        slots.push(wanted[start] as number);
        rows.push(wanted[start + 2] as number);
      }
      const bytes = await documents.chunk(chunk);
      engine.fingerprintDocuments(bytes, Uint32Array.from(rows), Uint32Array.from(slots));
    }
  } catch (thrown) {
    engine.forgetFingerprints();
    throw thrown;
  }
}
