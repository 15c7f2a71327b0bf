import { KindexError } from '../errors.js';
import type { Store } from '../storage/storage.js';
import type { Engine, Glue } from './glue.js';
import { type Checkpoint, decodeManifest, type Manifest } from './manifest.js';
import type { HostProgress } from './protocol.js';

/** Where a collection lives. */
export interface Place {
  readonly name: string;
  readonly store: Store;
  readonly storageKind: string;
  readonly storageReason: string | undefined;
  readonly glue: Glue;
  /** Whether memory is scarce: nothing is held that can be done without. */
  readonly lean: boolean;
}

/** A collection in memory, and how far in storage it goes. */
export interface State {
  engine: Engine;
  manifest: Manifest;
  /** The next sequence number of the log. */
  sequence: number;
  /** Bytes of the log since the checkpoint. */
  logBytes: number;
}

/** How often a collection is read anew because another tab has replaced what was being read. */
const ATTEMPTS = 8;

/**
 * Reads what is stored: the newest checkpoint, then the log through ordinary batch insertion.
 *
 * @param check refuses the stored options before anything large is read
 * @returns undefined if the store is empty
 * @throws KindexError `CORRUPT` that names the part, `NEWER_VERSION`
 */
export async function recover(
  place: Place,
  check: (manifest: Manifest) => void,
  report: (progress: HostProgress) => void,
): Promise<State | undefined> {
  const { store, name, glue } = place;
  for (let attempt = 1; ; attempt++) {
    const stored = await store.readManifest();
    if (!stored) return undefined;
    const manifest = decodeManifest(stored, name, glue.crc32);
    check(manifest);
    try {
      return await rebuild(place, manifest, report);
    } catch (thrown) {
      // Where another tab writes, a new checkpoint may have taken the place of the one that was being read.
      const now = await store.readManifest();
      if (attempt === ATTEMPTS || !now || equal(now, stored)) throw thrown;
    }
  }
}

async function rebuild(
  place: Place,
  manifest: Manifest,
  report: (progress: HostProgress) => void,
): Promise<State> {
  const engine = manifest.checkpoint
    ? await readCheckpoint(place, manifest.checkpoint, report)
    : new place.glue.Engine(JSON.stringify(manifest.options));
  const state: State = { engine, manifest, sequence: manifest.log, logBytes: 0 };
  try {
    if (!(await replayLog(place, state))) throw missingRecord(place.name, state.sequence);
    return state;
  } catch (thrown) {
    // After a trap not even that works, and the instance is given up anyhow.
    if (!(thrown instanceof WebAssembly.RuntimeError)) engine.free();
    throw thrown;
  }
}

/** Applies what is stored beyond the state. Whoever calls this keeps everybody else from changing the collection. */
export async function catchUp(place: Place, state: State): Promise<void> {
  const { store, name, glue } = place;
  const stored = await store.readManifest();
  if (!stored) throw new KindexError('CLOSED', `collection '${name}' is gone`);
  const manifest = decodeManifest(stored, name, glue.crc32);
  if (manifest.log <= state.sequence && (await replayLog(place, state))) {
    if (manifest.checkpoint?.number !== state.manifest.checkpoint?.number) state.logBytes = 0;
    state.manifest = manifest;
    return;
  }
  // The one that writes has put a checkpoint in the place of batches that were not read here.
  const fresh = await recover(
    place,
    () => {},
    () => {},
  );
  if (!fresh) throw missingRecord(name, state.sequence);
  const { engine } = state;
  Object.assign(state, fresh);
  engine.free();
}

/**
 * Applies the log from where the state ends. Parts of a batch that was never completed are passed over.
 *
 * @returns whether the log goes on where the state ends; if not, nothing has changed from there on
 */
async function replayLog({ store, name }: Place, state: State): Promise<boolean> {
  let whole = true;
  for await (const { sequence, bytes } of store.readLog(state.sequence)) {
    whole = sequence === state.sequence;
    if (!whole) break;
    naming(`log record ${sequence}`, name, () => state.engine.replay(bytes));
    state.sequence += 1;
    state.logBytes += bytes.length;
  }
  state.sequence -= state.engine.endReplay();
  return whole;
}

/**
 * Batches are there only where a manifest was, and such a place is none to begin anew.
 *
 * @throws KindexError `CORRUPT` if there is a log. Called where there is no manifest
 */
export async function refuseLog(store: Store, name: string): Promise<void> {
  for await (const { sequence } of store.readLog(0)) {
    throw new KindexError(
      'CORRUPT',
      `the manifest of collection '${name}' is missing, and its log begins at record ${sequence}`,
    );
  }
}

function missingRecord(name: string, sequence: number): KindexError {
  return new KindexError('CORRUPT', `log record ${sequence} of collection '${name}' is missing`);
}

async function readCheckpoint(
  { store, glue, name }: Place,
  checkpoint: Checkpoint,
  report: (progress: HostProgress) => void,
): Promise<Engine> {
  const loader = glue.Engine.load();
  let parts = 0;
  let done = 0;
  try {
    for await (const bytes of store.readSegments(checkpoint.number)) {
      naming(`part ${parts} of the snapshot`, name, () => loader.push(bytes));
      parts += 1;
      done += bytes.length;
      report({ phase: 'load', done, total: checkpoint.bytes });
    }
    if (parts === checkpoint.parts && done === checkpoint.bytes) return loader.finish();
    throw new KindexError(
      'CORRUPT',
      `the snapshot of collection '${name}' has ${parts} parts of ${done} bytes; ` +
        `${checkpoint.parts} parts of ${checkpoint.bytes} bytes were written`,
    );
  } finally {
    loader.free();
  }
}

/** Damage is reported with the part that has it. */
function naming(part: string, collection: string, work: () => unknown): void {
  try {
    work();
  } catch (thrown) {
    const { code, message } = thrown as KindexError;
    if (code !== 'CORRUPT') throw thrown;
    const text = `${part} of collection '${collection}': ${message}`;
    throw new KindexError('CORRUPT', text, { cause: thrown });
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
