import type { BatchResult, Progress } from '../types.js';
import { type ErrorBody, judge } from './status.js';

/** The media type of a streamed answer: a JSON object a line. */
export const NDJSON_TYPE = 'application/x-ndjson';

/** A line of a streamed answer. The last is the result or the error. */
export type ProgressLine =
  | {
      /** How far the batch has come. */
      readonly progress: Progress;
    }
  | {
      /** What the batch did. */
      readonly result: BatchResult;
    }
  | ErrorBody;

/** Whether the caller asked for the streamed form. */
export function wantsProgress(request: Request): boolean {
  return (request.headers.get('accept') ?? '')
    .split(',')
    .some((range) => range.split(';', 1)[0]?.trim().toLowerCase() === NDJSON_TYPE);
}

/**
 * A batch's progress and outcome as lines. The caller who hangs up aborts the batch, unless it is committed already.
 */
export function progressStream(
  run: (options: {
    signal: AbortSignal;
    onProgress: (progress: Progress) => void;
  }) => Promise<BatchResult>,
  onFailure: (thrown: unknown) => void,
): ReadableStream<Uint8Array> {
  const hungUp = new AbortController();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async start(controller) {
      const write = (line: ProgressLine) => {
        if (!hungUp.signal.aborted) {
          controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        }
      };
      try {
        const result = await run({
          signal: hungUp.signal,
          onProgress: (progress) => write({ progress }),
        });
        write({ result });
      } catch (thrown) {
        onFailure(thrown);
        write(judge(thrown).body);
      }
      if (!hungUp.signal.aborted) controller.close();
    },
    cancel() {
      hungUp.abort();
    },
  });
}
