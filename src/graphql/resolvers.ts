/** Owns the resolver map: the model as resolvers over the loaders, together with the user's own. */
import { isNonNullType, type GraphQLFieldResolver, type GraphQLResolveInfo, type GraphQLScalarType } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import {
  type ConnectionField,
  type CountField,
  type Entity,
  type Field,
  type ListField,
  type Model,
  type RootField,
  type Row,
  type Selection,
  type Stub,
  type ToOneField,
} from '../model/model.ts';
import { type ParentValues } from '../read/loaders/preparations.ts';
import { type RequestContext, type ResolverContext } from './context.ts';
import { columnResolver } from './column.ts';
import { connectionObject } from './connection.ts';
import { embeddedResolver, keyOfStub, stubReference } from './objects.ts';
import { interfaceReference, ownCopy, referenceResolver } from './reference.ts';
import { namingTexts } from './refused-text.ts';
import { writeResolver, type WriteDeps } from './write.ts';

type Resolver = GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>>;
export type UserResolver = (
  parent: unknown,
  args: Record<string, unknown>,
  context: ResolverContext,
  info: GraphQLResolveInfo,
) => unknown;
/**
 * What `--resolvers FILE` exports: type → field → function, as usual in GraphQL. A scalar may be given as a
 * GraphQLScalarType.
 */
export type UserResolvers = Readonly<Record<string, GraphQLScalarType | Readonly<Record<string, unknown>>>>;

export type ResolverMap = Record<string, GraphQLScalarType | Record<string, unknown>>;

export interface ResolverInput {
  readonly model: Model;
  readonly user: UserResolvers;
  readonly write: WriteDeps;
}

/** The user's resolver takes precedence over the model's for the same field. */
export function buildResolvers({ model, user, write }: ResolverInput): ResolverMap {
  const map: ResolverMap = { Query: {}, Mutation: {} };
  for (const [name, field] of model.queries) own(map, 'Query')[name] = rootResolver(field);
  for (const [name, field] of model.subscriptions) own(map, 'Subscription')[name] = rootResolver(field);
  for (const [name, field] of model.mutations)
    own(map, 'Mutation')[name] = writeResolver(entityOf(model, field.target), field, write);
  for (const entity of model.entities.values()) {
    const type = own(map, entity.name);
    for (const [name, field] of entity.fields) type[name] = fieldResolver(field);
    if (entity.federationKeys.length > 0) type['__resolveReference'] = referenceResolver(entity);
  }
  for (const type of model.interfaces.values())
    own(map, type.name)['__resolveReference'] = interfaceReference(type, model.entities);
  for (const stub of model.stubs.values()) {
    const type = own(map, stub.name);
    for (const [name, field] of stub.fields) type[name] = stubFieldResolver(model, stub, field);
    if (stub.keys.length > 0) type['__resolveReference'] = stubReference(stub);
  }
  for (const [typeName, definition] of Object.entries(user)) {
    if (!isFieldMap(definition)) map[typeName] = definition;
    else for (const [name, value] of Object.entries(definition)) own(map, typeName)[name] = userResolver(name, value);
  }
  for (const name of ['Query', 'Mutation', 'Subscription']) {
    const root = own(map, name);
    for (const [field, resolve] of Object.entries(root))
      if (typeof resolve === 'function') root[field] = namingTexts(resolve as Resolver);
  }
  for (const name of ['Mutation', 'Subscription']) if (Object.keys(own(map, name)).length === 0) delete map[name];
  return map;
}

function own(map: ResolverMap, type: string): Record<string, unknown> {
  return (map[type] ??= {}) as Record<string, unknown>;
}

/** Otherwise it is a scalar. */
export function isFieldMap(value: unknown): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
}

function entityOf(model: Model, name: string): Entity {
  const entity = model.entities.get(name);
  if (!entity) throw new TypeError(`the model has no entity ${name}`);
  return entity;
}

/** Custom resolvers get the context bound to their field, so that `@consistent` applies to their reads. */
function userResolver(name: string, value: unknown): unknown {
  if (typeof value !== 'function') return value;
  const resolve = value as UserResolver;
  if (name === '__resolveReference')
    return async (reference: unknown, context: RequestContext, info: GraphQLResolveInfo) =>
      ownCopy(
        await (value as (r: unknown, c: ResolverContext, i: GraphQLResolveInfo) => unknown)(
          reference,
          context.at(info),
          info,
        ),
      );
  if (name === '__resolveType' || name === '__isTypeOf') return value;
  const bound: Resolver = (parent, args, context, info) => resolve(parent, args, context.at(info), info);
  return bound;
}

function rootResolver(field: RootField): Resolver {
  switch (field.kind) {
    case 'lookup': {
      const names = [...field.arguments.keys()];
      const columns = [...field.arguments.values()];
      return (_parent, args, context, info) =>
        context.operation.at(info).loaders.one(
          field.target,
          columns,
          names.map((name) => args[name]),
        );
    }
    case 'object':
      return (_parent, _args, context, info) => {
        context.operation.at(info);
        return {};
      };
    default:
      return selectionResolver(field, () => null);
  }
}

function fieldResolver(field: Field): Resolver {
  switch (field.kind) {
    case 'column':
      return columnResolver(field.column);
    case 'embedded':
      return embeddedResolver(field);
    case 'toOne':
      return toOneResolver(field, keyOfRow(field.join));
    default:
      return selectionResolver(field, keyOfRow(field.join));
  }
}

/** Values of a relation's columns from the row that has the relation. */
export function keyOfRow({ from }: Selection['join']): (parent: unknown) => readonly unknown[] {
  return (parent) => from.map((column) => (parent as Row)[column]);
}

function stubFieldResolver(model: Model, stub: Stub, field: Field): Resolver {
  if (field.kind === 'column' || field.kind === 'embedded')
    throw new TypeError(`${stub.name} has no row whose columns it could show`);
  const keyOf = keyOfStub(stub, entityOf(model, field.target), field.join);
  return field.kind === 'toOne' ? toOneResolver(field, keyOf) : selectionResolver(field, keyOf);
}

function toOneResolver({ target, join }: ToOneField, keyOf: (parent: unknown) => readonly unknown[]): Resolver {
  return async (parent, _args, context, info) => {
    const values = keyOf(parent);
    // A null in any part of the foreign key means that there is no such row; no statement is needed.
    const row = values.includes(null)
      ? null
      : await context.operation.at(info).loaders.one(target, join.to, values, join.comparisons);
    if (row === null && isNonNullType(info.returnType)) throw nothingToShow(target, info);
    return row;
  };
}

/** The same sentence for a row that was removed and for one of another tenant. */
function nothingToShow(target: string, { parentType, fieldName }: GraphQLResolveInfo): MeridianError {
  return new MeridianError({
    code: 'NOT_FOUND',
    message: `There is no ${target} that ${parentType.name}.${fieldName} could show, and the schema says that it is never null: the row was removed, or does not exist for this viewer.`,
  });
}

export type SelectionField = ListField | ConnectionField | CountField;

function selectionResolver(field: SelectionField, keyOf: (parent: unknown) => ParentValues): Resolver {
  switch (field.kind) {
    case 'list':
      return (parent, args, context, info) => context.operation.at(info).loaders.list(field, keyOf(parent), args);
    case 'count':
      return (parent, args, context, info) => context.operation.at(info).loaders.count(field, keyOf(parent), args);
    case 'connection':
      return (parent, args, context, info) =>
        connectionObject({ loaders: context.operation.at(info).loaders, field, parent: keyOf(parent), args });
  }
}
