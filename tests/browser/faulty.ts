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

/** Changes the stored bytes behind the package's back. */
export const damage = (page: Page, change: string) =>
  page.evaluate(async (code) => {
    const opening = indexedDB.open('kindex:faulty');
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const database = opening.result;
    const transaction = database.transaction(
      ['manifest', 'log', 'segments', 'documents'],
      'readwrite',
    );
    const done = new Promise((resolve) => {
      transaction.oncomplete = resolve;
    });
    const flip = (store: string, key: IDBValidKey) => {
      const getting = transaction.objectStore(store).get(key);
      getting.onsuccess = () => {
        const bytes = getting.result as Uint8Array;
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0x10;
        transaction.objectStore(store).put(bytes, key);
      };
    };
    const remove = (store: string, key: IDBValidKey) => transaction.objectStore(store).delete(key);
    if (code === 'manifest flipped') flip('manifest', 0);
    if (code === 'manifest missing') remove('manifest', 0);
    if (code === 'log flipped') flip('log', 1);
    if (code === 'log missing') remove('log', 1);
    if (code === 'segment flipped') flip('segments', [1, 0]);
    if (code === 'second segment flipped') flip('segments', [1, 1]);
    if (code === 'second segment missing') remove('segments', [1, 1]);
    if (code === 'segment missing') remove('segments', [1, 0]);
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
