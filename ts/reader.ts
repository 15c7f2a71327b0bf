import { untilAborted } from './abort.js';
import { checkInclude, checkInteger } from './arguments.js';
import type { Connection } from './connection.js';
import { KindexError, show, throwIfAborted } from './errors.js';
import { type Facet, type FacetQuery, facets } from './facets.js';
import { checkPath } from './filter.js';
import { checkOptions } from './options.js';
import { includeBits, records } from './results.js';
import { encodeSelection, type Where } from './selection.js';
import { textColumn } from './text-column.js';
import type { GetOptions, GetQuery, Include, OrderBy, StoredRecord } from './types.js';
import type { Order } from './worker/protocol.js';

/** Records per step of `iterate`. */
const PAGE = 1000;
/** As many as there are. */
const ALL = 0xffff_ffff;

const GET_INCLUDES: readonly Include[] = ['metadata', 'document'];

/** The half of a collection that reads records. */
export class Reader<M extends object> {
  readonly #connection: Connection;
  readonly #dimension: number;

  constructor(parts: { connection: Connection; dimension: number }) {
    this.#connection = parts.connection;
    this.#dimension = parts.dimension;
  }

  async get(query: GetQuery<M>, options: GetOptions): Promise<StoredRecord<M>[]> {
    checkOptions('get', query);
    checkOptions('the second argument of get', options);
    throwIfAborted(options.signal);
    const include = includeBits(checkInclude(options.include, GET_INCLUDES));
    const limit = checkInteger('limit', query.limit ?? ALL, 0, ALL);
    const offset = checkInteger('offset', query.offset ?? 0, 0, ALL);
    if (query.ids !== undefined) {
      if (query.where ?? query.whereDocument ?? query.orderBy)
        throw new KindexError('INVALID_ARGUMENT', 'get takes ids or where and orderBy, not both');
      const ids = textColumn(checkIds(query.ids).slice(offset, offset + limit));
      const { client, collection } = await this.#connection.use();
      const found = client.call('get', { collection, ids, include });
      return records<M>(await untilAborted(found, options.signal), this.#dimension);
    }
    const selected = encodeSelection(query);
    const order = checkOrder(query.orderBy);
    const { client, collection } = await this.#connection.use();
    const found = client.call('find', { collection, ...selected, order, limit, offset, include });
    return records<M>(await untilAborted(found, options.signal), this.#dimension);
  }

  async *iterate(
    query: Omit<GetQuery<M>, 'ids'>,
    options: GetOptions,
  ): AsyncGenerator<StoredRecord<M>> {
    if (query.whereDocument !== undefined) {
      yield* this.#iterateDocuments(query, options);
      return;
    }
    const { limit = ALL, offset = 0 } = query;
    for (let done = 0; done < limit; ) {
      const page = await this.get(
        { ...query, offset: offset + done, limit: Math.min(PAGE, limit - done) },
        options,
      );
      yield* page;
      done += page.length;
      if (page.length < PAGE) return;
    }
  }

  async count(query: Where<M>): Promise<number> {
    checkOptions('count', query);
    const selected = encodeSelection(query);
    const { client, collection } = await this.#connection.use();
    return client.call('count', { collection, ...selected });
  }

  facets<P>(query: FacetQuery<M>): Promise<Facet<P>[]> {
    return facets<M, P>(this.#connection, query);
  }

  /** Looks through the documents page by page: otherwise every page would look through all of them. */
  async *#iterateDocuments(
    query: Omit<GetQuery<M>, 'ids'>,
    options: GetOptions,
  ): AsyncGenerator<StoredRecord<M>> {
    const { whereDocument, limit = ALL, offset = 0, ...others } = query;
    const { containing = '' } = encodeSelection({ whereDocument });
    const include = checkInclude(options.include, GET_INCLUDES);
    const reading = { ...options, include: [...new Set([...include, 'document' as const])] };
    let seen = 0;
    for await (const record of this.iterate(others, reading)) {
      if (seen >= offset + limit) return;
      if (!record.document?.includes(containing)) continue;
      seen += 1;
      if (seen <= offset) continue;
      const { document: _, ...rest } = record;
      yield include.includes('document') ? record : rest;
    }
  }
}

function checkIds(ids: unknown): readonly string[] {
  const bad = Array.isArray(ids) ? ids.findIndex((id) => typeof id !== 'string') : -1;
  if (Array.isArray(ids) && bad < 0) return ids;
  throw new KindexError(
    'INVALID_ARGUMENT',
    bad < 0
      ? `ids must be an array of strings, but is ${show(ids)}`
      : `id ${bad} is ${show((ids as unknown[])[bad])}, not a string`,
  );
}

function checkOrder(orderBy: OrderBy | undefined): Order | undefined {
  if (orderBy === undefined) return undefined;
  const given = typeof orderBy === 'object' && orderBy !== null ? orderBy : { field: orderBy };
  checkOptions('orderBy', given);
  const { field, direction = 'asc' }: { field: string; direction?: string } = given;
  if (direction !== 'asc' && direction !== 'desc') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `direction is 'asc' or 'desc', but is ${show(direction)}`,
    );
  }
  return { field: checkPath('orderBy', field), descending: direction === 'desc' };
}
