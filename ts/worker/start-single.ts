import {
  capabilities,
  crc32,
  Engine,
  initSync,
  matchDocuments,
  readDocument,
} from '../generated/single.js';
import type { Glue } from './glue.js';

/** Instantiates the file without threads. By name: what else is generated stays out of the bundle. */
export function startSingle(module: WebAssembly.Module): Glue {
  initSync({ module });
  return { Engine, capabilities, crc32, matchDocuments, readDocument };
}
