import { KindexError } from './errors.js';

/**
 * Loads a part of the package that not everybody needs, when it is first asked for.
 *
 * @throws KindexError `UNSUPPORTED`: its file is gone, for example because a new version of the page was put in its place
 */
export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const message = `a part of Kindex can't be loaded (${cause}); all files of the build must be served`;
    throw new KindexError('UNSUPPORTED', message, { cause });
  }
}
