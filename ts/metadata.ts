import { KindexError, show } from './errors.js';
import { FORBIDDEN_KEYS, LIMITS } from './limits.js';
import { utf8Length } from './text-column.js';

/**
 * Metadata as JSON, dates as milliseconds.
 *
 * @throws KindexError `INVALID_ARGUMENT` that names the path of a value that JSON would lose or change
 */
export function encodeMetadata(metadata: unknown): string {
  if (!isPlainObject(metadata)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `metadata is a plain object, but this is ${show(metadata)}`,
    );
  }
  const dates = checkObject(metadata, 'metadata', 1);
  const json = JSON.stringify(dates ? withMilliseconds(metadata) : metadata);
  const bytes = utf8Length(json);
  if (bytes > LIMITS.metadataBytes) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `metadata has at most ${LIMITS.metadataBytes} bytes as JSON, but this has ${bytes}`,
    );
  }
  return json;
}

/** Returns whether there is a date somewhere below. */
function checkObject(object: object, path: string, depth: number): boolean {
  // A cycle ends here as well.
  if (depth > LIMITS.metadataDepth) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `metadata nests at most ${LIMITS.metadataDepth} deep (${path})`,
    );
  }
  let dates = false;
  for (const [key, value] of Object.entries(object)) {
    if (FORBIDDEN_KEYS.has(key)) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `${path} has the key '${key}', which is not allowed`,
      );
    }
    if (checkValue(value, path, key, depth)) dates = true;
  }
  return dates;
}

function checkValue(value: unknown, path: string, key: string, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return false;
    case 'number':
      if (Number.isFinite(value)) return false;
      break;
    case 'object':
      if (value === null) return false;
      if (value instanceof Date) {
        if (!Number.isNaN(value.getTime())) return true;
        throw new KindexError('INVALID_ARGUMENT', `${path}.${key} is an invalid Date`);
      }
      if (Array.isArray(value)) return checkArray(value, `${path}.${key}`);
      if (isPlainObject(value)) return checkObject(value, `${path}.${key}`, depth + 1);
      break;
  }
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${path}.${key} is ${show(value)}; strings, finite numbers, booleans, null, dates, arrays and objects of these can be stored`,
  );
}

function checkArray(array: readonly unknown[], path: string): false {
  for (const [i, item] of array.entries()) {
    if (typeof item === 'string' || (typeof item === 'number' && Number.isFinite(item))) continue;
    throw new KindexError(
      'INVALID_ARGUMENT',
      `${path}[${i}] is ${show(item)}; arrays in metadata hold strings or finite numbers`,
    );
  }
  return false;
}

function withMilliseconds(value: object): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (item instanceof Date) return [key, item.getTime()];
      return [key, isPlainObject(item) ? withMilliseconds(item) : item];
    }),
  );
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    Object.getPrototypeOf(prototype) === null
  );
}
