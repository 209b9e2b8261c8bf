/** Owns the executable schema: the user's SDL with Meridian's, as a Federation 2 subgraph. */
import { buildSubgraphSchema } from '@apollo/subgraph';
import { Kind, type DocumentNode, type GraphQLSchema } from 'graphql';
import { healthResolver, type HealthDeps } from './health.ts';
import { buildResolvers, type ResolverInput } from './resolvers.ts';
import { SCALARS } from './scalars.ts';

export interface SchemaInput extends ResolverInput {
  readonly typeDefs: DocumentNode;
  /** Enums whose values are stored under other names: enum → value → stored label. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly health: HealthDeps;
}

export function buildSchema(input: SchemaInput): GraphQLSchema {
  const resolvers = buildResolvers(input);
  (resolvers['Query'] as Record<string, unknown>)['regionHealth'] ??= healthResolver(input.health);
  for (const [name, labels] of Object.entries(input.enums)) resolvers[name] ??= { ...labels };
  const defined = definedNames(input.typeDefs);
  for (const [name, scalar] of Object.entries(SCALARS)) if (defined.has(name)) resolvers[name] ??= scalar;
  return buildSubgraphSchema([{ typeDefs: input.typeDefs, resolvers: resolvers as never }]);
}

/** Scalars that the schema does not mention are left out of it, and must have no resolver either. */
function definedNames(document: DocumentNode): ReadonlySet<string> {
  const scalars = document.definitions.filter((definition) => definition.kind === Kind.SCALAR_TYPE_DEFINITION);
  return new Set(scalars.map(({ name }) => name.value));
}

