/** Owns values without fields of their own on their way into the answer: scalars, enums, and lists of them. */
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

/** What graphql-js's own scalars do, unless somebody has changed them. */
const OWN = new Map(
  [GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString].map((scalar) => [
    scalar.name,
    { scalar, serialize: scalar.serialize },
  ]),
);

const isText: (value: unknown) => boolean = (value) => typeof value === 'string';

/** Values that the scalar shows as they are, so that it need not be asked. */
const AS_THEY_ARE: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['Boolean', (value: unknown) => typeof value === 'boolean'],
  ['Float', (value: unknown) => typeof value === 'number' && Number.isFinite(value)],
  ['ID', isText],
  // As a signed number of 32 bits it is the same one.
  ['Int', (value: unknown) => typeof value === 'number' && (value | 0) === value],
  ['String', isText],
]);

/** The value as the type shows it: what it is of lists, and null of null. Throws for what the type cannot show. */
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

/** Each item of a list. Throws for what is none. */
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

/** Throws for a null where the schema has none: execution says which field it is. */
export function nothingMissing<T>(value: T): T {
  if (value === null || value === undefined) throw new TypeError('there is null where the schema has none');
  return value;
}
