import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { KindexError } from '../errors.js';
import { DRAFT, readAll, writeAll } from './disk.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** What a file begins with: eight letters, then the version as u32 and four zeros. */
const MAGIC = 'KINDEX-F';
const VERSION = 1;
const HEAD_BYTES = 16;

/** Before each value, little-endian: mark u32, bits u32, number u64, length u32, CRC-32 of the value u32, CRC-32 of
 *  these 24 bytes u32. */
const FRAME_BYTES = 28;
const MARK = Buffer.from('FRAM', 'latin1');
const FRAME_MARK = MARK.readUInt32LE();
/** The last frame of what was appended together; frames that none follows were never there. */
const LAST = 1;

/** Bytes read at once while looking for frames. */
const READ_AHEAD = 256 * 1024;
/** A value up to this size is written together with its frame. */
const SMALL = 64 * 1024;
/** As many zeros at the end are a sign that a power cut came between the length of the file and its data. */
const TELLING_ZEROS = 64;

/** Where a value is. */
interface Frame {
  readonly number: number;
  /** Where its frame begins. */
  readonly start: number;
  readonly offset: number;
  readonly length: number;
  /** Undefined of bytes that should have been frames, and are none. */
  readonly checksum: number | undefined;
}

/**
 * A file that only grows: numbered values, of which those that were appended together are there together or not at
 * all. One process has it open.
 */
export class FrameFile {
  readonly path: string;
  #handle: FileHandle;
  readonly #frames: Frame[];
  /** The newest of each number. */
  readonly #newest: Map<number, Frame>;
  /** Where what counts ends, and the next append begins. */
  #end: number;
  /** Whether something that does not count may follow. */
  #ragged: boolean;
  #unsynced = false;
  #suspect = false;

  private constructor(path: string, handle: FileHandle, frames: Frame[], end: number) {
    this.path = path;
    this.#handle = handle;
    this.#frames = frames;
    const whole = frames.filter(({ checksum }) => checksum !== undefined);
    this.#newest = new Map(whole.map((frame) => [frame.number, frame]));
    this.#end = end;
    this.#ragged = true;
  }

  /**
   * Opens the file, or makes it. Bytes that no frame was found in stand in the place of a value: of the one whose turn
   * it was, which begins with `first`.
   *
   * @throws KindexError `CORRUPT` of the head, `NEWER_VERSION`; errors of the system
   */
  static async open(path: string, first = 0): Promise<FrameFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
    try {
      const { size } = await handle.stat();
      // Of a file that has nothing but zeros, a power cut has left its length and no data.
      if (size < HEAD_BYTES || (await new Reader(handle).zeros(0, size))) {
        await handle.truncate(0);
        await writeAll(handle, fileHead(), 0);
        return new FrameFile(path, handle, [], HEAD_BYTES);
      }
      const { frames, end } = await scan(path, new Reader(handle), size, first);
      return new FrameFile(path, handle, frames, end);
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** The number of the last value. */
  get last(): number | undefined {
    return this.#frames.at(-1)?.number;
  }

  /** Bytes up to the last value. */
  get bytes(): number {
    return this.#end;
  }

  /** Bytes of the newest values of these numbers. */
  bytesOf(numbers: ReadonlySet<number>): number {
    let bytes = 0;
    for (const [number, { length }] of this.#newest) if (numbers.has(number)) bytes += length;
    return bytes;
  }

  /** Values from a number on, as they are: whoever wrote them has put a checksum inside. */
  async *read(from: number): AsyncGenerator<{ number: number; bytes: Bytes }> {
    for (const frame of this.#frames)
      if (frame.number >= from) yield { number: frame.number, bytes: await this.#value(frame) };
  }

  /** The value that was appended last under that number. */
  async get(number: number): Promise<Bytes | undefined> {
    const frame = this.#newest.get(number);
    return frame && this.#value(frame);
  }

  /** Appends all of them, or none. The values are taken one by one. */
  async append(
    values:
      | Iterable<readonly [number: number, bytes: Bytes]>
      | AsyncIterable<readonly [number: number, bytes: Bytes]>,
  ): Promise<void> {
    await this.#trim();
    const added: Frame[] = [];
    let at = this.#end;
    let waiting: readonly [number, Bytes] | undefined;
    this.#ragged = true;
    const write = async ([number, bytes]: readonly [number, Bytes], bits: number) => {
      const checksum = crc32(bytes);
      const head = frameHead(bits, number, bytes.length, checksum);
      if (bytes.length <= SMALL) {
        await writeAll(this.#handle, Buffer.concat([head, bytes]), at);
      } else {
        await writeAll(this.#handle, head, at);
        await writeAll(this.#handle, bytes, at + FRAME_BYTES);
      }
      added.push({ number, start: at, offset: at + FRAME_BYTES, length: bytes.length, checksum });
      at += FRAME_BYTES + bytes.length;
    };
    try {
      for await (const value of values) {
        if (waiting) await write(waiting, 0);
        waiting = value;
      }
      if (waiting) await write(waiting, LAST);
    } catch (thrown) {
      // If this fails as well, the next append tries again before it writes.
      await this.#trim().catch(() => {});
      throw thrown;
    }
    this.#ragged = false;
    if (added.length === 0) return;
    for (const frame of added) {
      this.#frames.push(frame);
      this.#newest.set(frame.number, frame);
    }
    this.#end = at;
    this.#unsynced = true;
  }

  /** Drops the values from that number on, which must be the last ones. */
  async cut(from: number): Promise<void> {
    const first = this.#frames.findIndex(({ number }) => number >= from);
    if (first < 0) return;
    this.#end = (this.#frames[first] as Frame).start;
    for (const { number } of this.#frames.splice(first)) this.#newest.delete(number);
    this.#ragged = true;
    await this.#trim();
  }

  /**
   * Waits until the disk has it. When that fails, nobody can say what the disk has, not even a second attempt: what is
   * to be relied on from then on needs {@link renew} first.
   */
  async sync(): Promise<void> {
    if (!this.#unsynced) return;
    this.#suspect = true;
    await this.#handle.datasync();
    this.#suspect = false;
    this.#unsynced = false;
  }

  /** Whether the system has failed to bring it to the disk. */
  get suspect(): boolean {
    return this.#suspect;
  }

  /** Writes all of it into a new file, and renames that when the disk has it. */
  async renew(): Promise<void> {
    const handle = await open(this.path + DRAFT, 'w+');
    try {
      for (let at = 0; at < this.#end; at += READ_AHEAD) {
        const block = new Uint8Array(Math.min(READ_AHEAD, this.#end - at));
        await readAll(this.#handle, block, at);
        await writeAll(handle, block, at);
      }
      await handle.datasync();
      await rename(this.path + DRAFT, this.path);
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
    const old = this.#handle;
    this.#handle = handle;
    this.#ragged = false;
    this.#suspect = false;
    this.#unsynced = false;
    await old.close();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #trim(): Promise<void> {
    if (!this.#ragged) return;
    await this.#handle.truncate(this.#end);
    this.#ragged = false;
  }

  async #value({ offset, length }: Frame): Promise<Bytes> {
    const bytes = new Uint8Array(length);
    await readAll(this.#handle, bytes, offset);
    return bytes;
  }
}

/** Finds the frames; what an interrupted append has left at the end does not count. */
async function scan(
  path: string,
  reader: Reader,
  size: number,
  first: number,
): Promise<{ frames: Frame[]; end: number }> {
  const head = await reader.bytes(0, HEAD_BYTES);
  if (Buffer.from(head.subarray(0, 8)).toString('latin1') !== MAGIC)
    throw damaged(path, `does not begin with ${MAGIC}`);
  const version = view(head).getUint32(8, true);
  if (version > VERSION) {
    const message = `${path} has version ${version}; this version of Kindex reads up to ${VERSION}`;
    throw new KindexError('NEWER_VERSION', message);
  }
  const frames: Frame[] = [];
  /** Where what was appended together ends: its frames, its bytes. */
  const ends: [frames: number, bytes: number][] = [[0, HEAD_BYTES]];
  for (let at = HEAD_BYTES; at + FRAME_BYTES <= size; ) {
    const fields = await reader.head(at);
    if (!fields) {
      // Some file systems leave zeros where a power cut came between the length and the data.
      if (await reader.zeros(at, size)) break;
      const next = await reader.nextHead(at + 1, size);
      const number = (frames.at(-1)?.number ?? first - 1) + 1;
      frames.push({ number, start: at, offset: at, length: next - at, checksum: undefined });
      // A mark that something was complete may have been among it.
      ends.push([frames.length, next]);
      at = next;
      continue;
    }
    const length = fields.getUint32(16, true);
    const offset = at + FRAME_BYTES;
    if (offset + length > size) break;
    const number = Number(fields.getBigUint64(8, true));
    frames.push({ number, start: at, offset, length, checksum: fields.getUint32(20, true) });
    at = offset + length;
    if ((fields.getUint32(4, true) & LAST) === 0) continue;
    ends.push([frames.length, at]);
  }
  for (;;) {
    const [complete, end] = ends.pop() as [number, number];
    frames.splice(complete);
    const last = frames.slice(ends.at(-1)?.[0] ?? 0);
    if (last.length === 0 || !(await isTorn(reader, last, end))) return { frames, end };
  }
}

/** Whether a power cut has left the frames of what was appended last, and not all of their values. */
async function isTorn(reader: Reader, last: readonly Frame[], end: number): Promise<boolean> {
  if (last.some(({ checksum }) => checksum === undefined)) return false;
  if (!(await reader.zeros(end - TELLING_ZEROS, end))) return false;
  for (const { offset, length, checksum } of last)
    if (crc32(await reader.bytes(offset, length)) !== checksum) return true;
  return false;
}

/** Reads ahead, because frames may be small and many. */
class Reader {
  readonly #handle: FileHandle;
  #block: Bytes = new Uint8Array(0);
  #at = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async bytes(at: number, length: number): Promise<Bytes> {
    if (at < this.#at || at + length > this.#at + this.#block.length) {
      const block = new Uint8Array(Math.max(length, READ_AHEAD));
      this.#block = block.subarray(0, await readAll(this.#handle, block, at));
      this.#at = at;
    }
    return this.#block.subarray(at - this.#at, at - this.#at + length);
  }

  /** The fields of a frame; undefined where there is none. */
  async head(at: number): Promise<DataView | undefined> {
    const bytes = await this.bytes(at, FRAME_BYTES);
    if (bytes.length < FRAME_BYTES) return undefined;
    const fields = view(bytes);
    const sound = fields.getUint32(24, true) === crc32(bytes.subarray(0, 24));
    return sound && fields.getUint32(0, true) === FRAME_MARK ? fields : undefined;
  }

  /** Where the next frame begins; the end, if there is none. */
  async nextHead(from: number, end: number): Promise<number> {
    for (let at = from; at + FRAME_BYTES <= end; ) {
      const block = await this.bytes(at, Math.min(READ_AHEAD, end - at));
      const found = Buffer.from(block.buffer, block.byteOffset, block.length).indexOf(MARK);
      if (found >= 0 && (await this.head(at + found))) return at + found;
      // A mark may lie across the end of the block.
      at += found >= 0 ? found + 1 : Math.max(1, block.length - MARK.length + 1);
    }
    return end;
  }

  async zeros(from: number, to: number): Promise<boolean> {
    for (let at = from; at < to; at += READ_AHEAD) {
      const block = await this.bytes(at, Math.min(READ_AHEAD, to - at));
      if (block.some((byte) => byte !== 0)) return false;
    }
    return true;
  }
}

function fileHead(): Bytes {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(Buffer.from(MAGIC, 'latin1'));
  view(head).setUint32(8, VERSION, true);
  return head;
}

function frameHead(bits: number, number: number, length: number, checksum: number): Bytes {
  const head = new Uint8Array(FRAME_BYTES);
  const fields = view(head);
  fields.setUint32(0, FRAME_MARK, true);
  fields.setUint32(4, bits, true);
  fields.setBigUint64(8, BigInt(number), true);
  fields.setUint32(16, length, true);
  fields.setUint32(20, checksum, true);
  fields.setUint32(24, crc32(head.subarray(0, 24)), true);
  return head;
}

const view = (bytes: Bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const damaged = (path: string, what: string) => new KindexError('CORRUPT', `${path}: ${what}`);
