/** Owns references: from a federation representation to its entity, through the same loaders as every other read. */
import {
  isInterfaceType,
  isUnionType,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Entity, type EntityInterface, type Row } from '../model/model.ts';
import { NotHere } from '../read/loaders/reads-now.ts';
import { type RequestContext } from './context.ts';
import { type PlanLoaders } from './plan/plan.ts';
import { isSomething, noKey, storedValue, valueAt } from './objects.ts';
import { fittedRepresentation } from './variables.ts';

type Reference = Readonly<Record<string, unknown>>;
export type ReferenceResolver = (
  reference: Reference,
  context: RequestContext,
  info: GraphQLResolveInfo,
) => Promise<Row | null>;
/** Looks a reference up through these loaders, without an operation to ask. */
export type Finder = (
  reference: Reference,
  schema: GraphQLSchema,
  loaders: PlanLoaders,
) => Promise<Row | null> | Row | null;

export function referenceResolver(entity: Entity): ReferenceResolver {
  return resolving(referenceFinder(entity));
}

export function interfaceReference(type: EntityInterface, entities: ReadonlyMap<string, Entity>): ReferenceResolver {
  return resolving(interfaceFinder(type, entities));
}

function resolving(find: Finder): ReferenceResolver {
  return async (reference, context, info) =>
    ownCopy(await find(reference, info.schema, context.operation.at(info).loaders));
}

/**
 * Tries the entity's `@key`s in order and uses the first one whose fields are all in the representation. Fields of
 * other subgraphs in the representation are on the row that resolvers see, by their names.
 */
export function referenceFinder(entity: Entity): Finder {
  const keys = entity.federationKeys.map((columns, i) => ({ columns, paths: entity.keyPaths[i] ?? [] }));
  return (reference, schema, loaders) => {
    const key = keys.find(({ paths }) => paths.every((path) => isSomething(valueAt(reference, path))));
    if (!key) throw noKey(entity.name, entity.keyPaths);
    const values = key.paths.map((path) =>
      storedValue({ schema, type: entity.name, path, value: valueAt(reference, path) }),
    );
    const row = loaders.one(entity.name, key.columns, values);
    if (entity.external.length === 0) return row;
    return row instanceof Promise
      ? row.then((found) => withBrought(entity, reference, found))
      : withBrought(entity, reference, row);
  };
}

/** The row with what the representation carries of other subgraphs' fields. */
function withBrought(entity: Entity, reference: Reference, row: Row | null): Row | null {
  const brought = row === null ? [] : entity.external.filter((field) => Object.hasOwn(reference, field));
  return brought.length === 0
    ? row
    : {
        ...row,
        ...Object.fromEntries(
          brought.flatMap((field) => broughtAs(entity, field).map((name) => [name, reference[field]])),
        ),
      };
}

/** What the representation says of a field goes before what a column of ours does. */
function broughtAs(entity: Entity, field: string): readonly string[] {
  const shown = entity.fields.get(field);
  return shown?.kind === 'column' ? [field, shown.column] : [field];
}

/**
 * Asks every entity that implements the interface; the one that has the row is meant. Their keys may have different
 * types: a value that is invalid for one type may name a row of another. Throws `BAD_USER_INPUT` for a value that is
 * valid for none.
 */
export function interfaceFinder(
  { name, keys, implementations }: EntityInterface,
  entities: ReadonlyMap<string, Entity>,
): Finder {
  const asked = implementations.flatMap((type) => {
    const entity = entities.get(type);
    return entity ? [{ type, find: referenceFinder(entity) }] : [];
  });
  const find = async (...[reference, schema, loaders]: Parameters<Finder>): Promise<Row | null> => {
    if (!keys.some((paths) => paths.every((path) => isSomething(valueAt(reference, path))))) throw noKey(name, keys);
    const found = await Promise.all(
      asked.map(async ({ type, find }) => ({ type, row: await refusable(() => find(reference, schema, loaders)) })),
    );
    const meant = found.find(({ row }) => row !== null && !(row instanceof Error));
    if (meant) return { ...meant.row, __typename: meant.type };
    const refused = found.map(({ row }) => row).filter((row) => row instanceof Error);
    if (refused[0] !== undefined && refused.length === found.length) throw refused[0];
    return null;
  };
  return (reference, schema, loaders) => {
    // Which of the entities has the row, is a matter of several reads.
    if ('isNow' in loaders) throw new NotHere();
    return find(reference, schema, loaders);
  };
}

async function refusable(find: () => ReturnType<Finder>): Promise<Row | MeridianError | null> {
  try {
    return await find();
  } catch (error) {
    if (isMeridianError(error, 'BAD_USER_INPUT')) return error;
    throw error;
  }
}

/**
 * The subgraph library writes `__typename` on the result of a reference, but rows from a cache are shared and frozen,
 * so they are copied.
 */
export function ownCopy<T>(value: T): T {
  return typeof value === 'object' && value !== null && Object.isFrozen(value) ? { ...value } : value;
}

type EntitiesResolver = GraphQLFieldResolver<unknown, RequestContext, { readonly representations: readonly unknown[] }>;

/**
 * Representations are arbitrary JSON: one that names no entity is an error of the client, and only its own place in the
 * answer fails.
 */
export function guardRepresentations(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()['_entities'];
  const resolve = field?.resolve as EntitiesResolver | undefined;
  if (!field || !resolve) return;
  const guarded: EntitiesResolver = (parent, { representations }, context, info) => {
    const checked = representations.map((it) => checkedRepresentation(schema, it));
    const sound = checked.filter((it) => !(it instanceof Error));
    const found = (resolve(parent, { representations: sound }, context, info) as readonly unknown[]).values();
    return checked.map((it) => (it instanceof Error ? it : found.next().value));
  };
  field.resolve = guarded as GraphQLFieldResolver<unknown, unknown>;
}

/** The representation with numbers in the form of its type; or the error. */
export function checkedRepresentation(schema: GraphQLSchema, representation: unknown): object | Error {
  if (!namesEntity(schema, representation)) return noEntity();
  try {
    return fittedRepresentation(schema, representation.__typename, representation);
  } catch (error) {
    if (isMeridianError(error)) return error;
    throw error;
  }
}

function namesEntity(
  schema: GraphQLSchema,
  representation: unknown,
): representation is { readonly __typename: string } {
  if (typeof representation !== 'object' || representation === null || !Object.hasOwn(representation, '__typename'))
    return false;
  const { __typename: name } = representation as { readonly __typename: unknown };
  // A list of one name would be taken for the name in a lookup, and for an unknown name where the type is checked
  // again.
  const type = typeof name === 'string' ? schema.getType(name) : undefined;
  const entities = schema.getType('_Entity');
  if (type === undefined || !resolvesReferences(type)) return false;
  return isInterfaceType(type) || (isUnionType(entities) && entities.getTypes().some((entity) => entity === type));
}

/**
 * Whether references of the type are looked up here. For any other type the subgraph library returns the representation
 * itself as the object: the client could then define a row's contents, and see fields of rows that it may not read.
 */
function resolvesReferences({ extensions }: GraphQLNamedType): boolean {
  const { subgraph } = (extensions['apollo'] ?? {}) as { readonly subgraph?: { readonly resolveReference?: unknown } };
  return typeof subgraph?.resolveReference === 'function';
}

function noEntity(): MeridianError {
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message:
      'A representation is no object whose "__typename" is an entity that is looked up here; send one with a "__typename" and a key.',
  });
}
