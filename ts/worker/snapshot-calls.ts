import { KindexError } from '../errors.js';
import type { Storages } from '../storage/choose.js';
import type { StorageAdapter } from '../storage/storage.js';
import type { MemoryBudget } from './budget.js';
import { type Entries, keyOf } from './entries.js';
import { exportParts } from './export.js';
import { type Glue, type Loader, owned } from './glue.js';
import type { HandlersOf } from './handlers.js';
import { HostCollection } from './host-collection.js';
import type { StreamToken } from './protocol.js';
import { type Place, refuseLog } from './recover.js';

/** Bytes of a part of an exported snapshot. */
const EXPORT_BYTES = 4 * 1024 * 1024;

type SnapshotCall =
  | 'beginSnapshot'
  | 'nextSnapshotPart'
  | 'endSnapshot'
  | 'beginLoad'
  | 'loadPart'
  | 'finishLoad'
  | 'cancelLoad';

interface Export {
  readonly parts: AsyncIterator<Uint8Array>;
  readonly release: () => void;
}
interface Import {
  readonly place: Place;
  readonly key: string;
  readonly loader: Loader;
  /** Read so far. */
  bytes: number;
}

/** What the calls need of their host. */
interface Owner {
  readonly glue: Glue;
  readonly storages: Storages;
  readonly entries: Entries;
  readonly budget: MemoryBudget | undefined;
  token(): number;
  place(adapter: StorageAdapter, name: string, reason: string | undefined): Promise<Place>;
}

/** The calls that write a collection out as a snapshot, and that make one of a snapshot, part by part. */
export function snapshotCalls(owner: Owner): HandlersOf<SnapshotCall> {
  const exports = new Map<StreamToken, Export>();
  const imports = new Map<StreamToken, Import>();
  const { entries, budget } = owner;
  return {
    beginSnapshot: async ({ collection: handle }) => {
      const collection = await entries.collection(handle);
      const release = await collection.writers.acquire();
      const token = owner.token();
      exports.set(token, { parts: exportParts(collection, EXPORT_BYTES), release });
      return token;
    },
    nextSnapshotPart: async ({ stream }) => {
      const { done, value } = await under(exports, stream).parts.next();
      return done ? undefined : value;
    },
    endSnapshot: async ({ stream }) => {
      exports.get(stream)?.release();
      exports.delete(stream);
      return undefined;
    },

    beginLoad: async ({ name, storage }) => {
      const { adapter, reason } = await owner.storages.resolve(storage);
      const key = keyOf(adapter, name);
      if (entries.find(key))
        throw new KindexError('DUPLICATE_ID', `collection '${name}' is already open`);
      const place = await owner.place(adapter, name, reason);
      const taken = place.store.tabs?.writing === false;
      if (taken || (place.store.durable && (await place.store.readManifest()))) {
        await place.store.close();
        throw new KindexError(
          'DUPLICATE_ID',
          `there is already a collection '${name}'; destroy it first`,
        );
      }
      // Nothing but the one that makes it writes to an empty store; the others find no manifest and wait.
      try {
        if (place.store.durable) {
          await refuseLog(place.store, name);
          await place.store.claim?.();
        }
      } catch (thrown) {
        await place.store.close();
        throw thrown;
      }
      const token = owner.token();
      imports.set(token, { place, key, loader: owner.glue.Engine.load(), bytes: 0 });
      return token;
    },
    loadPart: async ({ stream, bytes }) => {
      const load = under(imports, stream);
      const { loader, place } = load;
      if (budget) budget.push(bytes, load.bytes, loader);
      else loader.push(bytes);
      load.bytes += bytes.length;
      await place.store.append({ documents: documentChunks(loader), log: [] }, 'relaxed');
      return undefined;
    },
    finishLoad: async ({ stream }) => {
      const { loader, place, key } = under(imports, stream);
      imports.delete(stream);
      const engine = loader.finish();
      const entry = entries.add(key, () => HostCollection.adopt(place, engine));
      return entries.info(entry, await entry.collection);
    },
    cancelLoad: async ({ stream }) => {
      const load = imports.get(stream);
      imports.delete(stream);
      load?.loader.free();
      await load?.place.store.close();
      return undefined;
    },
  };
}

function under<T>(streams: Map<StreamToken, T>, token: StreamToken): T {
  const stream = streams.get(token);
  if (!stream) throw new KindexError('CLOSED', 'the snapshot has ended');
  return stream;
}

function* documentChunks(loader: Loader) {
  for (let chunk = loader.takeDocumentChunk(); chunk; chunk = loader.takeDocumentChunk()) {
    yield [chunk.number, owned(chunk.bytes)] as const;
  }
}
