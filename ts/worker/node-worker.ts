import { type MessagePort, parentPort } from 'node:worker_threads';
import { nodeStorages } from '../storage/node.js';
import { type Scope, serve } from './serve.js';
import * as threads from './start-threads.js';

const port = parentPort as MessagePort;
const scope: Scope = {
  ends: true,
  onmessage: null,
  postMessage: (message, transfer = []) => port.postMessage(message, transfer as ArrayBuffer[]),
};
serve(scope, nodeStorages, threads);
port.on('message', (data) => scope.onmessage?.({ data } as MessageEvent));
