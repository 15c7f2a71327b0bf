import type { Documents } from './documents.js';
import type { Results } from './glue.js';
import type { ResultColumns } from './protocol.js';

/** Takes results out of wasm, which then has them no more, and reads their documents. */
export async function takeColumns(results: Results, documents: Documents): Promise<ResultColumns> {
  const places = results.documents();
  const columns = {
    counts: results.counts(),
    ids: results.ids(),
    idEnds: results.idEnds(),
    distances: results.distances(),
    scores: results.scores(),
    metadata: results.metadata(),
    vectors: results.vectors(),
    explanation: results.explanation(),
  };
  const { total } = results;
  results.free();
  const texts = places.length === 2 * total ? await documents.read(places) : undefined;
  return { ...columns, documents: texts };
}
