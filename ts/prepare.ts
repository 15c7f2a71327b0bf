import { untilAborted } from './abort.js';
import type { BatchRows } from './batch-rows.js';
import type { Embedder } from './embed.js';
import { type BatchOperation, KindexError } from './errors.js';
import { makeIds } from './ids.js';
import type { Steps } from './progress.js';

/** Rows with everything that they need to be encoded. */
export interface Ready {
  readonly rows: BatchRows;
  readonly progress: Steps;
  id(row: number): unknown;
  /** As given, or made of the document. */
  vector(row: number): unknown;
  /** What is known to be wrong with a row already. */
  problem(row: number): KindexError | undefined;
}

/**
 * Makes ids and vectors for rows that came without.
 *
 * @throws KindexError `ABORTED`
 */
export async function prepare(
  operation: BatchOperation,
  rows: BatchRows,
  embedder: Embedder | undefined,
  signal: AbortSignal | undefined,
  progress: Steps,
): Promise<Ready> {
  const made = madeIds(operation, rows);
  const texts = operation === 'delete' || !embedder ? [] : rowsToEmbed(rows);
  if (!embedder || texts.length === 0) {
    return {
      rows,
      progress,
      id: (row) => rows.id(row) ?? made?.[row],
      vector: (row) => rows.vector(row),
      problem: () => undefined,
    };
  }
  const documents = texts.map((row) => rows.document(row) as string);
  const embedding = embedder.each(documents, signal, (done) =>
    progress.report('embed', done, documents.length),
  );
  const vectors = await untilAborted(embedding, signal);
  const embedded = new Map(texts.map((row, i) => [row, vectors[i]]));
  return {
    rows,
    progress,
    id: (row) => rows.id(row) ?? made?.[row],
    vector: (row) => rows.vector(row) ?? embedded.get(row),
    problem(row) {
      const vector = embedded.get(row);
      return vector instanceof KindexError ? vector : undefined;
    },
  };
}

/** Rows with a document and no vector. */
export function rowsToEmbed(rows: BatchRows): number[] {
  const wanted: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    if (rows.vector(row) === undefined && typeof rows.document(row) === 'string') wanted.push(row);
  }
  return wanted;
}

/**
 * Ids that are there more than once: they are errors, and where a batch is written in several, the engine sees none of
 * them whole.
 */
export function repeatedIds(rows: BatchRows): ReadonlySet<unknown> {
  const once = new Set<unknown>();
  const repeated = new Set<unknown>();
  for (let row = 0; row < rows.length; row++) {
    const id = rows.id(row);
    if (once.has(id)) repeated.add(id);
    else if (typeof id === 'string') once.add(id);
  }
  return repeated;
}

/** The same rows, of which those with one of these ids fail. */
export function withoutRepeats(ready: Ready, repeated: ReadonlySet<unknown>): Ready {
  if (repeated.size === 0) return ready;
  const error = new KindexError('DUPLICATE_ID', 'the id is in the batch more than once');
  return {
    ...ready,
    problem: (row) => ready.problem(row) ?? (repeated.has(ready.id(row)) ? error : undefined),
  };
}

/** The ids as they are written; '' where one was given that is none. */
export function idsOf({ rows, id }: Ready): string[] {
  return Array.from({ length: rows.length }, (_, row) => {
    const given = id(row);
    return typeof given === 'string' ? given : '';
  });
}

/** Ids for a batch of new records in which some have none. */
function madeIds(operation: BatchOperation, rows: BatchRows): readonly string[] | undefined {
  if (operation !== 'insert' && operation !== 'upsert') return undefined;
  for (let row = 0; row < rows.length; row++) {
    if (rows.id(row) === undefined) return makeIds(rows.length);
  }
  return undefined;
}
