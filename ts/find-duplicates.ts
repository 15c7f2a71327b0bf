import type { Connection } from './connection.js';
import { checkThreshold, type DuplicateQuery, type StoredDuplicate } from './dedupe.js';
import { throwIfAborted } from './errors.js';
import { encodeFilter } from './filter.js';
import { checkOptions } from './options.js';
import type { ResultColumns } from './worker/protocol.js';

/** Records that are compared per call: a search each. */
const PAGE = 256;

/**
 * Goes through a collection and yields the records that are within the threshold of an earlier one, in the order of
 * their slots. Records that lie in such a chain are one group; all but its first are yielded. Each record's nearest
 * are found by a search. A batch that is written meanwhile may be seen or not.
 */
export async function* findDuplicates<M extends object>(
  connection: Connection,
  query: DuplicateQuery<M>,
): AsyncGenerator<StoredDuplicate> {
  checkOptions('findDuplicates', query);
  const threshold = checkThreshold(query.threshold);
  const where = query.where === undefined ? undefined : encodeFilter(query.where);
  /** The first of the group, by the records that were yielded. */
  const firstOf = new Map<string, string>();
  let first: number | undefined = 0;
  while (first !== undefined) {
    throwIfAborted(query.signal);
    const { client, collection } = await connection.use();
    const page = { collection, first, count: PAGE, threshold, where };
    const found: ResultColumns = await client.call('duplicatesFrom', page);
    const { counts, ids, idEnds, distances } = found;
    const id = (i: number) => ids.slice(i === 0 ? 0 : idEnds[i - 1], idEnds[i]);
    for (const [i, distance] of distances.entries()) {
      const [later, earlier] = [id(2 * i), id(2 * i + 1)];
      // Nearest first: the others say nothing new.
      if (firstOf.has(later)) continue;
      const duplicateOf = firstOf.get(earlier) ?? earlier;
      firstOf.set(later, duplicateOf);
      yield { id: later, duplicateOf, distance };
    }
    first = counts[1];
  }
}
