/** Files to the last byte, and down to the disk. */
import { type FileHandle, open } from 'node:fs/promises';

type Bytes = Uint8Array<ArrayBuffer>;

/** Ending of a file that is not finished, and counts only once it is renamed. */
export const DRAFT = '.new';

/** Writes a file of its own, and waits until the disk has it. */
export async function writeFile(path: string, bytes: Bytes): Promise<void> {
  const handle: FileHandle = await open(path, 'w');
  try {
    await writeAll(handle, bytes, 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Waits until the disk has a file, whoever wrote it. Windows wants it to be open for writing. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Waits until the disk has the names in a folder. Windows sees to that by itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One call may write a part only, for example up to the end of a full disk. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

/** Returns how many bytes there are, which are fewer where the file ends: a checksum will say so. */
export async function readAll(handle: FileHandle, bytes: Bytes, at: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
