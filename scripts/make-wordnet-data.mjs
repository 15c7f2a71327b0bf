// Makes www/data and benches/data out of WordNet's synsets and their embeddings.
//
//   node scripts/make-wordnet-data.mjs FOLDER
//
// FOLDER holds vectors.f16 (61,000 x 384 little-endian float16, row-major) and synsets.jsonl.gz, whose line i
// describes row i: {id, words, pos, domain, frequency, gloss}. The embedded text was the words joined by ", ",
// then ": ", then the gloss; the model all-MiniLM-L6-v2. www/data/README.md describes what comes out.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const DIMENSION = 384;
// WordNet's lexicographer files by number, lexnames(5WN). The readers hold the same list.
const DOMAINS = [
  ...'adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body'.split(
    ' ',
  ),
  ...'noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location'.split(
    ' ',
  ),
  ...'noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process'.split(
    ' ',
  ),
  ...'noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change'.split(
    ' ',
  ),
  ...'verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation'.split(
    ' ',
  ),
  ...'verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather'.split(
    ' ',
  ),
  'adj.ppl',
];

// WordNet's own letters. The offset alone is unique only within a part of speech, and the input writes adjectives and
// adverbs with the same letter.
const LETTERS = { noun: 'n', verb: 'v', adj: 'a', adv: 'r' };

const folder = process.argv[2];
if (!folder) {
  console.error(
    'usage: node scripts/make-wordnet-data.mjs FOLDER (with vectors.f16 and synsets.jsonl.gz)',
  );
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const lines = gunzipSync(readFileSync(join(folder, 'synsets.jsonl.gz')))
  .toString('utf8')
  .trimEnd()
  .split('\n');
const synsets = lines.map((line) => JSON.parse(line));
const halves = readFileSync(join(folder, 'vectors.f16'));
if (halves.length !== synsets.length * DIMENSION * 2) {
  throw new Error(
    `Expected ${synsets.length} rows of ${DIMENSION} float16; found ${halves.length} bytes.`,
  );
}

const order = synsets.map((_, row) => row);
// The most used senses first, so that a page that has read half of the file has the useful half.
const used = order.filter((row) => synsets[row].frequency > 0);
used.sort((a, b) => synsets[b].frequency - synsets[a].frequency || a - b);
const rest = order.filter((row) => synsets[row].frequency === 0);

write('www/data/vectors.bin', vectorFile(used));
write('benches/data/vectors.bin', vectorFile(rest));
const texts = {
  ids: used.map((row) => LETTERS[synsets[row].pos] + synsets[row].id.slice(1)),
  words: used.map((row) => synsets[row].words.map(plain).join(', ')),
  glosses: used.map((row) => synsets[row].gloss),
};
write('www/data/synsets.json.gz', gzipSync(JSON.stringify(texts), { level: 9 }));

/** Without WordNet's marks of where an adjective may stand: (a) before its noun, (p) after a verb, (ip) after its noun. */
function plain(word) {
  return word.replace(/\((a|p|ip)\)$/, '');
}

/** Magic, counts, then the columns rows, frequencies, domains, codes. */
function vectorFile(rows) {
  const codesAt = 16 + rows.length * 7;
  const bytes = Buffer.alloc(codesAt + rows.length * DIMENSION);
  bytes.write('KXV1', 'latin1');
  bytes.writeUInt32LE(rows.length, 4);
  bytes.writeUInt32LE(DIMENSION, 8);
  bytes.writeUInt32LE(synsets.length, 12);
  rows.forEach((row, i) => {
    const { domain, frequency } = synsets[row];
    const number = DOMAINS.indexOf(domain);
    if (number < 0) throw new Error(`Row ${row}: unknown domain ${domain}.`);
    bytes.writeUInt32LE(row, 16 + i * 4);
    bytes.writeUInt16LE(frequency, 16 + rows.length * 4 + i * 2);
    bytes.writeUInt8(number, 16 + rows.length * 6 + i);
    writeCodes(bytes, codesAt + i * DIMENSION, row);
  });
  return bytes;
}

/** Codes reach ±127 in every row. No scale is kept: the vectors are of unit length, so the codes' length is it. */
function writeCodes(bytes, at, row) {
  const values = Array.from({ length: DIMENSION }, (_, i) =>
    half(halves.readUInt16LE((row * DIMENSION + i) * 2)),
  );
  const largest = Math.max(...values.map(Math.abs));
  values.forEach((value, i) => {
    bytes.writeInt8(Math.round((value / largest) * 127), at + i);
  });
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) throw new Error('A vector holds a value that is not finite.');
  return exponent === 0
    ? sign * 2 ** -24 * fraction
    : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

function write(path, bytes) {
  writeFileSync(join(root, path), bytes);
  console.log(`${path}: ${bytes.length.toLocaleString('en')} bytes`);
}
