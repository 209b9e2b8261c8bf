/** Owns composing subgraphs in tests, as the composers do that teams use: from the SDL that each subgraph serves. */
import { composeServices, type ServiceDefinition } from '@theguild/federation-composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { buildSchema, graphql, parse, type DocumentNode, type GraphQLSchema } from 'graphql';

/** The SDL of `_service`, which is all that a composer sees of a subgraph. */
export async function servedSdl(typeDefs: DocumentNode): Promise<string> {
  const { data } = await graphql({ schema: buildSubgraphSchema([{ typeDefs }]), source: '{ _service { sdl } }' });
  return (data?.['_service'] as { sdl: string }).sdl;
}

export interface Supergraph {
  readonly supergraphSdl: string;
  /** What clients of the graph see. */
  readonly api: GraphQLSchema;
}

/** Subgraphs by name, composed by the Guild's composer. Throws with every error. */
export function composeByGuild(subgraphs: Readonly<Record<string, string>>): Supergraph {
  const services = Object.entries(subgraphs).map(([name, sdl]): ServiceDefinition => ({ name, url: `http://${name}.example/`, typeDefs: parse(sdl) }));
  const { supergraphSdl, publicSdl, errors } = composeServices(services);
  if (errors) throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
  return { supergraphSdl, api: buildSchema(publicSdl) };
}
