import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KindexError } from '../errors.js';
import { syncFolder } from './disk.js';
import { fileError } from './file-error.js';
import { FileStore } from './file-store.js';
import { type Lock, lockFolder } from './process-lock.js';
import type { StorageAdapter, Store } from './storage.js';

/** Where collections are kept if nothing else is said: in the working directory. */
export const DEFAULT_FOLDER = 'kindex-data';

/** Longest name of a file or folder that every system takes, in bytes. */
const FILE_NAME = 255;
/** How often a folder is made anew that somebody else is just destroying. */
const TRIES = 5;
/** Folders on their way out. No encoded name begins like this. */
const TRASH = '%trash-';

/** Collections in a folder, a folder each: for Node, Deno and Bun. */
export class FileStorage implements StorageAdapter {
  readonly kind = 'file';
  readonly #root: string;

  /** `folder`: a path or a `file:` URL; made where there is none. Default: `kindex-data` in the working directory. */
  constructor(folder: string | URL = DEFAULT_FOLDER) {
    const isUrl = folder instanceof URL || folder.startsWith('file:');
    this.#root = resolve(isUrl ? fileURLToPath(folder) : folder);
  }

  async open(name: string): Promise<Store> {
    const folder = this.#folder(name);
    try {
      const lock = await lockMade(folder, name);
      try {
        return await FileStore.open(folder, name, lock);
      } catch (thrown) {
        await lock.release();
        throw thrown;
      }
    } catch (thrown) {
      throw fileError(thrown, `opening collection '${name}'`);
    }
  }

  async list(): Promise<string[]> {
    try {
      const names: string[] = [];
      for (const entry of await readdir(this.#root)) {
        const name = decodeName(entry);
        if (name !== undefined && (await FileStore.isAt(join(this.#root, entry)))) names.push(name);
      }
      return names.sort();
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === 'ENOENT') return [];
      throw fileError(thrown, 'listing the collections');
    }
  }

  async destroy(name: string): Promise<void> {
    const folder = this.#folder(name);
    try {
      if (!(await FileStore.isAt(folder))) return;
      const lock = await lockFolder(folder, name);
      // One step ends the collection; what an interruption leaves of the others is no collection any more.
      const trash = join(this.#root, TRASH + randomUUID());
      try {
        await rename(folder, trash);
        await syncFolder(this.#root);
      } finally {
        await lock.release();
      }
      await this.#emptyTrash();
    } catch (thrown) {
      throw fileError(thrown, `deleting collection '${name}'`);
    }
  }

  /** Why files can't be used here; undefined when they can. Makes nothing. */
  async problem(): Promise<string | undefined> {
    for (let folder = this.#root; ; folder = dirname(folder)) {
      try {
        await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
        return undefined;
      } catch (thrown) {
        const { code, message } = thrown as NodeJS.ErrnoException;
        if (code !== 'ENOENT' || folder === dirname(folder))
          return `the folder ${this.#root} can't be written (${message}); see the option 'folder'`;
      }
    }
  }

  #folder(name: string): string {
    const encoded = encodeName(name);
    if (encoded.length <= FILE_NAME) return join(this.#root, encoded);
    throw new KindexError(
      'INVALID_ARGUMENT',
      `the name of collection '${name}' is too long for a folder: all but a-z, 0-9, _ and - takes three bytes a byte`,
    );
  }

  async #emptyTrash(): Promise<void> {
    for (const entry of await readdir(this.#root)) {
      if (entry.startsWith(TRASH))
        await rm(join(this.#root, entry), { recursive: true, force: true });
    }
  }
}

/** Makes the folder, if it is not there, and locks it. */
async function lockMade(folder: string, name: string): Promise<Lock> {
  for (let tries = 1; ; tries++) {
    await makeFolder(folder);
    try {
      return await lockFolder(folder, name);
    } catch (thrown) {
      // Whoever had it open has destroyed it meanwhile. Of a socket in no folder Node says EACCES.
      const { code } = thrown as NodeJS.ErrnoException;
      const gone = code === 'ENOENT' || !existsSync(folder);
      if (!gone || tries === TRIES) throw thrown;
    }
  }
}

/** Makes a folder and those above it; their names are on the disk then, as is what is synced inside. */
async function makeFolder(folder: string): Promise<void> {
  const made: string[] = [];
  for (let path = folder; !existsSync(path) && path !== dirname(path); path = dirname(path))
    made.push(path);
  await mkdir(folder, { recursive: true });
  for (const path of made) await syncFolder(dirname(path));
}

/** Some file systems take capitals and small letters for the same, and some refuse signs. */
function encodeName(name: string): string {
  return Array.from(Buffer.from(name), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[a-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}

/** undefined for what is no name of a collection. */
function decodeName(entry: string): string | undefined {
  if (!/^([a-z0-9_-]|%[0-9a-f]{2})+$/.test(entry)) return undefined;
  try {
    return decodeURIComponent(entry);
  } catch {
    return undefined;
  }
}
