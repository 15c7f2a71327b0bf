import * as single from '../generated/single.js';
import type { Storages } from '../storage/choose.js';
import type { Client } from './client.js';
import { connectInPlace } from './in-place.js';

/** An engine on this thread. After a crash the module is instantiated anew. */
export function connectSingle(module: WebAssembly.Module, storages: Storages): Client {
  single.initSync({ module });
  return connectInPlace(single, storages);
}
