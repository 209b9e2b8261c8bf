/** Owns references: a federation representation to its entity, through the same loaders as every other read. */
import { getNamedType, isEnumType, isInterfaceType, isObjectType, isUnionType, type GraphQLFieldResolver, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import { type Entity, type Row } from '../model/model.ts';
import { argument, badInput } from '../read/input.ts';
import { type RequestContext } from './context.ts';

type Reference = Readonly<Record<string, unknown>>;

/** Tries the entity's `@key`s in order and takes the first whose fields the representation carries whole. */
export function referenceResolver(entity: Entity): (reference: Reference, context: RequestContext, info: GraphQLResolveInfo) => Promise<Row | null> {
  const fieldOf = new Map([...entity.fields].flatMap(([name, field]) => (field.kind === 'column' ? [[field.column, name] as const] : [])));
  const keys = entity.federationKeys.map((columns) => ({ columns: [...columns], fields: columns.map((column) => fieldOf.get(column) ?? column) }));
  return async (reference, context, info) => {
    const key = keys.find(({ fields }) => fields.every((field) => (argument(reference, field) ?? null) !== null));
    if (!key) {
      const known = keys.map(({ fields }) => `"${fields.join(' ')}"`).join(' or ');
      throw badInput(`A representation of ${entity.name} carries none of its keys whole; send ${known}.`);
    }
    const values = key.fields.map((field) => stored(info.schema, entity.name, field, argument(reference, field)));
    return ownCopy(await context.operation.at(info).loaders.one(entity.name, key.columns, values));
  };
}

/** No argument of GraphQL's has checked a representation: what its enums call a value, the database may spell otherwise. Throws `BAD_USER_INPUT`. */
function stored(schema: GraphQLSchema, entity: string, field: string, value: unknown): unknown {
  const type = schema.getType(entity);
  const fieldType = isObjectType(type) ? getNamedType(type.getFields()[field]?.type) : undefined;
  if (!isEnumType(fieldType)) return value;
  const found = typeof value === 'string' ? fieldType.getValue(value) : null;
  if (!found) throw badInput(`A representation of ${entity} gives a "${field}" that is no value of ${fieldType.name}.`);
  return found.value;
}

/** The subgraph library writes `__typename` on what a reference resolves to; rows from a cache are frozen, since requests share them. */
export function ownCopy<T>(value: T): T {
  return typeof value === 'object' && value !== null && Object.isFrozen(value) ? { ...value } : value;
}

type EntitiesResolver = GraphQLFieldResolver<unknown, RequestContext, { readonly representations: readonly unknown[] }>;

/** Representations are any JSON: one that names no entity of ours is its sender's mistake, and only its own place in the answer fails. */
export function guardRepresentations(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()['_entities'];
  const resolve = field?.resolve as EntitiesResolver | undefined;
  if (!field || !resolve) return;
  const guarded: EntitiesResolver = (parent, { representations }, context, info) => {
    const sound = representations.filter((it) => namesEntity(schema, it));
    const found = (resolve(parent, { representations: sound }, context, info) as readonly unknown[]).values();
    return representations.map((it) => (namesEntity(schema, it) ? found.next().value : noEntity()));
  };
  field.resolve = guarded as GraphQLFieldResolver<unknown, unknown>;
}

function namesEntity(schema: GraphQLSchema, representation: unknown): boolean {
  if (typeof representation !== 'object' || representation === null || !Object.hasOwn(representation, '__typename')) return false;
  const { __typename: name } = representation as { readonly __typename: unknown };
  // A list of one name would pass for the name in a lookup, and for nothing known where the type is checked again.
  const type = typeof name === 'string' ? schema.getType(name) : undefined;
  const entities = schema.getType('_Entity');
  return type !== undefined && (isInterfaceType(type) || (isUnionType(entities) && entities.getTypes().some((entity) => entity === type)));
}

function noEntity(): Error {
  return badInput('A representation is no object whose "__typename" is an entity of this graph; send one with a "__typename" and a key.');
}
