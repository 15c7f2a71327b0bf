import { KindexError, show, throwIfAborted } from './errors.js';
import { ProgressReporter } from './progress.js';
import type { Progress } from './types.js';
import type { Client } from './worker/client.js';
import type { CollectionInfo, Handle, StorageChoice } from './worker/protocol.js';

/** Where a snapshot comes from. A string is a URL. */
export type SnapshotSource =
  | string
  | URL
  | Response
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>;

/** Bytes of a piece that is handed to the engine. */
const PIECE_BYTES = 1024 * 1024;

/** How long the reader of a snapshot may keep batches waiting without reading on. @internal */
export const SNAPSHOT_STALL_MS = 30_000;

/** Reads a snapshot, piece by piece, into a new collection. @internal */
export async function loadSnapshot(
  client: Client,
  source: SnapshotSource,
  options: {
    name: string;
    storage: StorageChoice;
    signal: AbortSignal | undefined;
    onProgress: ((progress: Progress) => void) | undefined;
  },
): Promise<CollectionInfo> {
  const { name, storage, signal } = options;
  const progress = new ProgressReporter((state) => options.onProgress?.(state));
  const { pieces, total } = await openSource(source, signal);
  const stream = await client.call('beginLoad', { name, storage });
  try {
    let done = 0;
    for await (const bytes of pieces) {
      throwIfAborted(signal);
      await client.call('loadPart', { stream, bytes }, { transfer: [bytes.buffer] });
      done += bytes.byteLength;
      progress.batches += 1;
      progress.report('load', done, total ?? done);
    }
    throwIfAborted(signal);
    return await client.call('finishLoad', { stream });
  } catch (thrown) {
    await client.call('cancelLoad', { stream }).catch(() => {});
    throw thrown;
  } finally {
    progress.finish();
  }
}

/** The whole collection as bytes. Batches wait until it is complete; searches do not. @internal */
export async function takeSnapshot(
  client: Client,
  collection: Handle,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of read(await streamSnapshot(client, collection))) {
    parts.push(part);
    bytes += part.length;
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The same part by part, made as it is read. Batches wait until the last was read, or the stream was cancelled, or
 * nobody has read for a while.
 *
 * @internal
 */
export async function streamSnapshot(
  client: Client,
  collection: Handle,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const stream = await client.call('beginSnapshot', { collection });
  let timer: ReturnType<typeof setTimeout>;
  const end = () => {
    clearTimeout(timer);
    return client.call('endSnapshot', { stream }).catch(() => {});
  };
  const watch = (controller: ReadableStreamDefaultController) => {
    timer = setTimeout(() => {
      const seconds = SNAPSHOT_STALL_MS / 1000;
      const message = `the snapshot was given up: nobody has read on for ${seconds} s, and batches wait for it`;
      controller.error(new KindexError('ABORTED', message));
      void end();
    }, SNAPSHOT_STALL_MS);
    // In Node a snapshot that nobody reads must not keep the process alive.
    (timer as { unref?: () => void }).unref?.();
  };
  return new ReadableStream(
    {
      start: watch,
      async pull(controller) {
        clearTimeout(timer);
        try {
          const part = await client.call('nextSnapshotPart', { stream });
          if (part) {
            controller.enqueue(part as Uint8Array<ArrayBuffer>);
            watch(controller);
          } else {
            await end();
            controller.close();
          }
        } catch (thrown) {
          await end();
          throw thrown;
        }
      },
      cancel: end,
    },
    // Nothing ahead of the reader: a part has 4 MiB.
    { highWaterMark: 0 },
  );
}

type Pieces = AsyncIterable<Uint8Array<ArrayBuffer>>;

async function openSource(
  source: SnapshotSource,
  signal: AbortSignal | undefined,
): Promise<{ pieces: Pieces; total: number | undefined }> {
  if (typeof source === 'string' || source instanceof URL) return openUrl(source, signal);
  if (typeof Response !== 'undefined' && source instanceof Response) return openResponse(source);
  if (typeof Blob !== 'undefined' && source instanceof Blob) {
    return { pieces: streamed(source.stream()), total: source.size };
  }
  if (typeof ReadableStream !== 'undefined' && source instanceof ReadableStream) {
    return { pieces: streamed(source), total: undefined };
  }
  if (source instanceof ArrayBuffer)
    return { pieces: sliced(new Uint8Array(source)), total: source.byteLength };
  if (source instanceof Uint8Array) return { pieces: sliced(source), total: source.byteLength };
  throw new KindexError(
    'INVALID_ARGUMENT',
    `a snapshot comes from a URL, Response, Blob, ReadableStream, ArrayBuffer or Uint8Array, but this is ${show(source)}`,
  );
}

async function openUrl(url: string | URL, signal: AbortSignal | undefined) {
  let request: Request;
  try {
    request = new Request(url, signal ? { signal } : {});
  } catch (cause) {
    const message = `a snapshot is fetched from a URL, but this is ${show(String(url))}; what is in a file is given as its bytes`;
    throw new KindexError('INVALID_ARGUMENT', message, { cause });
  }
  try {
    return openResponse(await fetch(request));
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof KindexError) throw cause;
    // Node says with a cause of its own what 'fetch failed' means.
    const reason = (cause as { cause?: unknown }).cause ?? cause;
    throw new KindexError(
      'STORAGE_UNAVAILABLE',
      `the snapshot at ${String(url)} can't be fetched: ${reason}`,
      { cause },
    );
  }
}

function openResponse(response: Response): { pieces: Pieces; total: number | undefined } {
  if (!response.ok || !response.body) {
    throw new KindexError(
      response.status === 404 ? 'NOT_FOUND' : 'STORAGE_UNAVAILABLE',
      `a snapshot was expected at ${response.url}, but the server answered ${response.status} ${response.statusText}`,
    );
  }
  // With a content encoding the length counts other bytes than those that arrive.
  const encoded = response.headers.get('content-encoding');
  const length = Number(response.headers.get('content-length'));
  return { pieces: streamed(response.body), total: encoded || !length ? undefined : length };
}

/** Copies, because a piece is transferred and the bytes are the caller's. */
async function* sliced(bytes: Uint8Array): Pieces {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    yield new Uint8Array(bytes.subarray(at, at + PIECE_BYTES));
}

async function* streamed(stream: ReadableStream<Uint8Array>): Pieces {
  for await (const bytes of read(stream)) yield* sliced(bytes);
}

/** Through a reader: not every browser can iterate over a stream. */
async function* read(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
