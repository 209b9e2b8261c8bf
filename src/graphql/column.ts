/** Owns fields that read nothing: their value is a column of the row that another field has read. */
import { isObjectType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { type Row } from '../model/model.ts';

const resolvers = new WeakSet<object>();
const fields = new WeakSet<object>();

export function columnResolver(column: string): GraphQLFieldResolver<unknown, unknown, Record<string, unknown>> {
  const resolve = (parent: unknown): unknown => (parent as Row)[column];
  resolvers.add(resolve);
  return resolve;
}

/** Remembers which fields of a new schema are columns: Apollo Server puts a resolver of its own around each when the first operation runs. */
export function rememberColumns(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) if (field.resolve && resolvers.has(field.resolve)) fields.add(field);
  }
}

/** Whether a field is one of those, so that no level of consistency can be asked for on it. */
export function readsNothing(field: object | null | undefined): boolean {
  return field !== null && field !== undefined && fields.has(field);
}
