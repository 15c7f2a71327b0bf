import { toKindexError } from '../errors.js';
import { mediaTypeOf } from './body.js';
import type { ServedCollection } from './operations.js';
import { RequestError } from './status.js';

/** The media type of a snapshot. */
export const SNAPSHOT_TYPE = 'application/octet-stream';

/**
 * Makes a collection of the snapshot in a body, as it arrives.
 *
 * @throws RequestError `UNSUPPORTED_MEDIA_TYPE`, `TOO_LARGE`, `INVALID_ARGUMENT` for what is no snapshot
 */
export async function loadSnapshot(
  request: Request,
  most: number,
  load: (snapshot: ReadableStream<Uint8Array>) => Promise<ServedCollection>,
): Promise<ServedCollection> {
  const type = mediaTypeOf(request);
  if (type !== SNAPSHOT_TYPE) {
    throw new RequestError(
      'UNSUPPORTED_MEDIA_TYPE',
      `the content-type must be ${SNAPSHOT_TYPE}, but is '${type}'`,
      { headers: { accept: SNAPSHOT_TYPE } },
    );
  }
  if (!request.body) throw new RequestError('INVALID_ARGUMENT', 'the body is empty');
  try {
    return await load(request.body.pipeThrough(counted(most)));
  } catch (thrown) {
    const { code, message } = toKindexError(thrown);
    // A damaged body is the caller's affair; under these codes it would be the server's.
    if (code === 'CORRUPT' || code === 'NEWER_VERSION')
      throw new RequestError('INVALID_ARGUMENT', `the body is no snapshot to open: ${message}`);
    throw thrown;
  }
}

function counted(most: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes > most)
        throw new RequestError('TOO_LARGE', `a snapshot has at most ${most} bytes here`);
      controller.enqueue(chunk);
    },
  });
}
