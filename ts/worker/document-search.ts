import type { HostCollection } from './host-collection.js';

/** Numbers that stand for one document: slot, chunk, row. */
const TRIPLE = 3;
/** How often batches that come meanwhile are looked at; after that they count as later. */
const ROUNDS = 4;

/**
 * The documents, as slot, chunk and row each, that contain a text, of the records of a view that a filter holds for. Chunks are
 * read one after the other, the next while the last is looked through, so that two are in memory at a time.
 *
 * Batches are not held up: a document keeps its place for ever, so the engine can tell later which of these records
 * still have the document that was read.
 */
export async function documentsContaining(
  collection: HostCollection,
  where: string | undefined,
  text: string,
  view?: string,
): Promise<Uint32Array> {
  const found: number[] = [];
  let firstChunk = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Asked for anew each time: a tab that only reads replaces its engine to catch up.
    const { generation } = collection.engine;
    const wanted = collection.engine.documentsOf(where, firstChunk, view);
    await lookThrough(collection, wanted, text, found);
    if (collection.engine.generation === generation) break;
    // What was written since is in later chunks.
    if (wanted.length > 0) firstChunk = (wanted[wanted.length - 2] as number) + 1;
  }
  return Uint32Array.from(found);
}

async function lookThrough(
  collection: HostCollection,
  wanted: Uint32Array,
  text: string,
  found: number[],
): Promise<void> {
  const { glue } = collection;
  const read = (chunk: number | undefined) =>
    chunk === undefined ? undefined : chunkIfWanted(collection, chunk);
  let next = read(wanted[1]);
  for (let start = 0; start < wanted.length; ) {
    const chunk = wanted[start + 1] as number;
    let end = start;
    while (end < wanted.length && wanted[end + 1] === chunk) end += TRIPLE;
    const bytes = await next;
    next = read(wanted[end + 1]);
    // Heard of when it is awaited; until then it must not count as unhandled.
    next?.catch(() => {});
    const first = start;
    start = end;
    if (!bytes) continue;
    const slots = new Map<number, number>();
    for (let i = first; i < end; i += TRIPLE)
      slots.set(wanted[i + 2] as number, wanted[i] as number);
    for (const row of glue.matchDocuments(bytes, Uint32Array.from(slots.keys()), text))
      found.push(slots.get(row) as number, chunk, row);
  }
}

/** A chunk; undefined if nothing refers to it any more and storage has given its space back. */
async function chunkIfWanted(
  collection: HostCollection,
  chunk: number,
): Promise<Uint8Array | undefined> {
  try {
    return await collection.documents.chunk(chunk);
  } catch (thrown) {
    if (collection.engine.documentsOf(undefined, chunk, undefined)[1] === chunk) throw thrown;
    return undefined;
  }
}
