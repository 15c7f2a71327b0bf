import { KindexError, show } from './errors.js';
import { FORBIDDEN_KEYS, LIMITS } from './limits.js';
import { utf8Length } from './text-column.js';
import type { Metadata } from './types.js';

type Scalar = string | number | boolean | null | Date;

interface Equality<V> {
  /** The field is this value, or an array with it. `null` is a `null` that is there. */
  readonly $eq?: V;
  /** All that `$eq` leaves, also where the field is missing. */
  readonly $ne?: V;
  /** The field is one of these values, or an array with one. */
  readonly $in?: readonly V[];
  /** All that `$in` leaves, also where the field is missing. */
  readonly $nin?: readonly V[];
  /** Whether the field is there, with any value. */
  readonly $exists?: boolean;
}
interface Order<V> {
  /** The field is greater: numbers and dates by value, strings by code points. */
  readonly $gt?: V;
  /** The field is greater or equal. */
  readonly $gte?: V;
  /** The field is less. */
  readonly $lt?: V;
  /** The field is less or equal. */
  readonly $lte?: V;
}
interface Prefix {
  /** The string begins with this. */
  readonly $startsWith?: string;
}
interface Part {
  /** The string has this part. */
  readonly $contains?: string;
}
interface Membership<E> {
  /** The array holds this element. */
  readonly $contains?: E;
}
type Nullable<V> = null extends V ? null : never;

/** The operators that a field of type `V` takes. A date compares with dates and milliseconds. */
export type Operators<V> =
  NonNullable<V> extends infer T
    ? [T] extends [readonly (infer E)[]]
      ? Membership<E> & Pick<Equality<E>, '$in' | '$nin' | '$exists'>
      : [T] extends [string]
        ? Equality<T | Nullable<V>> & Order<string> & Prefix & Part
        : [T] extends [boolean]
          ? Equality<T | Nullable<V>>
          : [T] extends [number]
            ? Equality<T | Nullable<V>> & Order<number>
            : [T] extends [Date]
              ? Equality<Date | number | Nullable<V>> & Order<Date | number>
              : [T] extends [Scalar]
                ? Equality<T | Nullable<V>> & Order<Exclude<T, boolean>> & Prefix & Part
                : Pick<Equality<never>, '$exists'>
    : never;

type Shorthand<V> =
  NonNullable<V> extends infer T
    ? [T] extends [readonly unknown[]]
      ? never
      : [T] extends [Date]
        ? Date | number | Nullable<V>
        : [T] extends [Scalar]
          ? T | Nullable<V>
          : never
    : never;

type Nested<V> = V extends Scalar | readonly unknown[] | undefined
  ? never
  : V extends object
    ? V
    : never;
type Shallower = [never, 0, 1, 2, 3, 4];

/** Dotted paths of `M`, up to five names deep. */
type Path<M, Depth extends number = 4> = [Depth] extends [never]
  ? never
  : {
      [K in keyof M & string]:
        | K
        | ([Nested<NonNullable<M[K]>>] extends [never]
            ? never
            : `${K}.${Path<Nested<NonNullable<M[K]>>, Shallower[Depth]>}`);
    }[keyof M & string];

/** The type of the field at a path. */
export type ValueAt<M, P extends string> = P extends `${infer K}.${infer Rest}`
  ? K extends keyof M
    ? ValueAt<Nested<NonNullable<M[K]>>, Rest>
    : never
  : P extends keyof M
    ? M[P]
    : never;

/** The dotted paths of the fields of `M`; any string where no type is declared. */
export type FieldPath<M> = string extends keyof M ? string : Path<M>;

/** The dotted paths of the fields of `M` that hold dates or numbers. */
export type TimePath<M> = string extends keyof M
  ? string
  : {
      [P in Path<M>]: [NonNullable<ValueAt<M, P>>] extends [number | Date] ? P : never;
    }[Path<M>];

interface Groups<F> {
  /** All of these filters hold; at least one filter. */
  readonly $and?: readonly F[];
  /** One of these filters holds; at least one filter. */
  readonly $or?: readonly F[];
  /** The filter does not hold, also where its field is missing. */
  readonly $not?: F;
}

/** A filter over metadata of no declared type. */
export type LooseFilter = {
  readonly [path: string]:
    | Scalar
    | undefined
    | (Equality<Scalar> & Order<string | number | Date> & Prefix & Membership<string | number>)
    | LooseFilter
    | readonly LooseFilter[];
};

/** Conditions that all hold: `{ field: value }` or `{ field: { $gte: 5 } }`, fields by dotted path.
 *  Operators are typed by the field's type. */
export type Filter<M extends object = Metadata> = string extends keyof M
  ? LooseFilter
  : { readonly [P in Path<M>]?: Shorthand<ValueAt<M, P>> | Operators<ValueAt<M, P>> } & Groups<
      Filter<M>
    >;

/**
 * The filter as JSON for the engine, dates as milliseconds. The engine judges operators and operands; here is
 * refused only what JSON would lose or change in silence.
 *
 * @throws KindexError `INVALID_ARGUMENT`
 * @internal
 */
export function encodeFilter(filter: unknown): string {
  const json = JSON.stringify(plain(filter, 'where', 0));
  const bytes = utf8Length(json);
  if (bytes > LIMITS.filterBytes) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a filter has at most ${LIMITS.filterBytes} bytes, but this has ${bytes}`,
    );
  }
  return json;
}

/**
 * @throws KindexError `INVALID_ARGUMENT`
 *
 * @internal
 */
export function checkPath(name: string, path: unknown): string {
  if (typeof path === 'string' && path !== '') return path;
  throw new KindexError(
    'INVALID_ARGUMENT',
    `${name} must name a field by its path, but is ${show(path)}`,
  );
}

function plain(value: unknown, path: string, depth: number): unknown {
  if (depth > LIMITS.filterDepth) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `a filter nests at most ${LIMITS.filterDepth} deep (${path})`,
    );
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime()))
      throw new KindexError('INVALID_ARGUMENT', `${path} is an invalid Date`);
    return value.getTime();
  }
  if (Array.isArray(value)) return value.map((item, i) => plain(item, `${path}[${i}]`, depth + 1));
  if (typeof value === 'object' && value !== null) return plainObject(value, path, depth);
  if (depth === 0)
    throw new KindexError('INVALID_ARGUMENT', `a filter is an object, but this is ${show(value)}`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new KindexError('INVALID_ARGUMENT', `${path} can't be compared with ${show(value)}`);
}

function plainObject(value: object, path: string, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.split('.').some((name) => FORBIDDEN_KEYS.has(name))) {
      throw new KindexError(
        'INVALID_ARGUMENT',
        `${path} names the field '${key}', which is not allowed`,
      );
    }
    // An undefined operand would vanish from the JSON and the filter would match more than was meant.
    if (item === undefined)
      throw new KindexError('INVALID_ARGUMENT', `${path}.${key} is undefined`);
    out[key] = plain(item, `${path}.${key}`, depth + 1);
  }
  return out;
}
