import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KindexError } from '../errors.js';
import { DRAFT, syncFile, syncFolder, writeFile } from './disk.js';
import { fileError } from './file-error.js';
import { FrameFile } from './frame-file.js';
import type { Lock } from './process-lock.js';
import type { Append, Durability, Garbage, Store } from './storage.js';

type Bytes = Uint8Array<ArrayBuffer>;
type LogRecord = readonly [sequence: number, bytes: Bytes];
/** Values of which the first is known already. */
type Peekable<T> = Iterable<T> & { readonly first: T };

const MANIFEST = 'manifest';
const LOG = 'log-';
const SNAPSHOT = 'snapshot-';
const DOCUMENTS = 'documents-';
/** Digits of a number in a file's name, so that names sort as numbers do. */
const DIGITS = 12;
/** Documents are written anew when this many bytes, and more than half of all, belong to nothing any more. */
const WORTH_REWRITING = 8 * 1024 * 1024;

/**
 * One collection in one folder:
 *
 * - `manifest`, replaced by renaming;
 * - `snapshot-<generation>-<part>`, complete before the manifest names them;
 * - `log-<first record>`, one file between two checkpoints, which grows by a batch at a time;
 * - `documents-<version>`, which grows before the log does;
 * - `lock-<id>`, see {@link lockFolder}.
 */
export class FileStore implements Store {
  readonly durable = true;
  readonly exclusive = true;
  readonly #folder: string;
  readonly #name: string;
  readonly #lock: Lock;
  /** In order; all but the last wait for their deletion. */
  #logs: { readonly first: number; readonly file: FrameFile }[] = [];
  /** Opened when it is needed first: a damaged one must not keep the vectors from being searched. */
  #documents: Promise<FrameFile> | undefined;
  /** Whether files were made that the folder on the disk does not name yet. */
  #unnamed = false;
  #open = true;

  private constructor(folder: string, name: string, lock: Lock) {
    this.#folder = folder;
    this.#name = name;
    this.#lock = lock;
  }

  /** Whether there is a collection in that folder. */
  static async isAt(folder: string): Promise<boolean> {
    try {
      await stat(join(folder, MANIFEST));
      return true;
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      // That it can't be seen does not mean that it is not there.
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw thrown;
    }
  }

  /** Takes over the lock, unless it throws. */
  static async open(folder: string, name: string, lock: Lock): Promise<FileStore> {
    const store = new FileStore(folder, name, lock);
    try {
      await store.#openLogs();
      if (!(await FileStore.isAt(folder))) await store.#clear();
      return store;
    } catch (thrown) {
      await store.#closeFiles();
      throw thrown;
    }
  }

  async readManifest(): Promise<Bytes | undefined> {
    return this.#run('reading the manifest', async () => {
      if (!(await FileStore.isAt(this.#folder))) return undefined;
      return new Uint8Array(await readFile(this.#path(MANIFEST)));
    });
  }

  async writeManifest(bytes: Bytes): Promise<void> {
    await this.#run('writing the manifest', async () => {
      // What it covers and what it leaves to the documents must be on the disk before it is.
      for (const version of await this.#numbers(DOCUMENTS))
        await syncFile(this.#path(DOCUMENTS + digits(version)));
      await this.#syncFolder();
      const draft = this.#path(MANIFEST + DRAFT);
      await writeFile(draft, bytes);
      await rename(draft, this.#path(MANIFEST));
      this.#unnamed = true;
      await this.#syncFolder();
    });
  }

  async append(batch: Append, durability: Durability): Promise<void> {
    await this.#run('writing a batch', async () => {
      const strict = durability === 'strict';
      await this.#renewSuspect();
      const chunks = peekable(batch.documents);
      if (chunks) await (await this.#documentFile()).append(chunks);
      // The values of the log are asked for only now: those who make them count on the order.
      const records = peekable(batch.log);
      if (chunks && (records || strict)) {
        // A power cut may take the whole batch, but not leave it without its documents.
        await (await this.#documentFile()).sync();
        await this.#syncFolder();
      }
      if (records) await this.#appendToLog(records, strict);
      if (strict) await this.#syncFolder();
    });
  }

  async *readLog(from: number): AsyncIterable<{ sequence: number; bytes: Bytes }> {
    for (const { file } of [...this.#logs]) {
      const values = file.read(from);
      for (;;) {
        const { done, value } = await this.#run('reading the log', () => values.next());
        if (done) break;
        yield { sequence: value.number, bytes: value.bytes };
      }
    }
  }

  async writeSegment(generation: number, part: number, bytes: Bytes): Promise<void> {
    await this.#run('writing a snapshot', async () => {
      await writeFile(this.#segment(generation, part), bytes);
      this.#unnamed = true;
    });
  }

  async *readSegments(generation: number): AsyncIterable<Bytes> {
    for (let part = 0; ; part++) {
      const path = this.#segment(generation, part);
      if (!existsSync(path)) return;
      yield await this.#run(
        'reading the snapshot',
        async () => new Uint8Array(await readFile(path)),
      );
    }
  }

  async readDocuments(chunk: number): Promise<Bytes | undefined> {
    return this.#run('reading documents', async () => {
      const file = await this.#documentFile();
      try {
        return await file.get(chunk);
      } catch (thrown) {
        // A sweep may have put another file in its place, and closed this one.
        const now = await this.#documentFile();
        if (now === file) throw thrown;
        return now.get(chunk);
      }
    });
  }

  async sweep(garbage: Garbage): Promise<void> {
    await this.#run('deleting what is no longer needed', async () => {
      const kept =
        garbage.keepSegments === undefined
          ? undefined
          : `${SNAPSHOT}${digits(garbage.keepSegments)}-`;
      for (const name of await readdir(this.#folder)) {
        const old = name.startsWith(SNAPSHOT) && !(kept && name.startsWith(kept));
        if (old || name.endsWith(DRAFT)) await rm(this.#path(name), { force: true });
      }
      for (const { file } of this.#logs) await file.cut(garbage.logEnd);
      while (this.#logs[0] && (this.#logs[0].file.last ?? -1) < garbage.logFrom) {
        const [oldest] = this.#logs.splice(0, 1);
        await oldest?.file.close();
        await rm(oldest?.file.path as string, { force: true });
      }
      if (garbage.keepDocuments) await this.#shrinkDocuments(garbage.keepDocuments);
    });
  }

  async reopen(): Promise<void> {
    await this.#run('reopening', async () => {
      await this.#renewSuspect();
      await this.#closeFiles();
      await this.#openLogs();
    });
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#closeFiles();
    await this.#lock.release();
  }

  /**
   * Deletes what an interrupted creation or load has left: documents, and parts of a first checkpoint. Anything else
   * has had a manifest, and stays for whoever can bring that back.
   */
  async #clear(): Promise<void> {
    if (this.#logs.some(({ file }) => file.last !== undefined)) return;
    const names = await readdir(this.#folder);
    const later = names.find((name) => Number(name.split('-')[1]) > 1 && name.startsWith(SNAPSHOT));
    if (later !== undefined) {
      const message = `the manifest of collection '${this.#name}' is missing, and there is ${later}`;
      throw new KindexError('CORRUPT', message);
    }
    await this.#closeFiles();
    for (const name of names) {
      const ours = [LOG, SNAPSHOT, DOCUMENTS].some((prefix) => name.startsWith(prefix));
      if (ours || name.endsWith(DRAFT)) await rm(this.#path(name), { force: true });
    }
  }

  async #openLogs(): Promise<void> {
    for (const first of await this.#numbers(LOG)) {
      this.#logs.push({
        first,
        file: await FrameFile.open(this.#path(LOG + digits(first)), first),
      });
    }
  }

  /** Appends a batch, or leaves the log as it was. */
  async #appendToLog(records: Peekable<LogRecord>, strict: boolean): Promise<void> {
    const [sequence] = records.first;
    const log = await this.#logFor(sequence);
    await log.append(ascending(records, log.last));
    if (!strict) return;
    try {
      await log.sync();
    } catch (thrown) {
      // Found by the next to look, it would pass for one that the disk has.
      await log.cut(sequence).catch(() => {});
      throw thrown;
    }
  }

  /** Sees to it that files that could not be synced are on the disk before anything is added to them. */
  async #renewSuspect(): Promise<void> {
    const documents = await this.#documents?.catch(() => undefined);
    for (const file of [documents, ...this.#logs.map(({ file }) => file)]) {
      if (!file?.suspect) continue;
      await file.renew();
      this.#unnamed = true;
      await this.#syncFolder();
    }
  }

  /** The log file that takes this record. After a checkpoint it is a new one. */
  async #logFor(sequence: number): Promise<FrameFile> {
    const last = this.#logs.at(-1);
    if (last) return last.file;
    const file = await FrameFile.open(this.#path(LOG + digits(sequence)), sequence);
    this.#logs.push({ first: sequence, file });
    this.#unnamed = true;
    return file;
  }

  #documentFile(): Promise<FrameFile> {
    this.#documents ??= this.#openDocuments().catch((thrown) => {
      this.#documents = undefined;
      throw thrown;
    });
    return this.#documents;
  }

  async #openDocuments(): Promise<FrameFile> {
    const versions = await this.#numbers(DOCUMENTS);
    const newest = versions.pop() ?? 0;
    this.#unnamed = true;
    if (versions.length > 0) await this.#syncFolder();
    for (const version of versions) await rm(this.#path(DOCUMENTS + digits(version)));
    return FrameFile.open(this.#path(DOCUMENTS + digits(newest)));
  }

  /** Writes the chunks that are still needed into a new file, which counts from its renaming on. */
  async #shrinkDocuments(needed: ReadonlySet<number>): Promise<void> {
    const version = (await this.#numbers(DOCUMENTS)).pop();
    if (version === undefined) return;
    const old = await this.#documentFile();
    const dead = old.bytes - old.bytesOf(needed);
    if (dead < Math.max(WORTH_REWRITING, old.bytes / 2)) return;
    const path = this.#path(DOCUMENTS + digits(version + 1));
    const draft = await FrameFile.open(path + DRAFT);
    try {
      await draft.append(chunksOf(old, needed));
      await draft.sync();
    } finally {
      await draft.close();
    }
    await rename(path + DRAFT, path);
    // From here on the new one counts. Opening it removes the old one.
    this.#documents = undefined;
    await old.close();
    await this.#documentFile();
  }

  /** Numbers in the names of the files of a kind, ascending. */
  async #numbers(prefix: string): Promise<number[]> {
    const pattern = new RegExp(`^${prefix}(\\d{${DIGITS}})$`);
    const names = (await readdir(this.#folder)).sort();
    return names.flatMap((name) => {
      const found = pattern.exec(name);
      return found ? [Number(found[1])] : [];
    });
  }

  async #closeFiles(): Promise<void> {
    const files = this.#logs.splice(0).map(({ file }) => file);
    const documents = await this.#documents?.catch(() => undefined);
    this.#documents = undefined;
    if (documents) files.push(documents);
    for (const file of files) await file.close().catch(() => {});
  }

  /** A file is on the disk for good once its folder is, too. */
  async #syncFolder(): Promise<void> {
    if (!this.#unnamed) return;
    await syncFolder(this.#folder);
    this.#unnamed = false;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #segment(generation: number, part: number): string {
    return this.#path(`${SNAPSHOT}${digits(generation)}-${digits(part)}`);
  }

  async #run<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw new KindexError('CLOSED', `collection '${this.#name}' is closed`);
    try {
      return await work();
    } catch (thrown) {
      throw fileError(thrown, `${doing} of collection '${this.#name}'`);
    }
  }
}

const digits = (number: number) => String(number).padStart(DIGITS, '0');

/** The values, of which the first is already known; undefined where there are none. */
function peekable<T>(values: Iterable<T>): Peekable<T> | undefined {
  const iterator = values[Symbol.iterator]();
  const { done, value: first } = iterator.next();
  if (done) return undefined;
  return {
    first,
    *[Symbol.iterator]() {
      yield first;
      for (let next = iterator.next(); !next.done; next = iterator.next()) yield next.value;
    },
  };
}

async function* chunksOf(file: FrameFile, numbers: ReadonlySet<number>) {
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const bytes = await file.get(number);
    if (bytes) yield [number, bytes] as const;
  }
}

function* ascending(records: Iterable<LogRecord>, last: number | undefined): Iterable<LogRecord> {
  let newest = last ?? -1;
  for (const record of records) {
    if (record[0] <= newest)
      throw new KindexError('CONFLICT', `log record ${record[0]} is already there`);
    newest = record[0];
    yield record;
  }
}
