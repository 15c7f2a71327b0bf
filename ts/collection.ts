// For `Symbol.asyncDispose`, which the caller's `lib` may not have.
/// <reference lib="esnext.disposable" preserve="true" />
import { untilAborted } from './abort.js';
import { checkName, checkViewName, engineSettings, storageChoice } from './arguments.js';
import { type Attached, Connection } from './connection.js';
import type { DuplicateQuery, StoredDuplicate } from './dedupe.js';
import type { Embedder } from './embed.js';
import { fromWire, KindexError, show, throwIfAborted } from './errors.js';
import { EventHub } from './events.js';
import type { Facet, FacetQuery, FacetValue } from './facets.js';
import type { FieldPath } from './filter.js';
import { makeIds } from './ids.js';
import { checkOptions } from './options.js';
import { part } from './part.js';
import { ProgressReporter } from './progress.js';
import { Reader } from './reader.js';
import { engine } from './runtime.js';
import { Searcher } from './searcher.js';
import type { Where } from './selection.js';
import type { SnapshotSource } from './snapshot.js';
import type {
  Batch,
  BatchOptions,
  BatchResult,
  EngineOptions,
  Events,
  Found,
  GetOptions,
  GetQuery,
  Hit,
  LoadOptions,
  Metadata,
  Metric,
  OpenOptions,
  PlaceOptions,
  Quantization,
  RowStream,
  SearchOptions,
  Selection,
  Stats,
  StoredRecord,
  Vector,
  VerifyReport,
} from './types.js';
import { decodeViews, encodeView, View, type ViewInfo, type ViewOptions } from './views.js';
import type { CallOptions } from './worker/client.js';
import type { CollectionInfo, HostEvent, StorageChoice } from './worker/protocol.js';
import type { ViewChange } from './write-view.js';
import { Writer } from './writer.js';

/**
 * Records with ids, vectors, metadata and documents, kept in storage and searched by similarity.
 *
 * Every change is a batch: validated as a whole, stored in one transaction, and only then visible. Batches of one
 * collection follow each other in the order of the calls. Calls for one record each that are made in the same turn,
 * or while a batch is under way, become one batch; each still hears of its own record only. What is given must not
 * change until the promise has settled.
 */
export class Collection<M extends object = Metadata> {
  /** The name that it was opened by; a made one where a snapshot was loaded without. */
  readonly name: string;
  /** Components of every vector. */
  readonly dimension: number;
  /** How vectors are compared. */
  readonly metric: Metric;
  /** How vectors are kept for the walk through the graph. */
  readonly quantization: Quantization;
  readonly #connection: Connection;
  readonly #writer: Writer;
  readonly #searcher: Searcher<M>;
  readonly #reader: Reader<M>;
  readonly #events = new EventHub();
  #size: number;

  private constructor(attached: Attached, reopen: () => Promise<Attached>, embedder: MakeEmbedder) {
    const { info } = attached;
    const stored = JSON.parse(info.options);
    this.name = info.name;
    this.dimension = stored.dimension;
    this.metric = stored.metric;
    this.quantization = stored.quantization;
    this.#size = info.size;
    this.#connection = new Connection(attached, reopen, (event) => this.#heard(event));
    const common = {
      connection: this.#connection,
      dimension: this.dimension,
      embedder: embedder(this.dimension),
    };
    this.#writer = new Writer({
      ...common,
      onProgress: (progress) => this.#events.emit('progress', progress),
    });
    const writing = () => this.#writer.busy;
    this.#searcher = new Searcher({ ...common, metric: this.metric, writing });
    this.#reader = new Reader(common);
  }

  /**
   * Opens the collection of that name, or makes it.
   *
   * @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH` if it is stored with other options; `LOCKED` while
   * another process has it open; `CORRUPT`, `NEWER_VERSION`, `STORAGE_UNAVAILABLE`, `UNSUPPORTED`
   */
  static async open<M extends object = Metadata>(
    name: string,
    options: OpenOptions = {},
  ): Promise<Collection<M>> {
    checkName(name);
    checkOptions('open', options);
    const settings = engineSettings(options);
    const storage = storageChoice(options, 'auto');
    const attach = async (onProgress?: OpenOptions['onProgress']): Promise<Attached> => {
      const client = await engineFor(options, storage);
      const input = { name, settings, storage };
      const info = await reported(onProgress, (heard) => client.call('open', input, heard));
      return { client, info };
    };
    const opening = attach(options.onProgress);
    try {
      const both = Promise.all([opening, embedding(options)]);
      const [attached, embedder] = await untilAborted(both, options.signal);
      return new Collection<M>(attached, attach, embedder);
    } catch (thrown) {
      closeLate(opening);
      throw thrown;
    }
  }

  /**
   * Opens a snapshot: in memory, or (with `name` and `storage`) as a new stored collection.
   *
   * @throws KindexError `CORRUPT`, `NEWER_VERSION`, `NOT_FOUND`, `DUPLICATE_ID` if there is a collection of that name
   */
  static async load<M extends object = Metadata>(
    source: SnapshotSource,
    options: LoadOptions = {},
  ): Promise<Collection<M>> {
    checkOptions('load', options);
    const name = checkName(options.name ?? `snapshot-${makeIds(1)[0]}`);
    const storage = storageChoice(options, 'memory');
    const { signal, onProgress } = options;
    throwIfAborted(signal);
    const [{ loadSnapshot }, embedder, client] = await Promise.all([
      part(snapshots),
      embedding(options),
      engineFor(options, storage),
    ]);
    const info = await loadSnapshot(client, source, { name, storage, signal, onProgress });
    const reopen = async (): Promise<Attached> => {
      const next = await engineFor(options, storage);
      return {
        client: next,
        info: await next.call('open', { name, settings: engineSettings({}), storage }),
      };
    };
    return new Collection<M>({ client, info }, reopen, embedder);
  }

  /** Names of the collections that are stored. */
  static async list(options: PlaceOptions = {}): Promise<string[]> {
    checkOptions('list', options);
    const storage = storageChoice(options, 'auto');
    return (await engineFor(options, storage)).call('list', { storage });
  }

  /** Deletes a collection, also where this page has it open. Nothing happens where there is none. */
  static async destroy(name: string, options: PlaceOptions = {}): Promise<void> {
    checkName(name);
    checkOptions('destroy', options);
    const storage = storageChoice(options, 'auto');
    await (await engineFor(options, storage)).call('destroy', { name, storage });
  }

  /**
   * Reads everything that is stored of a collection (checksums, ids, graph, columns, documents), and reports part by
   * part. Changes nothing; takes about as long, and as much memory, as opening it once more.
   *
   * @throws KindexError `NOT_FOUND`, `STORAGE_UNAVAILABLE`, `LOCKED`
   */
  static async verify(name: string, options: PlaceOptions = {}): Promise<VerifyReport> {
    checkName(name);
    checkOptions('verify', options);
    const storage = storageChoice(options, 'auto');
    return (await engineFor(options, storage)).call('verify', { name, storage });
  }

  /** Records, as of the last batch that this page has heard of. */
  get size(): number {
    return this.#size;
  }

  /** Adds records; an id that is there already is an error of its item. */
  insert(batch: Batch<M> | RowStream<M>, options: BatchOptions = {}): Promise<BatchResult> {
    return this.#writer.write('insert', batch as Batch<object> | RowStream<object>, options);
  }

  /** Adds records, and replaces those whose id is there. */
  upsert(batch: Batch<M> | RowStream<M>, options: BatchOptions = {}): Promise<BatchResult> {
    return this.#writer.write('upsert', batch as Batch<object> | RowStream<object>, options);
  }

  /** Changes what is given of records that are there: vector, metadata (as a whole) or document. */
  update(batch: Batch<M> | RowStream<M>, options: BatchOptions = {}): Promise<BatchResult> {
    return this.#writer.write('update', batch as Batch<object> | RowStream<object>, options);
  }

  /** Deletes records by id (an unknown one is an error of its item) or by filter. */
  delete(selection: Selection<M>, options: BatchOptions = {}): Promise<BatchResult> {
    return this.#writer.delete(selection, options);
  }

  /** Records by id (in the order of the ids; unknown ones are left out) or by filter (in the order of insertion). */
  get(query: GetQuery<M> = {}, options: GetOptions = {}): Promise<StoredRecord<M>[]> {
    return this.#reader.get(query, options);
  }

  /** All records that match, read in pages. A batch that is written meanwhile may show or not. */
  iterate(
    query: Omit<GetQuery<M>, 'ids'> = {},
    options: GetOptions = {},
  ): AsyncGenerator<StoredRecord<M>> {
    return this.#reader.iterate(query, options);
  }

  /**
   * The nearest records, closest first. A text is embedded first. Calls of one turn that differ in nothing but the
   * query are answered together.
   */
  search(query: Vector | string, options: SearchOptions<M> = {}): Promise<Found<M>> {
    return this.#searcher.search(query, options);
  }

  /** The nearest records of each query: a flat `Float32Array` (n x d), vectors, or texts. */
  searchBatch(
    queries: Float32Array | readonly Vector[] | readonly string[],
    options: SearchOptions<M> = {},
  ): Promise<Hit<M>[][]> {
    return this.#searcher.searchBatch(queries, options);
  }

  /**
   * Makes a view: an index of its own over the records that a filter holds for, kept up to date by every batch.
   * Searching it costs neither the filter nor what it leaves out.
   *
   * @throws KindexError `DUPLICATE_ID` if there is a view of that name, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`
   */
  async createView(name: string, options: ViewOptions<M>): Promise<View<M>> {
    const definition = encodeView(checkViewName(name), options);
    await this.#writer.view(name, definition, options);
    return this.view(name);
  }

  /** The view of that name, to be searched. Whether it is there shows when it is. */
  view(name: string): View<M> {
    return new View(this, checkViewName(name));
  }

  /** All views, in the order in which they were made. */
  async listViews(): Promise<ViewInfo<M>[]> {
    const { client, collection } = await this.#connection.use();
    return decodeViews<M>(await client.call('views', { collection }));
  }

  /** Forgets a view. Its records stay. */
  async dropView(name: string, options: ViewChange = {}): Promise<void> {
    checkOptions('dropView', options);
    await this.#writer.view(checkViewName(name), undefined, options);
  }

  /** Records that match; all without a filter. */
  count(query: Where<M> = {}): Promise<number> {
    return this.#reader.count(query);
  }

  /** Records that are nearly the same as earlier ones, found page by page. */
  async *findDuplicates(query: DuplicateQuery<M>): AsyncGenerator<StoredDuplicate> {
    const { findDuplicates } = await part(() => import('./find-duplicates.js'));
    yield* findDuplicates(this.#connection, query);
  }

  /** The most frequent values of a field among the records that match, most frequent first. */
  facets<P extends FieldPath<M>>(query: FacetQuery<M, P>): Promise<Facet<FacetValue<M, P>>[]> {
    return this.#reader.facets(query as FacetQuery<M>);
  }

  /** Facts: records, options, memory by part, threads, storage. */
  async stats(): Promise<Stats> {
    const { client, collection } = await this.#connection.use();
    const facts = JSON.parse(await client.call('stats', { collection }));
    const { name, dimension, metric, quantization } = this;
    return {
      storageReason: undefined,
      checkpoint: undefined,
      ...facts,
      name,
      dimension,
      metric,
      quantization,
    };
  }

  /** Reclaims what deleted records still hold, in memory and storage. */
  async compact(options: Pick<OpenOptions, 'onProgress'> = {}): Promise<void> {
    checkOptions('compact', options);
    const { client, collection } = await this.#connection.use();
    await reported(options.onProgress, (heard) => client.call('compact', { collection }, heard));
  }

  /** The whole collection in the one format that every runtime opens. */
  async snapshot(): Promise<Uint8Array<ArrayBuffer>> {
    const { takeSnapshot } = await part(snapshots);
    const { client, collection } = await this.#connection.use();
    return takeSnapshot(client, collection);
  }

  /**
   * The same as a stream, for what is too large to be in memory twice. Batches wait until it was read to its end or
   * cancelled; it fails with `ABORTED` when nobody reads on for 30 seconds.
   */
  async snapshotStream(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { streamSnapshot } = await part(snapshots);
    const { client, collection } = await this.#connection.use();
    return streamSnapshot(client, collection);
  }

  /** Hears of changes, of the progress of batches, and of errors that no call waits for. Returns how to stop. */
  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void {
    if (!this.#events.has(event) || typeof listener !== 'function') {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `on takes 'change', 'progress' or 'error' and a function, but these are ${show(event)} and ${show(listener)}`,
      );
    }
    return this.#events.on(event, listener);
  }

  /** Waits for batches under way and lets go of the collection. Later calls fail with `CLOSED`. */
  async close(): Promise<void> {
    await this.#writer.last(() => this.#connection.close());
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #heard(event: HostEvent): void {
    if (event.event === 'change') {
      this.#size = event.size;
      const { change } = event;
      // A view changes no record.
      if (change && change.operation !== 'view')
        this.#events.emit('change', { ...change, operation: change.operation });
    } else if (event.event === 'error') {
      this.#events.emit('error', fromWire(event.error));
    } else if (event.event === 'closed') {
      this.#events.emit('error', new KindexError('CLOSED', event.reason));
    }
  }
}

type MakeEmbedder = (dimension: number) => Embedder | undefined;

/** What makes the embedder that the options name, if they do. */
async function embedding(options: OpenOptions | LoadOptions): Promise<MakeEmbedder> {
  if (options.embed === undefined) return () => undefined;
  const { Embedder } = await part(() => import('./embed.js'));
  return (dimension) => Embedder.of(options, dimension);
}

const snapshots = () => import('./snapshot.js');

/** A caller's own adapter is an object of this thread, and only an engine in place can call it. */
function engineFor(options: EngineOptions, storage: StorageChoice) {
  return engine(options, typeof storage === 'object');
}

/** Runs a call whose progress somebody wants to hear of. */
async function reported<T>(
  onProgress: OpenOptions['onProgress'],
  work: (heard: CallOptions) => Promise<T>,
): Promise<T> {
  if (!onProgress) return work({});
  const progress = new ProgressReporter(onProgress);
  try {
    return await work({
      onProgress: ({ phase, done, total }) => progress.report(phase, done, total),
    });
  } finally {
    progress.finish();
  }
}

/** Closes what was opened after its caller stopped waiting. */
function closeLate(opening: Promise<{ client: Attached['client']; info: CollectionInfo }>): void {
  opening
    .then(({ client, info }) => client.call('close', { collection: info.handle }))
    .catch(() => {});
}
