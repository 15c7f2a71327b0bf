/** Calls to a worker that answers each request once; both ends of it. */

type Request = { call: number; input: unknown };
type Response = { call: number } & ({ output: unknown } | { failure: string });

/** The page's end: `call(input)` resolves to the worker's answer, or rejects with its message. */
export class WorkerCalls<Input, Output> {
  #worker: Worker;
  #pending = new Map<
    number,
    { resolve: (output: Output) => void; reject: (reason: Error) => void }
  >();
  #calls = 0;

  constructor(url: URL) {
    this.#worker = new Worker(url, { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<Response>) => {
      const pending = this.#pending.get(data.call);
      this.#pending.delete(data.call);
      if ('failure' in data) pending?.reject(new Error(data.failure));
      else pending?.resolve(data.output as Output);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#rejectAll(event.message || `the script ${url.pathname} did not load`);
    };
  }

  call(input: Input): Promise<Output> {
    return new Promise((resolve, reject) => {
      const call = ++this.#calls;
      this.#pending.set(call, { resolve, reject });
      this.#worker.postMessage({ call, input } satisfies Request);
    });
  }

  close(): void {
    this.#worker.terminate();
    this.#rejectAll('the worker was closed');
  }

  #rejectAll(message: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(message));
    this.#pending.clear();
  }
}

/** The worker's end. Buffers that `transfers` names are handed over instead of copied. */
export function answerCalls<Input, Output>(
  answer: (input: Input) => Promise<Output>,
  transfers: (output: Output) => Transferable[] = () => [],
): void {
  addEventListener('message', async ({ data: { call, input } }: MessageEvent<Request>) => {
    try {
      const output = await answer(input as Input);
      postMessage({ call, output } satisfies Response, { transfer: transfers(output) });
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      postMessage({ call, failure } satisfies Response);
    }
  });
}
