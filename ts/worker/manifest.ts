import { KindexError } from '../errors.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** The newest layout of stores that this version reads. */
const FORMAT = 1;
const CHECKSUM_BYTES = 4;

/** Says what a store holds: JSON, followed by its CRC-32. */
export interface Manifest {
  readonly format: number;
  /** The engine's options, as it normalised them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The snapshot to start from. */
  readonly checkpoint: Checkpoint | undefined;
  /** The first log record that the snapshot does not cover. */
  readonly log: number;
}

export interface Checkpoint {
  /** Names the segments; never used twice, so that writing a checkpoint touches nothing of the one before. */
  readonly number: number;
  /** The collection's generation. */
  readonly generation: number;
  readonly parts: number;
  readonly bytes: number;
}

type Crc32 = (bytes: Uint8Array) => number;

export function newManifest(optionsJson: string): Manifest {
  return { format: FORMAT, options: JSON.parse(optionsJson), checkpoint: undefined, log: 0 };
}

export function encodeManifest(manifest: Manifest, crc32: Crc32): Bytes {
  const json = new TextEncoder().encode(JSON.stringify(manifest));
  const bytes = new Uint8Array(json.length + CHECKSUM_BYTES);
  bytes.set(json);
  new DataView(bytes.buffer).setUint32(json.length, crc32(json), true);
  return bytes;
}

/** @throws KindexError `CORRUPT`, `NEWER_VERSION` */
export function decodeManifest(bytes: Uint8Array, collection: string, crc32: Crc32): Manifest {
  const damaged = (what: string, cause?: unknown) =>
    new KindexError('CORRUPT', `the manifest of collection '${collection}' ${what}`, { cause });
  if (bytes.length <= CHECKSUM_BYTES) throw damaged(`has only ${bytes.length} bytes`);
  const json = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const expected = new DataView(bytes.buffer, bytes.byteOffset + json.length).getUint32(0, true);
  if (crc32(json) !== expected) throw damaged('fails its checksum');
  let manifest: Manifest;
  try {
    manifest = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw damaged('is no JSON', cause);
  }
  if (manifest.format > FORMAT) {
    throw new KindexError(
      'NEWER_VERSION',
      `collection '${collection}' has format ${manifest.format}; this version of Kindex reads up to ${FORMAT}`,
    );
  }
  return manifest;
}
