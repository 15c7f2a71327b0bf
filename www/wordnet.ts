/**
 * Reads the WordNet files of the demo and the benchmarks. The layout is described in `www/data/README.md`;
 * nothing here touches the page, so the browser benchmark and the tests use it too.
 */

/** WordNet's lexicographer files, by the number the data file stores (see lexnames(5WN)). */
export const DOMAINS: readonly string[] = `
  adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body
  noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location
  noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process
  noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change
  verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation
  verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather
  adj.ppl
`
  .trim()
  .split(/\s+/);

/** Rows of `www/data/vectors.bin`: the synsets that the demo's dictionary holds. */
export const DICTIONARY_ROWS = 27_210;
export const DIMENSION = 384;

export type PartOfSpeech = 'noun' | 'verb' | 'adj' | 'adv';

const MAGIC = 'KXV1';
const HEADER_BYTES = 16;

/** The columns of a vector file. `codes` is row-major, `count * dimension` long. */
export interface VectorFile {
  count: number;
  dimension: number;
  /** Rows of the whole data set, of which this file holds `count`. */
  total: number;
  /** Place of each row in the whole data set. */
  rows: Uint32Array;
  /** How often the sense was tagged in WordNet's corpora. */
  frequencies: Uint16Array;
  /** Index into {@link DOMAINS}. */
  domains: Uint8Array;
  codes: Int8Array;
}

/** Counts and offsets, known from the first sixteen bytes, so that rows can be used while the rest is under way. */
export interface VectorLayout {
  count: number;
  dimension: number;
  total: number;
  codesAt: number;
  bytes: number;
}

/** @throws Error if the bytes do not start like a vector file. */
export function readLayout(bytes: Uint8Array): VectorLayout {
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (bytes.length < HEADER_BYTES || magic !== MAGIC) {
    throw new Error(
      `Expected a vector file that starts with ${MAGIC}; found ${JSON.stringify(magic)}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const count = view.getUint32(4, true);
  const dimension = view.getUint32(8, true);
  const total = view.getUint32(12, true);
  const codesAt = HEADER_BYTES + count * 7;
  return { count, dimension, total, codesAt, bytes: codesAt + count * dimension };
}

/** @throws Error if the length is not exactly what the header says, or a column is out of range. */
export function readVectorFile(bytes: Uint8Array): VectorFile {
  const { count, dimension, total, codesAt, bytes: expected } = readLayout(bytes);
  if (bytes.length !== expected) {
    throw new Error(
      `Expected ${expected} bytes for ${count} rows of ${dimension}; found ${bytes.length}.`,
    );
  }
  const { rows, frequencies, domains } = readColumns(bytes, { count, total });
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset + codesAt, count * dimension);
  return { count, dimension, total, rows, frequencies, domains, codes };
}

/** The three columns in front of the codes; `bytes` must hold the file at least up to the codes. */
export function readColumns(
  bytes: Uint8Array,
  { count, total }: Pick<VectorLayout, 'count' | 'total'>,
): Pick<VectorFile, 'rows' | 'frequencies' | 'domains'> {
  // Copied, because typed arrays want aligned offsets and a little-endian reader everywhere.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = new Uint32Array(count);
  const frequencies = new Uint16Array(count);
  const domains = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const row = view.getUint32(HEADER_BYTES + i * 4, true);
    const domain = view.getUint8(HEADER_BYTES + count * 6 + i);
    if (row >= total) throw new Error(`Row ${i}: its place ${row} is not below ${total}.`);
    if (domain >= DOMAINS.length) throw new Error(`Row ${i}: unknown domain ${domain}.`);
    rows[i] = row;
    frequencies[i] = view.getUint16(HEADER_BYTES + count * 4 + i * 2, true);
    domains[i] = domain;
  }
  return { rows, frequencies, domains };
}

/** Widens whole rows of codes to float32 vectors of unit length. */
export function unitVectors(codes: Int8Array, dimension: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(codes.length);
  for (let start = 0; start < codes.length; start += dimension) {
    const row = codes.subarray(start, start + dimension);
    let squares = 0;
    for (const code of row) squares += code * code;
    const scale = 1 / Math.sqrt(squares);
    row.forEach((code, i) => {
      out[start + i] = code * scale;
    });
  }
  return out;
}

/**
 * Puts files that together hold every row back into the order of the whole data set.
 *
 * @returns `total * dimension` float32 values, each row of unit length.
 * @throws Error if a row is missing or comes twice.
 */
export function joinVectorFiles(first: VectorFile, ...others: VectorFile[]): Float32Array {
  const { total, dimension } = first;
  const all = new Float32Array(total * dimension);
  const seen = new Uint8Array(total);
  for (const { codes, rows } of [first, ...others]) {
    const units = unitVectors(codes, dimension);
    rows.forEach((row, i) => {
      if (seen[row]) throw new Error(`Row ${row} comes twice.`);
      seen[row] = 1;
      all.set(units.subarray(i * dimension, (i + 1) * dimension), row * dimension);
    });
  }
  const missing = seen.indexOf(0);
  if (missing >= 0) throw new Error(`Row ${missing} of ${total} is in none of the files.`);
  return all;
}

/** Id, words and gloss of each row of the page's vector file, in its order. */
export interface SynsetTexts {
  ids: string[];
  /** The synset's words joined by ", ". */
  words: string[];
  glosses: string[];
}

/** Reads `synsets.json.gz`; some servers unpack such files on the way, so plain JSON is fine too. */
export async function readTexts(bytes: Uint8Array<ArrayBuffer>): Promise<SynsetTexts> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const stream = new Blob([bytes]).stream();
  const plain = packed ? stream.pipeThrough(new DecompressionStream('gzip')) : stream;
  const texts = (await new Response(plain).json()) as SynsetTexts;
  const { ids, words, glosses } = texts;
  if (!Array.isArray(ids) || words?.length !== ids.length || glosses?.length !== ids.length) {
    throw new Error('Expected ids, words and glosses of one length in the texts of the synsets.');
  }
  return texts;
}

export function partOfSpeech(domain: string): PartOfSpeech {
  return domain.slice(0, domain.indexOf('.')) as PartOfSpeech;
}
