import { createHash, randomUUID } from 'node:crypto';
import { access, readdir, realpath, rename, rm, symlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KindexError } from '../errors.js';

/** Held until released, or until the process or thread that holds it is gone. */
export interface Lock {
  release(): Promise<void>;
}

/** How long one waits for a process that is just ending. */
const WAIT_MS = 2000;
/** Longest path of a socket that every system takes, in bytes. */
const SOCKET_PATH = 100;
/** File systems without sockets, such as some shared folders of virtual machines. */
const NO_SOCKETS: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL']);

/** Where the sockets of those who want a folder are. */
interface Place {
  readonly folder: string;
  readonly prefix: string;
}

/**
 * The right to write a folder: one holder among all processes and threads of the machine.
 *
 * Every candidate listens on a socket of its own in the folder, and then calls all others that it finds there. Who
 * gets no answer is gone, however it ended: the system closes the sockets of a process or thread that dies. If one
 * answers, the candidate steps back. Of two that come together at least the later one sees the other.
 *
 * @throws KindexError `LOCKED`
 */
export async function lockFolder(folder: string, collection: string): Promise<Lock> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const lock = process.platform === 'win32' ? await holdPipe(folder) : await holdSocket(folder);
    if (lock) return lock;
    if (Date.now() > deadline) {
      throw new KindexError(
        'LOCKED',
        `collection '${collection}' in ${folder} is open in another process or thread; close it there first`,
      );
    }
    // Two that have both stepped back must not come together again.
    await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 60));
  }
}

async function holdSocket(folder: string): Promise<Lock | undefined> {
  try {
    return await holdIn({ folder, prefix: 'lock-' });
  } catch (thrown) {
    if (!NO_SOCKETS.has((thrown as { code?: unknown }).code)) throw thrown;
    return holdIn({ folder: tmpdir(), prefix: `kindex-${await digest(folder)}-` });
  }
}

async function holdIn(place: Place): Promise<Lock | undefined> {
  const id = randomUUID().slice(0, 8);
  const path = join(place.folder, place.prefix + id);
  // Under its final name a socket always listens or is dead, never about to listen.
  const draft = join(place.folder, `.${id}`);
  const server = await listen(draft);
  const release = async () => {
    await rm(path, { force: true });
    await closed(server);
  };
  try {
    await rename(draft, path);
    if (await someoneElse(place, path)) {
      await release();
      return undefined;
    }
    // Who had the folder may have moved it away to delete it, with the sockets in it.
    await access(path);
    return { release };
  } catch (thrown) {
    await release().catch(() => {});
    throw thrown;
  }
}

/** Whether another socket of the place answers. Those that do not are removed. */
async function someoneElse({ folder, prefix }: Place, own: string): Promise<boolean> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!name.startsWith(prefix) || path === own) continue;
    if (await answers(path)) return true;
    await rm(path, { force: true });
  }
  return false;
}

async function answers(path: string): Promise<boolean> {
  const { address, done } = await shortened(path);
  try {
    return await new Promise((resolve) => {
      const socket = connect(address);
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      // Anything but a plain no (say, too many who ask at once) counts as a sign of life.
      socket.on('error', ({ code }: NodeJS.ErrnoException) =>
        resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
      );
    });
  } finally {
    await done();
  }
}

/** A server that only is there. It keeps no process from ending. */
async function listen(path: string): Promise<Server> {
  const { address, done } = await shortened(path);
  try {
    return await new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy());
      server.on('error', reject);
      server.listen(address, () => {
        server.unref();
        resolve(server);
      });
    });
  } finally {
    await done();
  }
}

/** The path, or a shorter way to it for as long as `done` was not called. */
async function shortened(path: string): Promise<{ address: string; done: () => Promise<void> }> {
  if (process.platform === 'win32' || Buffer.byteLength(path) <= SOCKET_PATH)
    return { address: path, done: async () => {} };
  const at = path.lastIndexOf('/');
  const link = join(tmpdir(), `kx-${randomUUID().slice(0, 8)}`);
  await symlink(path.slice(0, at), link);
  return { address: join(link, path.slice(at + 1)), done: () => rm(link, { force: true }) };
}

/** Windows: a pipe's name is taken until its process ends. */
async function holdPipe(folder: string): Promise<Lock | undefined> {
  try {
    const server = await listen(`\\\\.\\pipe\\kindex-${await digest(folder)}`);
    return { release: () => closed(server) };
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === 'EADDRINUSE') return undefined;
    throw thrown;
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}

/** The same for every way to write the folder's path: links, and on Windows capitals, make no other. */
async function digest(folder: string): Promise<string> {
  return createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 24);
}
