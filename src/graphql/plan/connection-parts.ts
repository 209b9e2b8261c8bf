/** Owns the planning of a connection's own fields: which of them need a page, and which the total. */
import { isObjectType, type FieldNode, type GraphQLNamedType, type GraphQLObjectType } from 'graphql';
import { NotPlanned } from './plan.ts';
import { type ConnectionParts, type ConnectionRead } from './reads.ts';
import { type Resolved } from './resolved.ts';
import { type FieldParts } from './values.ts';

type Nodes = readonly FieldNode[];

/** The access to fields that the maker of a plan provides. */
export interface Fields {
  subfields(type: GraphQLObjectType, nodes: Nodes): ReadonlyMap<string, Nodes>;
  resolved(type: GraphQLObjectType, nodes: Nodes): Resolved;
  parts(type: GraphQLObjectType, key: string, nodes: Nodes): FieldParts;
}

type PageField = Extract<ConnectionRead, { readonly what: 'page' }>['fields'][number];
type TotalField = Extract<ConnectionRead, { readonly what: 'total' }>['fields'][number];

/** Throws `NotPlanned` for a connection with fields of its own besides the standard ones. */
export function connectionParts(fields: Fields, type: GraphQLNamedType, nodes: Nodes): ConnectionParts {
  if (!isObjectType(type)) throw new NotPlanned();
  const collected = fields.subfields(type, nodes);
  const fixed = new Map<string, unknown>();
  const page: PageField[] = [];
  const total: TotalField[] = [];
  const reads: ConnectionRead[] = [];
  for (const [key, inner] of collected) {
    const name = inner[0]?.name.value;
    if (key === '__proto__') throw new NotPlanned();
    if (name === '__typename') {
      fixed.set(key, type.name);
      continue;
    }
    const parts = partsOf(fields, type, key, inner);
    if (name === 'totalCount') {
      if (total.push({ parts }) === 1) reads.push({ what: 'total', fields: total });
    } else if (name === 'edges' || name === 'nodes' || name === 'pageInfo') {
      if (page.push({ name, parts }) === 1) reads.push({ what: 'page', fields: page });
    } else throw new NotPlanned();
  }
  return { keys: [...collected.keys()], fixed, reads };
}

function partsOf(fields: Fields, type: GraphQLObjectType, key: string, nodes: Nodes): FieldParts {
  if (fields.resolved(type, nodes).kind !== 'property') throw new NotPlanned();
  const parts = fields.parts(type, key, nodes);
  // The fields of our connections have no arguments.
  if (parts.args !== null) throw new NotPlanned();
  return parts;
}
