import type { Storages } from '../storage/choose.js';
import type { Client } from './client.js';
import { connectInPlace } from './in-place.js';
import type { BudgetSettings } from './protocol.js';
import { startSingle } from './start-single.js';

let current: Client | undefined;

/**
 * The engine on this thread: one, because the glue knows one instance of the wasm. After a crash the module is
 * instantiated anew.
 */
export function connectSingle(
  module: WebAssembly.Module,
  storages: Storages,
  memoryBudget?: BudgetSettings,
): Client {
  if (current && !current.failure) return current;
  current = connectInPlace(startSingle(module), storages, memoryBudget);
  return current;
}
