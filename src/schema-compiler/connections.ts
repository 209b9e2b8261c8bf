/**
 * Owns recognising Relay connections by their structure: edges with node and cursor, pageInfo, and the optional fields.
 */
import { isObjectType, type GraphQLNamedType, type GraphQLObjectType } from 'graphql';
import { hasResolver, type Compilation, type Draft } from './context.ts';
import { shapeOf } from './directives.ts';

const PAGE_INFO = ['hasNextPage', 'hasPreviousPage', 'startCursor', 'endCursor'];

/** The entity that a connection type pages through; null if the type is not a connection. */
export function connectionTarget(compilation: Compilation, type: GraphQLNamedType): Draft | null {
  if (!isObjectType(type) || compilation.drafts.has(type.name)) return null;
  const edges = type.getFields()['edges'];
  if (!edges) return null;
  const edge = shapeOf(edges.type);
  const node = isObjectType(edge.named) ? edge.named.getFields()['node'] : undefined;
  return node && edge.lists === 1 ? (compilation.drafts.get(shapeOf(node.type).named.name) ?? null) : null;
}

/** Reports fields of a connection type that nothing resolves. */
export function checkConnection(compilation: Compilation, type: GraphQLObjectType, target: Draft): void {
  const { problems } = compilation;
  const name = target.type.name;
  for (const field of Object.values(type.getFields())) {
    if (hasResolver(compilation, type.name, field.name)) continue;
    const { named, lists } = shapeOf(field.type);
    const place = `${type.name}.${field.name}`;
    if (field.name === 'edges' && isObjectType(named)) checkEdge(compilation, named);
    else if (field.name === 'nodes' && (named !== target.type || lists !== 1))
      problems.error(field.astNode, `${place} must be [${name}!]!, the rows of the page`);
    else if (field.name === 'totalCount' && (named.name !== 'Int' || lists > 0))
      problems.error(field.astNode, `${place} must be Int!, the number of all rows`);
    else if (
      field.name === 'pageInfo' &&
      !(
        isObjectType(named) &&
        Object.keys(named.getFields()).every(
          (key) => PAGE_INFO.includes(key) || hasResolver(compilation, named.name, key),
        )
      )
    ) {
      problems.error(field.astNode, `${place} must be PageInfo!, with no fields but ${PAGE_INFO.join(', ')}`);
    } else if (!['edges', 'nodes', 'totalCount', 'pageInfo'].includes(field.name)) {
      problems.error(
        field.astNode,
        `${place} is no part of a connection (edges, nodes, pageInfo, totalCount); remove it or write a resolver`,
      );
    }
  }
}

function checkEdge(compilation: Compilation, edge: GraphQLObjectType): void {
  for (const field of Object.values(edge.getFields())) {
    if (field.name === 'node' || field.name === 'cursor' || hasResolver(compilation, edge.name, field.name)) continue;
    compilation.problems.error(
      field.astNode,
      `${edge.name}.${field.name} is no part of an edge (node, cursor); remove it or write a resolver`,
    );
  }
}
