import { show } from '../errors.js';
import { RequestError } from './status.js';

/** The part of JSON Schema (2020-12) that the interface is described in. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null';
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly exclusiveMinimum?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: Schema;
  readonly minProperties?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/**
 * Holds an object against its schema, one level deep, and the elements of lists that are enumerated. Rows, vectors
 * and filters are judged by the collection, which reports each item for itself.
 *
 * @throws RequestError `INVALID_ARGUMENT`
 */
export function checkObject(value: Readonly<Record<string, unknown>>, schema: Schema): void {
  const { properties = {}, required = [] } = schema;
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) continue;
    const known = Object.keys(properties).join(', ');
    throw bad(`there is no field ${show(key)} here; there are ${known}`);
  }
  for (const key of required) {
    if (!Object.hasOwn(value, key)) throw bad(`the field '${key}' is missing`);
  }
  for (const [key, property] of Object.entries(properties)) {
    if (Object.hasOwn(value, key)) checkField(value[key], property, key);
  }
}

/** As {@link checkObject}, for the elements of a list; the error carries the position, counted from `first`. */
export function checkFields(list: readonly unknown[], schema: Schema, first = 0): void {
  const known = schema.properties ?? {};
  for (const [i, item] of list.entries()) {
    const index = first + i;
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw new RequestError('INVALID_ARGUMENT', `row ${index} is ${show(item)}, not an object`, {
        index,
      });
    }
    for (const key of Object.keys(item)) {
      if (Object.hasOwn(known, key)) continue;
      const message = `row ${index} has the field ${show(key)}; there are ${Object.keys(known).join(', ')}`;
      throw new RequestError('INVALID_ARGUMENT', message, { index });
    }
  }
}

function checkField(value: unknown, schema: Schema, name: string): void {
  if (schema.anyOf) {
    const fitting = schema.anyOf.filter(({ type }) => isOfType(value, type));
    const [only] = fitting;
    if (!only) {
      const types = schema.anyOf.map(({ type }) => type);
      throw bad(`${name} must be of type ${types.join(' or ')}, but is ${show(value)}`);
    }
    // Lists of one thing or another are the collection's to judge.
    if (fitting.length === 1) checkField(value, only, name);
    return;
  }
  if (!isOfType(value, schema.type)) {
    throw bad(`${name} must be of type ${schema.type}, but is ${show(value)}`);
  }
  const allowed = schema.const === undefined ? schema.enum : [schema.const];
  if (allowed && !allowed.includes(value)) {
    throw bad(`${name} must be one of ${allowed.join(', ')}, but is ${show(value)}`);
  }
  const { minimum, maximum, minItems, maxItems } = schema;
  if (typeof value === 'number') checkBounds(value, name, minimum, maximum);
  if (typeof value === 'string') {
    checkBounds(value.length, `the length of ${name}`, schema.minLength, schema.maxLength);
  }
  if (!Array.isArray(value)) return;
  checkBounds(value.length, `the length of ${name}`, minItems, maxItems);
  if (schema.items?.enum) {
    for (const [i, item] of value.entries()) checkField(item, schema.items, `${name}[${i}]`);
  }
}

function checkBounds(
  value: number,
  name: string,
  least = Number.NEGATIVE_INFINITY,
  most = Number.POSITIVE_INFINITY,
): void {
  if (value >= least && value <= most) return;
  throw bad(`${name} must be ${least} to ${most}, but is ${value}`);
}

function isOfType(value: unknown, type: Schema['type']): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'null':
      return value === null;
    case undefined:
      return true;
    default:
      return typeof value === type;
  }
}

const bad = (message: string) => new RequestError('INVALID_ARGUMENT', message);
