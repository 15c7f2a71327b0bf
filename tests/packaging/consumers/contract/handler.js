// What the contract is tested on: a collection to write to, and a place for snapshots.
import { Collection } from 'kindex';
import { bearerToken, createHandler } from 'kindex/server';

export function makeHandler(token) {
  return createHandler({
    open: (name) =>
      name === 'words' ? Collection.open(name, { dimension: 3, storage: 'memory' }) : undefined,
    load: (name, snapshot) => Collection.load(snapshot, { name }),
    maxBodyBytes: 100_000,
    maxSnapshotBytes: 30_000,
    authorize: bearerToken(token),
  });
}
