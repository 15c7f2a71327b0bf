import { KindexError } from '../errors.js';
import type { Engine } from './glue.js';
import type { HostCollection } from './host-collection.js';

/**
 * A collection as the parts of a snapshot file, documents included. It must not change meanwhile: the caller holds
 * the collection's writers.
 */
export async function* exportParts(
  collection: HostCollection,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  const { engine, store, name } = collection;
  engine.beginSnapshot();
  const head = engine.nextSnapshotPart(bytes);
  if (head) yield head;
  for (const number of [...chunksInUse(engine)].sort((a, b) => a - b)) {
    const chunk = await store.readDocuments(number);
    if (!chunk) {
      const what = `document chunk ${number} of collection '${name}'`;
      // The tab that writes may have deleted it: it knows nothing of what others are reading.
      throw collection.writing
        ? new KindexError('CORRUPT', `${what} is missing`)
        : new KindexError('CONFLICT', `${what} was replaced by another tab meanwhile`);
    }
    yield engine.frameDocumentChunk(number, chunk);
  }
  for (let part = engine.nextSnapshotPart(bytes); part; part = engine.nextSnapshotPart(bytes))
    yield part;
}

/** Chunks whose records were all deleted or replaced stay behind. */
export function chunksInUse(engine: Engine): Set<number> {
  const documents = engine.documentsOf(undefined, 0, undefined);
  const used = new Set<number>();
  for (let i = 1; i < documents.length; i += 3) used.add(documents[i] as number);
  return used;
}
