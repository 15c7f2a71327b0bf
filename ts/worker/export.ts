import { KindexError } from '../errors.js';
import { type Engine, INCLUDE } from './glue.js';
import type { HostCollection } from './host-collection.js';

/** Records per step while looking for the documents that are still referred to. */
const PAGE = 50_000;
const NO_DOCUMENT = 0xffff_ffff;

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
    if (!chunk)
      throw new KindexError(
        'CORRUPT',
        `document chunk ${number} of collection '${name}' is missing`,
      );
    yield engine.frameDocumentChunk(number, chunk);
  }
  for (let part = engine.nextSnapshotPart(bytes); part; part = engine.nextSnapshotPart(bytes))
    yield part;
}

/** Chunks whose records were all deleted or replaced stay behind. */
export function chunksInUse(engine: Engine): Set<number> {
  const used = new Set<number>();
  for (let offset = 0; offset < engine.size; offset += PAGE) {
    const results = engine.find(undefined, PAGE, offset, INCLUDE.documents);
    const places = results.documents();
    results.free();
    for (let i = 0; i < places.length; i += 2) {
      const chunk = places[i] as number;
      if (chunk !== NO_DOCUMENT) used.add(chunk);
    }
  }
  return used;
}
