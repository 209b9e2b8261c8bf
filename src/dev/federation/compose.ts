/** Owns the composition of subgraphs into a supergraph, with all composition errors reported at once. */
import { composeServices, compositionHasErrors } from '@theguild/federation-composition';
import { type DocumentNode, type GraphQLError } from 'graphql';
import { MeridianError } from '../../base/errors.ts';

export interface SubgraphSdl {
  readonly name: string;
  /** The URL at which gateways reach it. */
  readonly url: string;
  readonly typeDefs: DocumentNode;
}

/** Fixes for the most frequent errors. */
const FIXES: Readonly<Record<string, string>> = {
  INVALID_FIELD_SHARING:
    'keep the field in one subgraph, or mark it @shareable in each, or @external where it is only a key',
  SATISFIABILITY_ERROR: 'give the type a @key by which the other subgraph can find it',
  FIELD_TYPE_MISMATCH: 'let every subgraph declare the same type',
  EXTERNAL_MISSING_ON_BASE: 'declare the field in the subgraph that owns the type, or take it out here',
  KEY_INVALID_FIELDS: 'name fields of the type in its @key',
  NO_QUERIES: 'give a subgraph a Query with a field',
  TYPE_KIND_MISMATCH: 'give one of the two types another name',
  INVALID_GRAPHQL: 'correct the SDL of that subgraph',
};
const OTHER_FIX = 'correct the SDL of the subgraphs that it names';

/** The supergraph's SDL. Throws one `SCHEMA_INVALID` that lists every error of the composition. */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): string {
  const result = composeServices(subgraphs.map(({ name, url, typeDefs }) => ({ name, url, typeDefs })));
  if (!compositionHasErrors(result)) return result.supergraphSdl;
  const lines = [...new Set(result.errors.map((error) => told(error)))];
  const count = lines.length === 1 ? 'one problem' : `${lines.length} problems`;
  throw new MeridianError({
    code: 'SCHEMA_INVALID',
    message: `The subgraphs ${subgraphs.map(({ name }) => name).join(', ')} do not compose into one graph, which has ${count}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  });
}

/**
 * `work: Type "User" is …; give the type a @key …`: the composition puts the subgraph into brackets if only one is at
 * fault.
 */
function told({ message, extensions }: GraphQLError): string {
  const [, only, rest] = /^\[([^\]]+)\]\s*([^]*)$/.exec(message) ?? [undefined, undefined, message];
  const sentence = (rest ?? message)
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const code = typeof extensions['code'] === 'string' ? extensions['code'] : '';
  return `${only === undefined ? '' : `${only}: `}${sentence}; ${FIXES[code] ?? OTHER_FIX}${code === '' ? '' : ` (${code})`}`;
}
