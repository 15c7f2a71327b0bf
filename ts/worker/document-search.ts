import type { HostCollection } from './host-collection.js';

/** Numbers that stand for one document: slot, chunk, row. */
const TRIPLE = 3;
/** How often batches that come meanwhile are looked at; after that they count as later. */
const ROUNDS = 4;

/**
 * The documents, as slot, chunk and row each, that contain a text, of the records that a filter holds for. Chunks are
 * read one after the other, the next while the last is looked through, so that two are in memory at a time.
 *
 * Batches are not held up: a document keeps its place for ever, so the engine can tell later which of these records
 * still have the document that was read.
 */
export async function documentsContaining(
  collection: HostCollection,
  where: string | undefined,
  text: string,
): Promise<Uint32Array> {
  const found: number[] = [];
  let firstChunk = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { engine } = collection;
    const { generation } = engine;
    const wanted = engine.documentsOf(where, firstChunk);
    await lookThrough(collection, wanted, text, found);
    if (engine.generation === generation) break;
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
  const { documents, glue } = collection;
  let next = wanted.length > 0 ? documents.chunk(wanted[1] as number) : undefined;
  for (let start = 0; start < wanted.length; ) {
    const chunk = wanted[start + 1] as number;
    let end = start;
    while (end < wanted.length && wanted[end + 1] === chunk) end += TRIPLE;
    const bytes = await next;
    if (!bytes) return;
    next = end < wanted.length ? documents.chunk(wanted[end + 1] as number) : undefined;
    // Heard of when it is awaited; until then it must not count as unhandled.
    next?.catch(() => {});
    const slots = new Map<number, number>();
    for (let i = start; i < end; i += TRIPLE)
      slots.set(wanted[i + 2] as number, wanted[i] as number);
    for (const row of glue.matchDocuments(bytes, Uint32Array.from(slots.keys()), text))
      found.push(slots.get(row) as number, chunk, row);
    start = end;
  }
}
