import { KindexError } from '../errors.js';
import type { PartReport, VerifyReport } from '../types.js';
import { type Engine, type Glue, isTrap } from './glue.js';
import { decodeManifest, type Manifest } from './manifest.js';
import type { Place } from './recover.js';

/** Bytes of a frame in front of its payload: tag, length, checksum. The same in every version. */
const FRAME_HEAD = 12;

/** How often it is read anew because another tab has replaced what was being read. */
const ATTEMPTS = 4;

/** Reads everything that is stored, and says of every part whether it is whole. Changes nothing. */
export async function verify(place: Place): Promise<VerifyReport> {
  for (let attempt = 1; ; attempt++) {
    const before = await place.store.readManifest();
    const report = await verifyOnce(place);
    const after = await place.store.readManifest();
    if (report.ok || attempt === ATTEMPTS || String(before) === String(after)) return report;
  }
}

async function verifyOnce(place: Place): Promise<VerifyReport> {
  const parts: PartReport[] = [];
  const note = (part: string, thrown?: unknown): boolean => {
    if (isTrap(thrown)) throw thrown;
    const message = thrown instanceof Error ? thrown.message : undefined;
    parts.push({ part, ok: thrown === undefined, ...(message !== undefined && { message }) });
    return thrown === undefined;
  };
  const engine = await rebuilt(place, note);
  const report = { records: engine?.size ?? 0, generation: engine?.generation ?? 0 };
  try {
    if (engine) {
      note(
        'index, ids and columns',
        failure(() => engine.check()),
      );
      await checkDocuments(place, engine, note);
    }
  } finally {
    engine?.free();
  }
  return { ok: parts.every(({ ok }) => ok), ...report, parts };
}

type Note = (part: string, thrown?: unknown) => boolean;

function failure(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/** The collection, as far as what comes before is whole; undefined where there is nothing to go on from. */
async function rebuilt(place: Place, note: Note): Promise<Engine | undefined> {
  const { store, glue, name } = place;
  const stored = await store.readManifest();
  let manifest: Manifest;
  try {
    if (!stored) throw new KindexError('CORRUPT', 'it is missing');
    manifest = decodeManifest(stored, name, glue.crc32);
  } catch (thrown) {
    note('manifest', thrown);
    return undefined;
  }
  note('manifest');
  let engine = await readSnapshot(place, manifest, note);
  let sequence = manifest.log;
  for await (const record of store.readLog(manifest.log)) {
    const part = `log record ${sequence}`;
    if (record.sequence !== sequence) {
      note(part, new KindexError('CORRUPT', 'it is missing'));
      engine?.free();
      return undefined;
    }
    const damage = damagedFrame(record.bytes, glue) ?? failure(() => engine?.replay(record.bytes));
    if (!note(part, damage)) {
      // What follows is checked for itself; the collection without this batch is not what was written.
      engine?.free();
      engine = undefined;
    }
    sequence += 1;
  }
  // Parts of a batch that was interrupted are no damage: it never happened.
  engine?.endReplay();
  return engine;
}

async function readSnapshot(
  { store, glue }: Place,
  { checkpoint, options }: Manifest,
  note: Note,
): Promise<Engine | undefined> {
  if (!checkpoint) return new glue.Engine(JSON.stringify(options));
  const loader = glue.Engine.load();
  try {
    let whole = true;
    let parts = 0;
    for await (const bytes of store.readSegments(checkpoint.number)) {
      const damage: unknown =
        damagedFrame(bytes, glue) ?? (whole ? failure(() => loader.push(bytes)) : undefined);
      whole = note(`snapshot part ${parts}`, damage) && whole;
      parts += 1;
    }
    for (; parts < checkpoint.parts; parts++)
      whole = note(`snapshot part ${parts}`, new KindexError('CORRUPT', 'it can not be read'));
    if (!whole) return undefined;
    let engine: Engine | undefined;
    const damage = failure(() => {
      engine = loader.finish();
    });
    if (damage !== undefined) note('snapshot', damage);
    return engine;
  } finally {
    loader.free();
  }
}

/** The first frame whose checksum is wrong, as an error. */
function damagedFrame(bytes: Uint8Array, glue: Glue): KindexError | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (let frame = 0; at < bytes.length; frame++) {
    const end =
      at + FRAME_HEAD + (at + FRAME_HEAD <= bytes.length ? view.getUint32(at + 4, true) : 0);
    if (end > bytes.length) return new KindexError('CORRUPT', `frame ${frame} is cut off`);
    // The checksum is over the frame without the checksum.
    const covered = new Uint8Array(end - at - 4);
    covered.set(bytes.subarray(at, at + 8));
    covered.set(bytes.subarray(at + FRAME_HEAD, end), 8);
    if (glue.crc32(covered) !== view.getUint32(at + 8, true))
      return new KindexError('CORRUPT', `frame ${frame} fails its checksum`);
    at = end;
  }
  return undefined;
}

/** Reads every document that a record refers to. */
async function checkDocuments({ store, glue }: Place, engine: Engine, note: Note): Promise<void> {
  const rows = new Map<number, number[]>();
  const documents = engine.documentsOf(undefined, 0, undefined);
  // Slot, chunk and row of each.
  for (let i = 0; i < documents.length; i += 3) {
    const [chunk, row] = [documents[i + 1] as number, documents[i + 2] as number];
    const known = rows.get(chunk);
    if (known) known.push(row);
    else rows.set(chunk, [row]);
  }
  for (const [chunk, wanted] of [...rows].sort(([a], [b]) => a - b)) {
    const bytes = await store.readDocuments(chunk);
    note(
      `document chunk ${chunk}`,
      bytes
        ? failure(() => wanted.map((row) => glue.readDocument(bytes, row)))
        : new KindexError('CORRUPT', `it is missing, and ${wanted.length} records refer to it`),
    );
  }
}
