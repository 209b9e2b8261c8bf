/**
 * Owns the graph as clients see it: without the directives that are for Meridian, for federation and for composers, in an
 * order that does not depend on files.
 */
import {
  buildASTSchema,
  Kind,
  lexicographicSortSchema,
  specifiedDirectives,
  visit,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

const OF_GRAPHQL: ReadonlySet<string> = new Set(specifiedDirectives.map(({ name }) => name));

/** Types of federation's own, which a printed subgraph may hold. */
const OF_FEDERATION = /^(link__|federation__|_FieldSet$|_Any$|_Entity$|_Service$|FieldSet$)/;

export function clientGraph({ definitions }: DocumentNode): GraphQLSchema {
  const shown = definitions.filter(isForClients).map((node): DefinitionNode =>
    visit(node, {
      Directive: ({ name }) => (OF_GRAPHQL.has(name.value) ? undefined : null),
      FieldDefinition: ({ name }) => (name.value === '_entities' || name.value === '_service' ? null : undefined),
    }),
  );
  return lexicographicSortSchema(buildASTSchema({ kind: Kind.DOCUMENT, definitions: shown }, { assumeValidSDL: true }));
}

function isForClients(node: DefinitionNode): boolean {
  // A schema's extension says what is linked; which types its roots are stands in its definition.
  if (node.kind === Kind.SCHEMA_EXTENSION) return (node.operationTypes ?? []).length > 0;
  if (node.kind === Kind.DIRECTIVE_DEFINITION)
    return node.locations.some(({ value }) => ['QUERY', 'MUTATION', 'SUBSCRIPTION', 'FIELD'].includes(value));
  return !('name' in node && node.name && OF_FEDERATION.test(node.name.value));
}
