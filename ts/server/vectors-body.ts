import { RequestError } from './status.js';

/**
 * The media type of a body whose vectors are binary. All numbers little-endian:
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 4 | the letters `KXVB` |
 * | 4 | 2 | version, 1 |
 * | 6 | 2 | zero |
 * | 8 | 4 | `n`, vectors |
 * | 12 | 4 | `d`, numbers of a vector |
 * | 16 | 4 | `h`, bytes of the head |
 * | 20 | h | the head: the body as JSON in UTF-8, without its vectors |
 * | 20 + h | 0 to 3 | zeros, up to a multiple of 4 |
 * | | 4 n d | the vectors, row after row, as 32-bit floats |
 *
 * Nothing follows.
 */
export const VECTORS_TYPE = 'application/vnd.kindex.vectors';

const MAGIC = 0x4256_584b; // 'KXVB'
const VERSION = 1;
const HEADER_BYTES = 20;

/** A body with binary vectors, taken apart. */
export interface VectorsBody {
  /** The head, still as bytes of JSON. */
  readonly head: Uint8Array;
  readonly count: number;
  readonly dimension: number;
  /** `count x dimension` numbers, row-major. */
  readonly vectors: Float32Array<ArrayBuffer>;
}

/** Makes a body of type {@link VECTORS_TYPE}, for clients in JavaScript. */
export function encodeVectors(
  head: object,
  vectors: Float32Array,
  dimension: number,
): Uint8Array<ArrayBuffer> {
  const count = dimension > 0 ? vectors.length / dimension : 0;
  if (!Number.isInteger(count)) {
    throw new RangeError(
      `${vectors.length} numbers are no whole number of vectors of dimension ${dimension}`,
    );
  }
  const json = new TextEncoder().encode(JSON.stringify(head));
  const start = aligned(HEADER_BYTES + json.length);
  const body = new Uint8Array(start + vectors.length * 4);
  const view = new DataView(body.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint32(8, count, true);
  view.setUint32(12, dimension, true);
  view.setUint32(16, json.length, true);
  body.set(json, HEADER_BYTES);
  for (const [i, value] of vectors.entries()) view.setFloat32(start + i * 4, value, true);
  return body;
}

/**
 * Takes such a body apart. Every length is compared with the bytes that are there before anything is allocated.
 *
 * @throws RequestError `INVALID_ARGUMENT`
 */
export function decodeVectors(body: Uint8Array<ArrayBuffer>): VectorsBody {
  if (body.length < HEADER_BYTES) {
    throw bad(`it has ${body.length} bytes, but its header alone has ${HEADER_BYTES}`);
  }
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw bad("it does not begin with 'KXVB'");
  const version = view.getUint16(4, true);
  if (version !== VERSION) throw bad(`its version is ${version}, but only ${VERSION} is known`);
  if (view.getUint16(6, true) !== 0) throw bad('bytes 6 and 7 must be zero');
  const count = view.getUint32(8, true);
  const dimension = view.getUint32(12, true);
  const headBytes = view.getUint32(16, true);
  const start = aligned(HEADER_BYTES + headBytes);
  // Below 2^66, so a float can be off by less than the sum of what a body could have.
  const expected = start + count * dimension * 4;
  if (expected !== body.length) {
    throw bad(
      `a head of ${headBytes} bytes and ${count} x ${dimension} numbers make ${expected} bytes, but it has ${body.length}`,
    );
  }
  for (let at = HEADER_BYTES + headBytes; at < start; at++) {
    if (body[at] !== 0) throw bad('the bytes between head and vectors must be zero');
  }
  const vectors = new Float32Array(count * dimension);
  for (let i = 0; i < vectors.length; i++) vectors[i] = view.getFloat32(start + i * 4, true);
  return {
    head: body.subarray(HEADER_BYTES, HEADER_BYTES + headBytes),
    count,
    dimension,
    vectors,
  };
}

const aligned = (bytes: number) => Math.ceil(bytes / 4) * 4;
const bad = (why: string) =>
  new RequestError('INVALID_ARGUMENT', `the body is not of type ${VECTORS_TYPE}: ${why}`);
