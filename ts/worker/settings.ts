import { KindexError } from '../errors.js';
import type { EngineSettings } from './protocol.js';

/**
 * The engine's options for a new collection.
 *
 * @throws KindexError `INVALID_ARGUMENT` without a dimension
 */
export function newOptions(name: string, settings: EngineSettings): string {
  if (settings.dimension === undefined) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `collection '${name}' is new, so its dimension must be given`,
    );
  }
  // JSON leaves out what is undefined, and the engine fills in its defaults.
  return JSON.stringify(settings);
}

/**
 * Checks what the caller asked for against what is stored.
 *
 * @throws KindexError that names both values
 */
export function checkSettings(
  name: string,
  settings: EngineSettings,
  stored: Readonly<Record<string, unknown>>,
): void {
  for (const [key, wanted] of Object.entries(settings)) {
    if (wanted === undefined || wanted === stored[key]) continue;
    throw new KindexError(
      key === 'dimension' ? 'DIMENSION_MISMATCH' : 'INVALID_ARGUMENT',
      `collection '${name}' is stored with ${key} ${String(stored[key])}, but was opened with ${key} ${String(wanted)}`,
    );
  }
}
