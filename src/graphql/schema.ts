/** Owns the executable schema: the user's SDL with Meridian's, as a Federation 2 subgraph. */
import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  astFromValue,
  defaultFieldResolver,
  getNamedType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  Kind,
  valueFromAST,
  type DocumentNode,
  type GraphQLArgument,
  type GraphQLFieldResolver,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { rememberColumns } from './column.ts';
import { conflictsResolver, type ConflictsDeps } from './conflicts.ts';
import { type RequestContext } from './context.ts';
import { healthResolver, type HealthDeps } from './health.ts';
import { rememberResolved } from './plan/resolved.ts';
import { guardRepresentations } from './reference.ts';
import { buildResolvers, type ResolverInput } from './resolvers.ts';
import { rememberScalars, SCALARS } from './scalars.ts';
import { type AdminFields } from '../schema-compiler/admin-fields.ts';
import { publishedDocument } from '../schema-compiler/published.ts';

export interface SchemaInput extends ResolverInput {
  readonly typeDefs: DocumentNode;
  /** Enums whose values have other labels in the database: enum → value → stored label. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly health: HealthDeps & ConflictsDeps;
  /** Names of the fields of `Query` that Meridian adds; an empty name: the field is not added. */
  readonly adminFields: AdminFields;
}

export function buildSchema(input: SchemaInput): GraphQLSchema {
  const resolvers = buildResolvers(input);
  const queries = resolvers['Query'] as Record<string, unknown>;
  const { regionHealth, conflicts } = input.adminFields;
  if (regionHealth !== '') queries[regionHealth] ??= healthResolver(input.health);
  if (conflicts !== '') queries[conflicts] ??= conflictsResolver(input.health);
  for (const [name, labels] of Object.entries(input.enums)) resolvers[name] ??= { ...labels };
  const defined = definedNames(input.typeDefs);
  for (const [name, scalar] of Object.entries(SCALARS)) if (defined.has(name)) resolvers[name] ??= scalar;
  const schema = buildSubgraphSchema([{ typeDefs: input.typeDefs, resolvers: resolvers as never }]);
  rememberColumns(schema);
  rememberResolved(schema, input.model, input.user);
  rememberScalars(schema, resolvers);
  readDefaults(schema);
  followDirectives(schema);
  guardRepresentations(schema);
  publish(schema, input.typeDefs);
  return schema;
}

/** Default values of the SDL were parsed before the scalars had their own parsers, and their numbers were rounded. */
function readDefaults(schema: GraphQLSchema): void {
  const done = new Set<GraphQLInputType>();
  const read = (input: GraphQLArgument | GraphQLInputField): void => {
    const node = input.astNode?.defaultValue;
    if (!node) return;
    // A default of an input type includes those of its fields.
    readFields(getNamedType(input.type));
    const given = valueFromAST(node, input.type);
    if (given !== undefined && isPrintable(given, input.type)) input.defaultValue = given;
  };
  const readFields = (type: GraphQLNamedType): void => {
    if (!isInputObjectType(type) || done.has(type)) return;
    done.add(type);
    Object.values(type.getFields()).forEach(read);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    readFields(type);
    if (isObjectType(type) || isInterfaceType(type))
      for (const { args } of Object.values(type.getFields())) args.forEach(read);
  }
}

/**
 * GraphQL cannot print a default of type JSON that is an object, or a number that JavaScript cannot represent: neither
 * the schema nor introspection could show it.
 */
function isPrintable(value: unknown, type: GraphQLInputType): boolean {
  try {
    return astFromValue(value, type) !== null;
  } catch {
    return false;
  }
}

/** `_service` is read by composers and other clients, which need not know how rows are stored. */
function publish(schema: GraphQLSchema, typeDefs: DocumentNode): void {
  const published = buildSubgraphSchema([{ typeDefs: publishedDocument(typeDefs) }]);
  const [field, told] = [schema, published].map((it) => it.getQueryType()?.getFields()['_service']);
  if (field && told?.resolve) field.resolve = told.resolve;
}

/** Objects that no resolver returns (a payload's entity, a connection's nodes) only lead to the fields below them. */
function followDirectives(schema: GraphQLSchema): void {
  const resolve: GraphQLFieldResolver<unknown, RequestContext> = (parent, args, context, info) => {
    context.operation.at(info);
    return defaultFieldResolver(parent, args, context, info);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    for (const field of Object.values(type.getFields()))
      if (isCompositeType(getNamedType(field.type))) field.resolve ??= resolve;
  }
}

/** Scalars that the schema does not use are left out, and must not have a resolver. */
function definedNames(document: DocumentNode): ReadonlySet<string> {
  const scalars = document.definitions.filter((definition) => definition.kind === Kind.SCALAR_TYPE_DEFINITION);
  return new Set(scalars.map(({ name }) => name.value));
}
