/**
 * Owns the schema that a subgraph publishes to composers: without the directives that only Meridian uses, which name
 * tables, columns and conditions.
 */
import { Kind, visit, type DefinitionNode, type DirectiveDefinitionNode, type DocumentNode } from 'graphql';
import { builtInDefinitions } from './files.ts';
import { isForSchemas, linkedDirectives } from './meridian-link.ts';

/** A directive of Meridian stays if the schema imports it by a `@link`: then it may be composed into the supergraph. */
export function publishedDocument({ definitions }: DocumentNode): DocumentNode {
  const linked = linkedDirectives(definitions);
  const hidden = new Map(
    builtInDefinitions().flatMap((node) =>
      isForSchemas(node) && !linked.has(node.name.value) ? [[node.name.value, node] as const] : [],
    ),
  );
  const shown = definitions
    .filter((node) => node.kind !== Kind.DIRECTIVE_DEFINITION || !hidden.has(node.name.value))
    .map((node) => without(node, hidden));
  const needless = namesIn([...hidden.values()]);
  const needed = namesIn(shown);
  return {
    kind: Kind.DOCUMENT,
    definitions: shown.filter(
      (node) =>
        node.kind !== Kind.ENUM_TYPE_DEFINITION || needed.has(node.name.value) || !needless.has(node.name.value),
    ),
  };
}

function without(node: DefinitionNode, hidden: ReadonlyMap<string, DirectiveDefinitionNode>): DefinitionNode {
  return visit(node, { Directive: ({ name }) => (hidden.has(name.value) ? null : undefined) });
}

/** Names of the types that definitions mention. */
function namesIn(definitions: readonly DefinitionNode[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const node of definitions) visit(node, { NamedType: ({ name }) => void names.add(name.value) });
  return names;
}
