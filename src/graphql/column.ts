/** Owns fields that read nothing: their value is a column of the row that another field has read. */
import { type GraphQLFieldResolver } from 'graphql';
import { type Row } from '../model/model.ts';

const ours = new WeakSet<object>();

export function columnResolver(column: string): GraphQLFieldResolver<unknown, unknown, Record<string, unknown>> {
  const resolve = (parent: unknown): unknown => (parent as Row)[column];
  ours.add(resolve);
  return resolve;
}

/** Whether a field's resolver is one of those, so that no level of consistency can be asked for on it. */
export function readsNothing(resolve: unknown): boolean {
  return typeof resolve === 'function' && ours.has(resolve);
}
