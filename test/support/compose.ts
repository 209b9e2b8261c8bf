/** Owns composing subgraphs in tests, as the composers do that teams use: from the SDL that each subgraph serves. */
import { composeServices as composeOfApollo } from '@apollo/composition';
import { composeServices, type ServiceDefinition } from '@theguild/federation-composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { buildSchema, graphql, parse, type DocumentNode, type GraphQLSchema } from 'graphql';
import { publishedDocument } from '../../src/schema-compiler/published.ts';

/** The SDL of `_service`, which is all that a composer sees of a subgraph. */
export async function servedSdl(typeDefs: DocumentNode): Promise<string> {
  const { data } = await graphql({
    schema: buildSubgraphSchema([{ typeDefs: publishedDocument(typeDefs) }]),
    source: '{ _service { sdl } }',
  });
  return (data?.['_service'] as { sdl: string }).sdl;
}

export interface Supergraph {
  readonly supergraphSdl: string;
  /** What clients of the graph see. */
  readonly api: GraphQLSchema;
  /** What the composer points out although it composes: codes and sentences. Only Apollo's has any. */
  readonly hints: readonly string[];
}

/** SDL of subgraphs by their names, where it is of no matter where they run. */
export type Subgraphs = Readonly<Record<string, string>>;

export interface Subgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

function servicesOf(subgraphs: Subgraphs | readonly Subgraph[]): ServiceDefinition[] {
  const all = Array.isArray(subgraphs)
    ? (subgraphs as readonly Subgraph[])
    : Object.entries(subgraphs as Subgraphs).map(([name, sdl]) => ({ name, url: `http://${name}.example/`, sdl }));
  return all.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) }));
}

function throwErrors(errors: readonly Error[] | undefined): void {
  if (errors) throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
}

/** By the Guild's composer (Hive). Throws with every error. */
export function composeByGuild(subgraphs: Subgraphs | readonly Subgraph[]): Supergraph {
  const result = composeServices(servicesOf(subgraphs));
  throwErrors(result.errors);
  return { supergraphSdl: result.supergraphSdl ?? '', api: buildSchema(result.publicSdl ?? ''), hints: [] };
}

/** By Apollo's composer (Rover, GraphOS). Throws with every error. */
export function composeByApollo(subgraphs: Subgraphs | readonly Subgraph[]): Supergraph {
  const result = composeOfApollo(servicesOf(subgraphs));
  throwErrors(result.errors);
  const { schema, supergraphSdl = '', hints = [] } = result;
  if (!schema) throw new TypeError('the composer gave neither a schema nor an error');
  return {
    supergraphSdl,
    api: schema.toAPISchema().toGraphQLJSSchema(),
    hints: hints.map(({ definition, message }) => `${definition.code}: ${message}`),
  };
}

export const COMPOSERS = { Guild: composeByGuild, Apollo: composeByApollo } as const;

export type Composer = keyof typeof COMPOSERS;
export const COMPOSER_NAMES = Object.keys(COMPOSERS) as readonly Composer[];

/** The supergraph's SDL alone. */
export function compose(subgraphs: readonly Subgraph[], composer: Composer = 'Guild'): string {
  return COMPOSERS[composer](subgraphs).supergraphSdl;
}
