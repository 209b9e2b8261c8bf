/** Owns the fields of a schema that the model resolves, and how. An operation of only such fields needs no resolver. */
import {
  isAbstractType,
  isCompositeType,
  isIntrospectionType,
  isObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import {
  type Entity,
  type EmbeddedField,
  type Field,
  type LookupRoot,
  type Model,
  type RootField,
  type ToOneField,
} from '../../model/model.ts';
import { keyOfStub, stubObject } from '../objects.ts';
import { interfaceFinder, referenceFinder, type Finder } from '../reference.ts';
import { isFieldMap, keyOfRow, type SelectionField, type UserResolvers } from '../resolvers.ts';
import { type ParentValues } from '../../read/loaders/preparations.ts';

type KeyOf = (parent: unknown) => ParentValues;

/** How a field's value is obtained. */
export type Resolved =
  | { readonly kind: 'property' }
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'embedded'; readonly field: EmbeddedField }
  | { readonly kind: 'object' }
  | { readonly kind: 'lookup'; readonly field: LookupRoot }
  | { readonly kind: 'toOne'; readonly field: ToOneField; readonly keyOf: (parent: unknown) => readonly unknown[] }
  | { readonly kind: 'selection'; readonly field: SelectionField; readonly keyOf: KeyOf }
  | { readonly kind: 'entities' };

export interface ResolvedSchema {
  /** Undefined for a field with a resolver that is not the model's. */
  readonly fields: ReadonlyMap<GraphQLField<unknown, unknown>, Resolved>;
  /** The finders of references by type; types whose references the application resolves have none. */
  readonly finders: ReadonlyMap<string, Finder>;
  /** Abstract types for which the application determines the type of an object, and object types with `isTypeOf`. */
  readonly typed: ReadonlySet<GraphQLNamedType>;
}

const schemas = new WeakMap<GraphQLSchema, ResolvedSchema>();

/** Records the fields of a new schema before other code wraps the model's resolvers. */
export function rememberResolved(schema: GraphQLSchema, model: Model, user: UserResolvers): void {
  const fields = new Map<GraphQLField<unknown, unknown>, Resolved>();
  const typed = new Set<GraphQLNamedType>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type)) continue;
    if (isCompositeType(type) && isTyped(type, user)) typed.add(type);
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const resolved = isOwn(user, type.name, field.name) ? undefined : resolvedBy({ schema, model }, type, field);
      if (resolved) fields.set(field, resolved);
    }
  }
  const finders = findersOf(model, user);
  for (const { name } of typed) finders.delete(name);
  schemas.set(schema, { fields, finders, typed });
}

/** Undefined for a schema that was built elsewhere. */
export function resolvedOf(schema: GraphQLSchema): ResolvedSchema | undefined {
  return schemas.get(schema);
}

/** Whether the application resolves the field itself. A value that is not a map of fields stands for the whole type. */
function isOwn(user: UserResolvers, type: string, field: string): boolean {
  const given = Object.hasOwn(user, type) ? user[type] : undefined;
  return given !== undefined && (!isFieldMap(given) || Object.hasOwn(given, field));
}

function isTyped(type: GraphQLNamedType, user: UserResolvers): boolean {
  if (isObjectType(type)) return type.isTypeOf !== undefined && type.isTypeOf !== null;
  // The subgraph library determines the types of references itself.
  if (type.name === '_Entity') return isOwn(user, type.name, '__resolveType');
  return isAbstractType(type) && type.resolveType !== undefined && type.resolveType !== null;
}

function resolvedBy(
  { schema, model }: { readonly schema: GraphQLSchema; readonly model: Model },
  type: GraphQLNamedType,
  field: GraphQLField<unknown, unknown>,
): Resolved | undefined {
  if (type === schema.getQueryType()) {
    const root = type.name === 'Query' ? model.queries.get(field.name) : undefined;
    if (root) return rootResolved(root);
    if (field.name === '_entities') return { kind: 'entities' };
  }
  if (type === schema.getSubscriptionType()) {
    const root = type.name === 'Subscription' ? model.subscriptions.get(field.name) : undefined;
    if (root) return rootResolved(root);
  }
  const entity = model.entities.get(type.name);
  const shown = entity?.fields.get(field.name);
  if (shown) return fieldResolved(shown);
  const stub = model.stubs.get(type.name);
  const beside = stub?.fields.get(field.name);
  if (stub && beside)
    return beside.kind === 'column' || beside.kind === 'embedded'
      ? undefined
      : relationResolved(beside, keyOfStub(stub, targetOf(model, beside.target), beside.join));
  return field.resolve ? undefined : { kind: 'property' };
}

function rootResolved(field: RootField): Resolved {
  switch (field.kind) {
    case 'lookup':
      return { kind: 'lookup', field };
    case 'object':
      return { kind: 'object' };
    default:
      return { kind: 'selection', field, keyOf: () => null };
  }
}

function fieldResolved(field: Field): Resolved {
  switch (field.kind) {
    case 'column':
      return { kind: 'column', column: field.column };
    case 'embedded':
      return { kind: 'embedded', field };
    default:
      return relationResolved(field, keyOfRow(field.join));
  }
}

function relationResolved(
  field: ToOneField | SelectionField,
  keyOf: (parent: unknown) => readonly unknown[],
): Resolved {
  return field.kind === 'toOne' ? { kind: 'toOne', field, keyOf } : { kind: 'selection', field, keyOf };
}

function targetOf(model: Model, name: string): Entity {
  const entity = model.entities.get(name);
  if (!entity) throw new TypeError(`the model has no entity ${name}`);
  return entity;
}

function findersOf(model: Model, user: UserResolvers): Map<string, Finder> {
  const finders = new Map<string, Finder>();
  for (const entity of model.entities.values())
    if (entity.federationKeys.length > 0) finders.set(entity.name, referenceFinder(entity));
  for (const type of model.interfaces.values()) finders.set(type.name, interfaceFinder(type, model.entities));
  for (const stub of model.stubs.values()) if (stub.keys.length > 0) finders.set(stub.name, stubObject(stub));
  for (const name of finders.keys()) if (isOwn(user, name, '__resolveReference')) finders.delete(name);
  return finders;
}
