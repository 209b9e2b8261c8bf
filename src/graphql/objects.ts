/**
 * Owns objects without a row here: keys of other subgraphs' types, shown from columns, and the fields that follow from
 * such keys.
 */
import {
  getNamedType,
  isEnumType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { JsonNumber } from '../base/json.ts';
import {
  type EmbeddedField,
  type Entity,
  type ObjectShape,
  type Row,
  type Selection,
  type Stub,
} from '../model/model.ts';
import { normalizeValue } from '../model/values.ts';
import { badInput, badKey } from '../read/input.ts';
import { columnType } from '../read/sql/identifiers.ts';
import { columnProperty } from './column.ts';
import { type RequestContext } from './context.ts';
import { isExactScalar, isOpenScalar } from './scalars.ts';

type PlainObject = Readonly<Record<string, unknown>>;

export function embeddedResolver(
  field: EmbeddedField,
): GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>> {
  return (parent, _args, context, info) => {
    // The object only leads to the fields below it.
    context.operation.at(info);
    return objectOf(field, parent as Row);
  };
}

/** The object of a row; null if there is none. */
export function objectOf({ parts, required }: ObjectShape, row: Row): PlainObject | null {
  if (required.some((column) => row[column] === null || row[column] === undefined)) return null;
  const shown = [...parts].map(
    ([field, part]) =>
      [field, typeof part === 'string' ? columnProperty(part, row[part]) : objectOf(part, row)] as const,
  );
  const isThere = required.length > 0 || shown.some(([, value]) => value !== null && value !== undefined);
  return isThere ? Object.fromEntries(shown) : null;
}

export function isSomething(value: unknown): boolean {
  return value !== null && value !== undefined;
}

export function noKey(name: string, keys: readonly (readonly string[])[]): MeridianError {
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `A representation of ${name} carries no complete key; send ${keys.map((paths) => `"${fieldSet(paths)}"`).join(' or ')}.`,
  });
}

/** `organization.id` and `slug` in the notation of `@key`: `organization { id } slug`. */
function fieldSet(paths: readonly string[]): string {
  const below = Map.groupBy(
    paths.map((path) => path.split('.')),
    ([name]) => name ?? '',
  );
  return [...below]
    .map(([name, split]) =>
      split.some(({ length }) => length > 1)
        ? `${name} { ${fieldSet(split.map((path) => path.slice(1).join('.')))} }`
        : name,
    )
    .join(' ');
}

/** The value at a path of fields, such as `organization.id`; undefined if an object on the path is missing. */
export function valueAt(object: unknown, path: string): unknown {
  if (!path.includes('.'))
    return typeof object === 'object' && object !== null && Object.hasOwn(object, path)
      ? (object as PlainObject)[path]
      : undefined;
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as PlainObject)[name];
  }
  return value;
}

export interface StoredValueInput {
  readonly schema: GraphQLSchema;
  readonly type: string;
  readonly path: string;
  readonly value: unknown;
}

/**
 * A representation's value as an argument of its type: an enum's label that clients see becomes the stored one, and an
 * application's own scalar parses what it has serialized. Throws `BAD_USER_INPUT` for values that they refuse.
 */
export function storedValue({ schema, type, path, value }: StoredValueInput): unknown {
  const leaf = leafType(schema, type, path);
  if (!isSomething(value)) return value;
  if (isEnumType(leaf)) {
    if (Array.isArray(value)) return value.map((one) => storedValue({ schema, type, path, value: one }));
    const found = typeof value === 'string' ? leaf.getValue(value) : null;
    if (!found) throw badKey({ type, field: path, value, wanted: `a value of ${leaf.name}` });
    return found.value;
  }
  return isOwnScalar(leaf) ? parsed({ scalar: leaf, type, path, value }) : value;
}

/** A scalar that the application defines with functions; for other scalars the column's type decides. */
function isOwnScalar(leaf: GraphQLNamedType | undefined): leaf is GraphQLScalarType {
  return isScalarType(leaf) && !isSpecifiedScalarType(leaf) && !isExactScalar(leaf) && !isOpenScalar(leaf);
}

interface ParsedInput {
  readonly scalar: GraphQLScalarType;
  readonly type: string;
  readonly path: string;
  readonly value: unknown;
}

function parsed({ scalar, type, path, value }: ParsedInput): unknown {
  let why = '';
  try {
    const found: unknown = scalar.parseValue(value);
    if (found !== undefined) return found;
  } catch (error) {
    why = error instanceof Error ? ` (${error.message.replace(/\.$/, '')})` : '';
  }
  throw badKey({ type, field: path, value, wanted: `what ${scalar.name} takes${why}` });
}

function leafType(schema: GraphQLSchema, type: string, path: string): GraphQLNamedType | undefined {
  let found: GraphQLNamedType | undefined = schema.getType(type);
  for (const name of path.split('.')) {
    const field: GraphQLField<unknown, unknown> | undefined =
      isObjectType(found) || isInterfaceType(found) ? found.getFields()[name] : undefined;
    found = field && getNamedType(field.type);
  }
  return found;
}

/**
 * The object of a representation of a type that another subgraph owns; nothing is read. Fails with `BAD_USER_INPUT` if
 * it has no complete key.
 */
export function stubReference(
  stub: Stub,
): (reference: PlainObject, context: RequestContext, info: GraphQLResolveInfo) => Promise<PlainObject> {
  const objectOfStub = stubObject(stub);
  return async (reference, context, info) => {
    context.operation.at(info);
    return objectOfStub(reference, info.schema);
  };
}

/** As above, without an operation. Throws `BAD_USER_INPUT` as well. */
export function stubObject({
  name,
  keys,
  external,
}: Stub): (reference: PlainObject, schema: GraphQLSchema) => PlainObject {
  const kept = new Set([...keys.flat().map((path) => path.split('.')[0] ?? ''), ...external]);
  const isSingle = (value: unknown): boolean =>
    isSomething(value) && (typeof value !== 'object' || value instanceof JsonNumber);
  return (reference, schema) => {
    if (!keys.some((paths) => paths.every((path) => isSingle(valueAt(reference, path))))) throw noKey(name, keys);
    return Object.fromEntries(
      [...kept]
        .filter((field) => Object.hasOwn(reference, field))
        .map((field) => [field, storedValue({ schema, type: name, path: field, value: reference[field] })]),
    );
  };
}

/**
 * Values of a relation's columns from the key of an object without a row. Throws `BAD_USER_INPUT` for a value that such
 * a column cannot have.
 */
export function keyOfStub(
  stub: Stub,
  target: Entity,
  { from, to }: Selection['join'],
): (parent: unknown) => readonly unknown[] {
  const sides = from.map((path, i) => ({ path, type: columnType(target, to[i] ?? '') }));
  return (parent) =>
    sides.map(({ path, type }) => {
      const value = valueAt(parent, path);
      if (value === undefined)
        throw badInput(`A representation of ${stub.name} does not carry ${path}, which is asked for; send it.`);
      const normalized = normalizeValue(type, value);
      if ('problem' in normalized) throw badKey({ type: stub.name, field: path, value, wanted: normalized.problem });
      return normalized.value;
    });
}
