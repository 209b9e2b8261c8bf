/** Owns objects that have no row here: keys of other subgraphs' types, shown from columns, and what follows from such keys. */
import { type GraphQLFieldResolver, type GraphQLResolveInfo } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type EmbeddedField, type Entity, type ObjectParts, type Row, type Selection, type Stub } from '../model/model.ts';
import { badInput, inputParam } from '../read/input.ts';
import { columnType } from '../read/sql/identifiers.ts';
import { type RequestContext } from './context.ts';

type PlainObject = Readonly<Record<string, unknown>>;

export function embeddedResolver({ parts, required }: EmbeddedField): GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>> {
  return (parent, _args, context, info) => {
    // It is on the way to what lies under it.
    context.operation.at(info);
    const row = parent as Row;
    return required.some((column) => row[column] === null || row[column] === undefined) ? null : objectOf(parts, row);
  };
}

function objectOf(parts: ObjectParts, row: Row): PlainObject {
  return Object.fromEntries([...parts].map(([field, part]) => [field, typeof part === 'string' ? row[part] : objectOf(part, row)]));
}

/** Keys are made of single values; a representation is any JSON. */
export function isKeyValue(value: unknown): boolean {
  return value !== null && value !== undefined && typeof value !== 'object';
}

/** The value at a path of fields, such as `organization.id`; undefined where an object on the way is missing. */
export function valueAt(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as PlainObject)[name];
  }
  return value;
}

/** What a representation says of a type that another subgraph owns: nothing is read. Throws `BAD_USER_INPUT` where it carries no key whole. */
export function stubReference({ name, keys, external }: Stub): (reference: PlainObject, context: RequestContext, info: GraphQLResolveInfo) => Promise<PlainObject> {
  const fields = new Set([...keys.flat().map((path) => path.split('.')[0] ?? ''), ...external]);
  return (reference, context, info) => {
    context.operation.at(info);
    if (!keys.some((paths) => paths.every((path) => isKeyValue(valueAt(reference, path))))) {
      const known = keys.map((paths) => `"${paths.join(' ')}"`).join(' or ');
      // Not thrown, which would fail the whole list: it fails in its own place.
      return Promise.reject(new MeridianError({ code: 'BAD_USER_INPUT', message: `A representation of ${name} carries none of its keys whole; send ${known}.` }));
    }
    return Promise.resolve(Object.fromEntries([...fields].filter((field) => Object.hasOwn(reference, field)).map((field) => [field, reference[field]])));
  };
}

/** Values of a relation's columns from the key of an object without a row. Throws `BAD_USER_INPUT` for a value that no such column can have. */
export function keyOfStub(stub: Stub, target: Entity, { from, to }: Selection['join']): (parent: unknown) => readonly unknown[] {
  const sides = from.map((path, i) => ({ path, type: columnType(target, to[i] ?? '') }));
  return (parent) =>
    sides.map(({ path, type }) => {
      const value = valueAt(parent, path);
      if (value === undefined) throw badInput(`A representation of ${stub.name} does not carry ${path}, which is asked for; send it.`);
      return inputParam(type, value, `${stub.name}.${path}`);
    });
}
