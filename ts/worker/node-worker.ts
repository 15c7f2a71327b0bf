import { type MessagePort, parentPort } from 'node:worker_threads';
import { nodeStorages } from '../storage/node.js';
import { NodeWorker } from './node-thread.js';
import { type Scope, serve } from './serve.js';
import * as threads from './start-threads.js';

// The thread is ours alone, so it may be given what the start of a pool expects of a web worker.
for (const [name, value] of Object.entries({
  self: globalThis,
  location: new URL(import.meta.url),
  Worker: NodeWorker,
})) {
  // Deno and Bun have the first two.
  if (name === 'Worker' || !(name in globalThis))
    Object.defineProperty(globalThis, name, { value, configurable: true });
}

const port = parentPort as MessagePort;
const scope: Scope = {
  ends: true,
  onmessage: null,
  postMessage: (message, transfer = []) => port.postMessage(message, transfer as ArrayBuffer[]),
};
serve(scope, nodeStorages, threads);
port.on('message', (data) => scope.onmessage?.({ data } as MessageEvent));
