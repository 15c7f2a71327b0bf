/** A collection that a test does its worst to, in pages whose workers it may change. */
import type { BrowserContext, Page } from 'playwright-core';
import type { Collection } from '../../ts/index.js';
import { openPage } from './support.js';

declare global {
  var faulty: Collection<{ n: number }>;
  var errors: string[];
}

/** A page whose worker runs `prelude` before anything of the package. */
export async function pageWith(context: BrowserContext, url: string, prelude = ''): Promise<Page> {
  if (prelude) {
    await context.route(/\/worker(-single)?\.js$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${prelude}\n${await response.text()}` });
    });
  }
  return openPage(context, url);
}

/** Opens the collection as `faulty`; resolves to its size, or to the code of the error. */
export const open = (page: Page, options: object = {}) =>
  page.evaluate(async (given) => {
    const { Collection } = await kindex();
    globalThis.errors = [];
    try {
      globalThis.faulty = await Collection.open('faulty', { dimension: 4, ...given });
    } catch (thrown) {
      const { code, message } = thrown as { code: string; message: string };
      return `${code} ${message}`;
    }
    globalThis.faulty.on('error', ({ code }) => globalThis.errors.push(code));
    return globalThis.faulty.count();
  }, options);

/** Inserts `rows` records that begin at `first`; resolves to how many were written, or to the code of the error. */
export const insert = (page: Page, first: number, rows: number) =>
  page.evaluate(
    async ([from, count]) => {
      const records = Array.from({ length: count }, (_, i) => ({
        id: `r${from + i}`,
        vector: [1, from + i, i % 7, 2],
        metadata: { n: from + i },
        document: `document ${from + i}`,
      }));
      return globalThis.faulty.insert(records).then(
        ({ written }) => written,
        (thrown: { code: string }) => thrown.code,
      );
    },
    [first, rows] as const,
  );

export const count = (page: Page) =>
  page.evaluate(() => globalThis.faulty.count().catch((thrown: { code: string }) => thrown.code));

/** What {@link damage} does to a collection. A segment is meant by its place among those that are there. */
export type Damage =
  | `${'manifest' | 'log' | 'segment' | 'second segment'} ${'flipped' | 'missing'}`
  | 'vectors flipped'
  | 'newer format';

/** Changes the stored bytes behind the package's back. Rejects where there is nothing to change. */
export const damage = (page: Page, change: Damage) =>
  page.evaluate(async (code) => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await answer(indexedDB.open('kindex:faulty'));
    const transaction = database.transaction(['manifest', 'log', 'segments'], 'readwrite');
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    /** The store's record at that place, and where in it a byte is to be turned over. */
    const change = async (name: string, at: number, flip?: (bytes: Uint8Array) => number) => {
      const store = transaction.objectStore(name);
      const key = (await answer(store.getAllKeys()))[at];
      if (key === undefined) throw new Error(`${name} has no record at ${at}`);
      if (!flip) return store.delete(key);
      const bytes: Uint8Array = await answer(store.get(key));
      const byte = flip(bytes);
      bytes[byte] = (bytes[byte] as number) ^ 0x10;
      return store.put(bytes, key);
    };
    const middle = (bytes: Uint8Array) => bytes.length >> 1;
    /** A byte of the frame that has the float vectors; see docs/format.md. */
    const inVectors = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; ) {
        const tag = String.fromCharCode(...bytes.subarray(at, at + 4));
        const length = view.getUint32(at + 4, true);
        if (tag === 'INDX' && bytes[at + 12] === 5) return at + 12 + (length >> 1);
        at += 12 + length;
      }
      throw new Error('the segment has no vectors');
    };
    const flip = code.endsWith('flipped') ? middle : undefined;
    if (code.startsWith('manifest')) await change('manifest', 0, flip);
    if (code.startsWith('log')) await change('log', 1, flip);
    if (code.startsWith('segment')) await change('segments', 0, flip);
    if (code.startsWith('second segment')) await change('segments', 1, flip);
    if (code === 'vectors flipped') await change('segments', 1, inVectors);
    if (code === 'newer format') {
      const json = new TextEncoder().encode(JSON.stringify({ format: 99, options: {}, log: 0 }));
      const table = Uint32Array.from({ length: 256 }, (_, n) => {
        let c = n;
        for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
        return c;
      });
      let crc = ~0;
      for (const byte of json) crc = (table[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
      const bytes = new Uint8Array(json.length + 4);
      bytes.set(json);
      new DataView(bytes.buffer).setUint32(json.length, ~crc >>> 0, true);
      transaction.objectStore('manifest').put(bytes, 0);
    }
    await done;
    database.close();
  }, change);
