import type { Hit, Include, Metric, Stored, StoredRecord } from './types.js';
import { INCLUDE } from './worker/glue.js';
import type { ResultColumns } from './worker/protocol.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The bits of `include`. */
export function includeBits(include: readonly Include[]): number {
  const bits = { metadata: INCLUDE.metadata, document: INCLUDE.documents, vector: INCLUDE.vectors };
  return include.reduce((sum, part) => sum | bits[part], 0);
}

/** Larger is more similar. */
export function scoreOf(metric: Metric, distance: number): number {
  switch (metric) {
    case 'cosine':
      return 1 - distance;
    case 'dot':
      return -distance;
    case 'euclidean':
      return 1 / (1 + distance);
  }
}

/** Stored records, in order. */
export function records<M extends object>(
  columns: ResultColumns,
  dimension: number,
): StoredRecord<M>[] {
  const metadata: (Stored<M> | null)[] | undefined = columns.metadata
    ? JSON.parse(columns.metadata)
    : undefined;
  let start = 0;
  return Array.from(columns.idEnds, (end, i) => {
    const record: Mutable<StoredRecord<M>> = { id: columns.ids.slice(start, end) };
    start = end;
    const fields = metadata?.[i];
    if (fields) record.metadata = fields;
    const document = columns.documents?.[i];
    if (document !== undefined) record.document = document;
    if (columns.vectors.length > 0)
      record.vector = columns.vectors.slice(i * dimension, (i + 1) * dimension);
    return record;
  });
}

/** Hits by query. */
export function hits<M extends object>(
  columns: ResultColumns,
  dimension: number,
  metric: Metric,
): Hit<M>[][] {
  const all = records<M>(columns, dimension).map(({ id, ...rest }, i): Hit<M> => {
    const distance = columns.distances[i] as number;
    return { id, distance, score: columns.scores[i] ?? scoreOf(metric, distance), ...rest };
  });
  let first = 0;
  return Array.from(columns.counts, (count) => {
    first += count;
    return all.slice(first - count, first);
  });
}
