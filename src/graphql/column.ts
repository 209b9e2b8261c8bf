/** Owns fields that read nothing: their value is a column of a row that another field has read. */
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isListType,
  isObjectType,
  isSpecifiedScalarType,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Row } from '../model/model.ts';
import { isExactScalar } from './scalars.ts';

/** The field that shows a value. */
export type ShownAs = Pick<GraphQLResolveInfo, 'returnType' | 'parentType' | 'fieldName'>;

const resolvers = new WeakSet<object>();
const fields = new WeakSet<object>();

export function columnResolver(column: string): GraphQLFieldResolver<unknown, unknown, Record<string, unknown>> {
  const resolve = (parent: unknown, _args: unknown, _context: unknown, info: GraphQLResolveInfo): unknown => {
    const value = (parent as Row)[column];
    checkShowable(column, value, info);
    return value;
  };
  resolvers.add(resolve);
  return resolve;
}

/** Throws `VALUE_NOT_SHOWN` if the field cannot show the column's value. */
export function checkShowable(column: string, value: unknown, info: ShownAs): void {
  if (isOdd(value)) refuseUnshowable(column, value, info);
}

/** A column's value as a property of a GraphQL object; a value that may not be shown becomes a function that throws. */
export function columnProperty(column: string, value: unknown): unknown {
  if (!isOdd(value)) return value;
  return (_args: unknown, _context: unknown, info: GraphQLResolveInfo): unknown => {
    refuseUnshowable(column, value, info);
    return value;
  };
}

/** NaN, the infinities, and arrays of several dimensions: some GraphQL types cannot show them. */
function isOdd(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return Array.isArray(value) && value.some((item) => Array.isArray(item) || isOdd(item));
}

/**
 * Throws `VALUE_NOT_SHOWN` if the field's type cannot show the value. Scalars without bounds can, and an application's
 * own scalar may.
 */
function refuseUnshowable(column: string, value: unknown, { returnType, parentType, fieldName }: ShownAs): void {
  const named = getNamedType(returnType);
  if (!isEnumType(named) && !isSpecifiedScalarType(named) && !isExactScalar(named)) return;
  const outer = getNullableType(returnType);
  const isNested = Array.isArray(value) && value.some(Array.isArray);
  if (isNested && isListType(outer) && isListType(getNullableType(outer.ofType))) return;
  const [what, fix] = isNested
    ? ['an array of several dimensions', 'Store an array of one dimension']
    : [String(Array.isArray(value) ? value.find(isOdd) : value), 'Store a finite number'];
  throw new MeridianError({
    code: 'VALUE_NOT_SHOWN',
    message: `${parentType.name}.${fieldName} cannot be shown: in this row, column "${column}" holds ${what}, which ${String(outer)} cannot show. ${fix}, or show the column by a resolver of your own.`,
    details: { type: parentType.name, field: fieldName, column },
  });
}

/** Remembers which fields of a new schema are columns, before Apollo Server wraps the resolvers for tracing. */
export function rememberColumns(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields()))
      if (field.resolve && resolvers.has(field.resolve)) fields.add(field);
  }
}

/** Whether a field is a column, for which no consistency level can be asked. */
export function readsNothing(field: object | null | undefined): boolean {
  return field !== null && field !== undefined && fields.has(field);
}
