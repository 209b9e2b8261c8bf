/** Owns the completion of values without fields: scalars, enums, and lists of them. */
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  isListType,
  isNonNullType,
  type GraphQLLeafType,
  type GraphQLOutputType,
} from 'graphql';
import { isExactScalar } from '../scalars.ts';

type Leaf = (value: unknown) => unknown;

/** The built-in scalars of graphql-js and their original serialize functions, to detect replaced ones. */
const OWN = new Map(
  [GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString].map((scalar) => [
    scalar.name,
    { scalar, serialize: scalar.serialize },
  ]),
);

const isText: (value: unknown) => boolean = (value) => typeof value === 'string';

/** Values that the scalar serializes unchanged, so that its function need not be called. */
const AS_THEY_ARE: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['Boolean', (value: unknown) => typeof value === 'boolean'],
  ['Float', (value: unknown) => typeof value === 'number' && Number.isFinite(value)],
  ['ID', isText],
  // The value equals its conversion to a signed 32-bit integer.
  ['Int', (value: unknown) => typeof value === 'number' && (value | 0) === value],
  ['String', isText],
]);

/** Serializes a value of the type, including lists and null. Throws for a value that the type cannot represent. */
export function leafOf(type: GraphQLOutputType): Leaf {
  if (isNonNullType(type)) {
    const inner = leafOf(type.ofType);
    return (value) => nothingMissing(inner(value));
  }
  if (isListType(type)) {
    const item = leafOf(type.ofType);
    return (value) => (value === null || value === undefined ? null : itemsOf(value, item));
  }
  const shown = serializing(type as GraphQLLeafType);
  return (value) => (value === null || value === undefined ? null : shown(value));
}

function serializing(type: GraphQLLeafType): Leaf {
  const serialize: Leaf = (value) => {
    if (value instanceof Error) throw value;
    const shown: unknown = type.serialize(value);
    return nothingMissing(shown);
  };
  const own = OWN.get(type.name);
  const isOwn = own !== undefined && own.scalar === type && own.serialize === type.serialize;
  const isAsItIs = isOwn ? AS_THEY_ARE.get(type.name) : isExactScalar(type) ? isText : undefined;
  return isAsItIs === undefined ? serialize : (value) => (isAsItIs(value) ? value : serialize(value));
}

/** Maps the items of a list. Throws for a value that is not a list. */
export function itemsOf(value: unknown, item: (value: unknown) => unknown): unknown[] {
  if (Array.isArray(value)) {
    const items = new Array<unknown>(value.length);
    for (let i = 0; i < items.length; i += 1) items[i] = item(value[i]);
    return items;
  }
  if (value instanceof Error) throw value;
  if (
    typeof value !== 'object' ||
    value === null ||
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function'
  )
    throw new TypeError('what a list shows is none');
  return Array.from(value as Iterable<unknown>, (one) => item(one));
}

/** Throws for null where the schema does not allow it; execution then reports the field. */
export function nothingMissing<T>(value: T): T {
  if (value === null || value === undefined) throw new TypeError('there is null where the schema has none');
  return value;
}
