import { KindexError } from '../errors.js';
import { sleep } from '../retry.js';
import type { Store } from '../storage/storage.js';
import type { RepairReport } from '../types.js';
import { chunksInUse } from './export.js';
import { type Engine, owned, type RepairGlue, type Salvage } from './glue.js';
import { decodeManifest, encodeManifest, type Manifest } from './manifest.js';

const SEGMENT_BYTES = 4 * 1024 * 1024;
/** How long one waits for a tab that is just closing the collection. */
const CLOSING_MS = 2000;
const TICK_MS = 20;

/**
 * Makes a collection anew of what is whole: graph, codes and columns from vectors and records, then the log's batches.
 * It is written as a new checkpoint beside the damaged one, and only when its manifest is there is the old one
 * deleted; an interruption leaves everything as it was.
 *
 * @throws KindexError `LOCKED` while another tab has it open; `CORRUPT` if not even manifest or options can be read
 */
export async function repair(name: string, store: Store, glue: RepairGlue): Promise<RepairReport> {
  for (let waited = 0; !store.exclusive && waited < CLOSING_MS; waited += TICK_MS)
    await sleep(TICK_MS);
  if (!store.exclusive)
    throw new KindexError('LOCKED', `collection '${name}' is open in another tab; close it there`);
  const stored = await store.readManifest();
  if (!stored) throw new KindexError('CORRUPT', `the manifest of collection '${name}' is missing`);
  const manifest = decodeManifest(stored, name, glue.crc32);
  const salvage = await snapshot(store, manifest, glue);
  let log = manifest.log;
  for await (const { sequence, bytes } of store.readLog(manifest.log)) {
    salvage.replay(bytes);
    log = sequence + 1;
  }
  for (const chunk of salvage.endLog())
    salvage.checkDocumentChunk(chunk, await store.readDocuments(chunk));
  const report: RepairReport = JSON.parse(salvage.report());
  const engine = salvage.finish();
  try {
    if (report.state !== 'ok') await replace(store, manifest, engine, log, glue);
  } finally {
    engine.free();
  }
  return report;
}

/** What the snapshot has that is whole. */
async function snapshot(store: Store, manifest: Manifest, glue: RepairGlue): Promise<Salvage> {
  const { checkpoint, options } = manifest;
  if (!checkpoint) return glue.Salvage.of(new glue.Engine(JSON.stringify(options)));
  const loader = glue.Engine.load();
  try {
    for await (const bytes of store.readSegments(checkpoint.number)) loader.push(bytes);
    return glue.Salvage.of(loader.finish());
  } catch (thrown) {
    if ((thrown as KindexError).code !== 'CORRUPT') throw thrown;
  } finally {
    loader.free();
  }
  const salvage = new glue.Salvage();
  let parts = 0;
  for await (const bytes of store.readSegments(checkpoint.number)) {
    salvage.push(bytes);
    parts += 1;
  }
  if (parts < checkpoint.parts) salvage.gap();
  salvage.endSnapshot();
  return salvage;
}

async function replace(
  store: Store,
  manifest: Manifest,
  engine: Engine,
  log: number,
  glue: RepairGlue,
): Promise<void> {
  await store.claim?.();
  // Parts that an interrupted checkpoint has left under the next number would be taken for parts of this one.
  await store.sweep({
    keepSegments: manifest.checkpoint?.number,
    logFrom: manifest.log,
    logEnd: log,
    keepDocuments: undefined,
  });
  const number = (manifest.checkpoint?.number ?? 0) + 1;
  const { generation } = engine;
  let parts = 0;
  let bytes = 0;
  engine.beginSnapshot();
  for (let part = engine.nextSnapshotPart(SEGMENT_BYTES); part; ) {
    await store.writeSegment(number, parts, owned(part));
    parts += 1;
    bytes += part.length;
    part = engine.nextSnapshotPart(SEGMENT_BYTES);
  }
  const checkpoint = { number, generation, parts, bytes };
  await store.writeManifest(encodeManifest({ ...manifest, checkpoint, log }, glue.crc32));
  await store.sweep({
    keepSegments: number,
    logFrom: log,
    logEnd: log,
    keepDocuments: chunksInUse(engine),
  });
}
