import { KindexError, show } from './errors.js';
import { checkPath } from './filter.js';
import { checkOptions } from './options.js';
import type { Decay } from './types.js';

const DEFAULT_WEIGHT = 0.5;

/**
 * Decay as the engine takes it: JSON.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 */
export function encodeDecay<M extends object>(decay: Decay<M>): string {
  checkOptions('decay', decay);
  const { halfLife, weight = DEFAULT_WEIGHT, now = Date.now() } = decay;
  const field = checkPath('decay.field', decay.field);
  checkNumber('decay.halfLife', halfLife, halfLife > 0, 'a finite number above 0');
  checkNumber('decay.weight', weight, weight >= 0 && weight <= 1, 'a number from 0 to 1');
  const time = now instanceof Date ? now.getTime() : now;
  checkNumber('decay.now', time, true, 'a valid Date or a number');
  return JSON.stringify({ field, halfLife, weight, now: time });
}

function checkNumber(name: string, value: unknown, good: boolean, wanted: string): void {
  if (typeof value === 'number' && Number.isFinite(value) && good) return;
  throw new KindexError('INVALID_ARGUMENT', `${name} must be ${wanted}, but is ${show(value)}`);
}
