import {
  type BatchOperation,
  type ItemError,
  isRetryable,
  KindexError,
  show,
  toKindexError,
} from './errors.js';
import { LIMITS } from './limits.js';
import { encodeMetadata } from './metadata.js';
import type { Ready } from './prepare.js';
import { noText, type TextColumn, TextColumnBuilder, utf8Length } from './text-column.js';
import { VectorColumnBuilder } from './vector-column.js';
import type { Slice } from './worker/protocol.js';

/** Work on the page's thread between two rests: a fraction of a frame. */
const SLICE_MS = 8;
/** Bytes of vectors and text in a slice: the copy of that many takes a few milliseconds at most. */
const SLICE_BYTES = 2_000_000;
/** Rows between two looks at the clock. */
const CLOCK_ROWS = 64;

/**
 * Encodes a batch into slices. A row of the wrong kind is left out and reported; what only the engine can know (ids
 * that are there or twice, numbers that are not finite) is left to it.
 */
export class BatchEncoder {
  /** What was wrong with rows, by their place in the batch. */
  readonly errors: ItemError[] = [];
  readonly #operation: BatchOperation;
  readonly #ready: Ready;
  /** All vectors as one array, if they came as one. */
  readonly #flat: Float32Array | undefined;
  readonly #dimension: number;
  readonly #slowest: number;
  readonly #first: number;
  readonly #end: number;
  /** The place of each staged row in the batch, once they differ. */
  #places: number[] | undefined;
  #staged = 0;
  #next: number;

  constructor(parts: {
    operation: BatchOperation;
    ready: Ready;
    /** The rows to encode: from here up to there, not included. */
    range: readonly [first: number, end: number];
    dimension: number;
    batchSize: number | 'auto';
  }) {
    this.#operation = parts.operation;
    this.#ready = parts.ready;
    this.#flat = parts.ready.rows.flat;
    this.#dimension = parts.dimension;
    this.#slowest = parts.batchSize === 'auto' ? Number.POSITIVE_INFINITY : parts.batchSize;
    [this.#first, this.#end] = parts.range;
    this.#next = this.#first;
  }

  /** Rows looked at so far. */
  get done(): number {
    return this.#next - this.#first;
  }

  /** Rows in all. */
  get total(): number {
    return this.#end - this.#first;
  }

  /** The place in the batch of a staged row. */
  place(staged: number): number {
    return this.#places ? (this.#places[staged] as number) : this.#first + staged;
  }

  /** The next slice; undefined at the end. */
  next(): Slice | undefined {
    const first = this.#next;
    if (first >= this.#end) return undefined;
    const most = Math.ceil(SLICE_BYTES / (4 * this.#dimension));
    const end = Math.min(first + Math.min(most, this.#slowest), this.#end);
    const columns = new SliceBuilder(this.#dimension, end - first, this.#flat);
    const started = performance.now();
    while (this.#next < end) {
      const row = this.#next++;
      this.#encode(row, columns);
      if (columns.bytes >= SLICE_BYTES) break;
      const looked = row - first + 1;
      if (looked % CLOCK_ROWS === 0 && performance.now() - started >= SLICE_MS) break;
    }
    return columns.finish();
  }

  #encode(row: number, columns: SliceBuilder): void {
    try {
      const problem = this.#ready.problem(row);
      if (problem) throw problem;
      const id = this.#checkedId(row);
      const vector = this.#flat ? this.#rowOf(this.#flat, row) : this.#checkedVector(row);
      const given = this.#ready.rows.metadata(row);
      const metadata = given === undefined ? undefined : encodeMetadata(given);
      const document = checkedDocument(this.#ready.rows.document(row));
      columns.push(id, vector, metadata, document);
    } catch (thrown) {
      this.#refuse(row, toKindexError(thrown, 'INVALID_ARGUMENT'));
      return;
    }
    this.#places?.push(row);
    this.#staged += 1;
  }

  #refuse(index: number, { code, message }: KindexError): void {
    this.#places ??= Array.from({ length: this.#staged }, (_, i) => this.#first + i);
    const id = this.#ready.id(index);
    this.errors.push({
      index,
      id: typeof id === 'string' ? id : undefined,
      op: this.#operation,
      code,
      message,
      retryable: isRetryable(code),
    });
  }

  #checkedId(row: number): string {
    const id = this.#ready.id(row);
    if (typeof id !== 'string') {
      throw new KindexError('INVALID_ARGUMENT', `an id is a string, but this is ${show(id)}`);
    }
    const bytes = utf8Length(id);
    if (bytes < 1 || bytes > LIMITS.idBytes) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `an id has 1 to ${LIMITS.idBytes} bytes, but this has ${bytes}`,
      );
    }
    // UTF-8 has no form for half a pair: two different ids could become one.
    if (bytes !== id.length && /\p{Surrogate}/u.test(id))
      throw new KindexError('INVALID_ARGUMENT', 'an id must be well-formed Unicode');
    return id;
  }

  /** Its length was checked with the batch's; its buffer may have gone since. */
  #rowOf(flat: Float32Array, row: number): number {
    checkAttached('vectors', flat);
    return row;
  }

  #checkedVector(row: number): ArrayLike<number> | undefined {
    const vector = this.#ready.vector(row);
    if (vector === undefined) {
      if (this.#operation === 'update' || this.#operation === 'delete') return undefined;
      throw new KindexError(
        'INVALID_ARGUMENT',
        `a vector of ${this.#dimension} numbers is missing, or a document and embed to make it of`,
      );
    }
    return checkedVector(vector, this.#dimension);
  }
}

/**
 * An array whose buffer went to another thread looks empty, and would be taken for no vectors at all.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function checkAttached(name: string, array: Float32Array): void {
  if (array.length > 0) return;
  try {
    new Uint8Array(array.buffer);
  } catch (cause) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `the buffer of ${name} is detached: it was transferred`,
      { cause },
    );
  }
}

/** @throws KindexError `INVALID_ARGUMENT`, `DIMENSION_MISMATCH` */
export function checkedVector(vector: unknown, dimension: number): ArrayLike<number> {
  if (!Array.isArray(vector) && !(vector instanceof Float32Array)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a vector is a Float32Array or an array of numbers, but this is ${show(vector)}`,
    );
  }
  if (vector instanceof Float32Array) checkAttached('the vector', vector);
  if (vector.length !== dimension) {
    throw new KindexError(
      'DIMENSION_MISMATCH',
      `a vector of ${dimension} components was expected, one of ${vector.length} came`,
    );
  }
  if (Array.isArray(vector)) {
    const bad = vector.findIndex((component) => typeof component !== 'number');
    if (bad >= 0) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `component ${bad} of the vector is ${show(vector[bad])}, not a number`,
      );
    }
  }
  return vector;
}

function checkedDocument(document: unknown): string | undefined {
  if (document === undefined) return undefined;
  if (typeof document !== 'string') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a document is a string, but this is ${show(document)}`,
    );
  }
  if (document.length * 3 > LIMITS.documentBytes && utf8Length(document) > LIMITS.documentBytes) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a document has at most ${LIMITS.documentBytes} bytes`,
    );
  }
  return document;
}

/** Columns that grow by rows. */
class SliceBuilder {
  readonly #dimension: number;
  readonly #ids = new TextColumnBuilder();
  readonly #metadata = new TextColumnBuilder();
  readonly #documents = new TextColumnBuilder();
  readonly #vectors: VectorColumnBuilder;
  readonly #hasVector: number[] = [];
  #withMetadata = 0;
  #withDocument = 0;

  /**
   * @param capacity the most rows
   * @param flat all vectors of the batch, if they came as one array
   */
  constructor(dimension: number, capacity: number, flat: Float32Array | undefined) {
    this.#dimension = dimension;
    this.#vectors = new VectorColumnBuilder(dimension, capacity, flat);
  }

  get bytes(): number {
    return (
      this.#vectors.count * this.#dimension * 4 +
      this.#ids.byteLength +
      this.#metadata.byteLength +
      this.#documents.byteLength
    );
  }

  /** @param vector by itself, or the number of its row in the flat array */
  push(
    id: string,
    vector: ArrayLike<number> | number | undefined,
    metadata: string | undefined,
    document: string | undefined,
  ): void {
    this.#ids.push(id);
    this.#metadata.push(metadata);
    this.#documents.push(document);
    this.#hasVector.push(vector === undefined ? 0 : 1);
    if (vector === undefined) this.#vectors.skip();
    else if (typeof vector === 'number') this.#vectors.pushRow(vector);
    else this.#vectors.push(vector);
    if (metadata !== undefined) this.#withMetadata += 1;
    if (document !== undefined) this.#withDocument += 1;
  }

  finish(): Slice {
    const rows = this.#hasVector.length;
    const texts = (builder: TextColumnBuilder, count: number): TextColumn =>
      count === 0 ? noText() : builder.finish();
    return {
      rows,
      ids: this.#ids.finish(),
      vectors: this.#vectors.finish(),
      hasVector:
        this.#vectors.count === rows ? new Uint8Array(0) : Uint8Array.from(this.#hasVector),
      metadata: texts(this.#metadata, this.#withMetadata),
      documents: texts(this.#documents, this.#withDocument),
    };
  }
}
