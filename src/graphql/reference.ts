/** Owns references: a federation representation to its entity, through the same loaders as every other read. */
import { type GraphQLResolveInfo } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Entity, type Row } from '../model/model.ts';
import { type RequestContext } from './context.ts';

type Reference = Readonly<Record<string, unknown>>;

/** Tries the entity's `@key`s in order and takes the first whose fields the representation carries whole. */
export function referenceResolver(entity: Entity): (reference: Reference, context: RequestContext, info: GraphQLResolveInfo) => Promise<Row | null> {
  const fieldOf = new Map([...entity.fields].flatMap(([name, field]) => (field.kind === 'column' ? [[field.column, name] as const] : [])));
  const keys = entity.federationKeys.map((columns) => ({ columns: [...columns], fields: columns.map((column) => fieldOf.get(column) ?? column) }));
  return async (reference, context, info) => {
    const key = keys.find(({ fields }) => fields.every((field) => reference[field] !== undefined && reference[field] !== null));
    if (!key) {
      const known = keys.map(({ fields }) => `"${fields.join(' ')}"`).join(' or ');
      throw new MeridianError({ code: 'BAD_USER_INPUT', message: `A representation of ${entity.name} carries none of its keys whole; send ${known}.` });
    }
    return context.operation.at(info).loaders.one(entity.name, key.columns, key.fields.map((field) => reference[field]));
  };
}
