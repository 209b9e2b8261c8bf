/**
 * Owns what a view's definition says about its rows: the table of which each row of the view is at most one row, or
 * the columns that the view groups by. Anything that cannot be determined for certain is left out.
 */
import { isNode, nodeOf, nodesOf, textOf, type TreeNode, type TreeValue } from './view-tree.ts';

/** Origin with a table or view identified by its OID. */
export interface Origin {
  readonly table: string | null;
  /** Column number of the view → column number of the table. */
  readonly columns: ReadonlyMap<number, number>;
  /** Column numbers of the view. */
  readonly grouped: readonly number[] | null;
}

export interface OriginInput {
  readonly tree: TreeValue;
  /** OIDs of equality operators. */
  readonly equal: ReadonlySet<string>;
  /** The table's unique keys whose columns are all not null. */
  readonly keysOf: (table: string) => readonly (readonly number[])[];
  readonly isNotNull: (table: string, column: number) => boolean;
}

const NOTHING: Origin = { table: null, columns: new Map(), grouped: null };
const RTE_RELATION = '0';
const RTE_GROUP = '9';
/** Inner and left joins return each row of the left side at most once if the right side is joined by a unique key. */
const JOIN_INNER = '0';
const JOIN_LEFT = '1';

export function originOf(input: OriginInput): Origin {
  const [query] = Array.isArray(input.tree) ? (input.tree as readonly TreeValue[]) : [input.tree];
  if (!isNode(query, 'QUERY')) return NOTHING;
  const targets = nodesOf(query, 'targetList').filter((target) => textOf(target, 'resjunk') !== 'true');
  const multiplies =
    nodeOf(query, 'setOperations') !== null ||
    textOf(query, 'hasTargetSRFs') === 'true' ||
    nodesOf(query, 'groupingSets').length > 0;
  if (multiplies) return NOTHING;
  const groups = nodesOf(query, 'groupClause');
  if (groups.length > 0) return { ...NOTHING, grouped: groupedBy(input, query, { groups, targets }) };
  if (textOf(query, 'hasAggs') === 'true') return NOTHING;
  const table = rowsOf(query, input);
  if (table === null) return NOTHING;
  const columns = targets
    .filter((target) => varOf(nodeOf(target, 'expr'))?.relation === table.index)
    .map((target): [number, number] => [Number(textOf(target, 'resno')), varOf(nodeOf(target, 'expr'))?.column ?? 0]);
  return { table: table.oid, columns: new Map(columns.filter(([, column]) => column > 0)), grouped: null };
}

/**
 * The columns that show the groups, without those that are functionally dependent on a key of their table; null if a
 * column may be null or is not shown.
 */
function groupedBy(
  { keysOf, isNotNull, equal }: OriginInput,
  query: TreeNode,
  { groups, targets }: { readonly groups: readonly TreeNode[]; readonly targets: readonly TreeNode[] },
): readonly number[] | null {
  const joined = joinOf(query, equal);
  if (!joined) return null;
  const entries = nodesOf(query, 'rtable');
  const found = groups.map((group) => {
    const target = targets.find((one) => textOf(one, 'ressortgroupref') === textOf(group, 'tleSortGroupRef'));
    const column = target && varOf(ungrouped(nodeOf(target, 'expr'), entries));
    const oid = column ? joined.oids.get(column.relation) : undefined;
    if (!target || !column || oid == null || joined.optional.has(column.relation) || !isNotNull(oid, column.column))
      return null;
    return { number: Number(textOf(target, 'resno')), ...column, oid };
  });
  const shown = found.filter((one) => one !== null);
  if (shown.length < found.length) return null;
  const kept = shown.filter(({ relation, column, oid }) => {
    const own = shown.filter((other) => other.relation === relation).map((other) => other.column);
    const key = keysOf(oid).find((columns) => columns.every((one) => own.includes(one)));
    return key === undefined || key.includes(column);
  });
  return kept.map(({ number }) => number);
}

/** From PostgreSQL 18 on, grouping expressions are in a range table entry of their own, which columns refer to. */
function ungrouped(expression: TreeNode | null, entries: readonly TreeNode[]): TreeNode | null {
  const column = varOf(expression);
  const entry = column && entries[column.relation - 1];
  if (!column || !entry || textOf(entry, 'rtekind') !== RTE_GROUP) return expression;
  return nodesOf(entry, 'groupexprs')[column.column - 1] ?? null;
}

interface Pair {
  readonly relation: number;
  readonly column: number;
  readonly with: number;
}

interface Joined {
  readonly members: readonly number[];
  /** Members on the nullable side of an outer join. */
  readonly optional: ReadonlySet<number>;
  readonly pairs: readonly Pair[];
  readonly oids: ReadonlyMap<number, string>;
}

/** The tables of a FROM clause; null if it contains anything other than tables and inner or left joins. */
function joinOf(query: TreeNode, equal: ReadonlySet<string>): Joined | null {
  const tree = nodeOf(query, 'jointree');
  if (!tree) return null;
  const members: number[] = [];
  const optional = new Set<number>();
  const pairs: Pair[] = [];
  let isPlain = true;
  const condition = (quals: TreeNode | null, only?: readonly number[]): void => {
    const found = quals ? pairsOf(quals, equal) : [];
    pairs.push(...(only ? found.filter(({ relation }) => only.includes(relation)) : found));
  };
  const visit = (node: TreeNode, isOptional: boolean): void => {
    if (node.tag === 'RANGETBLREF') {
      const index = Number(textOf(node, 'rtindex'));
      members.push(index);
      if (isOptional) optional.add(index);
    } else if (node.tag === 'JOINEXPR' && [JOIN_INNER, JOIN_LEFT].includes(textOf(node, 'jointype'))) {
      const [left, right] = [nodeOf(node, 'larg'), nodeOf(node, 'rarg')];
      const isLeft = textOf(node, 'jointype') === JOIN_LEFT;
      if (left) visit(left, isOptional);
      const before = members.length;
      if (right) visit(right, isOptional || isLeft);
      // The condition of a left join selects rows of the right side only, and removes none of the left side.
      condition(nodeOf(node, 'quals'), isLeft ? members.slice(before) : undefined);
    } else isPlain = false;
  };
  for (const part of nodesOf(tree, 'fromlist')) visit(part, false);
  condition(nodeOf(tree, 'quals'));
  const entries = nodesOf(query, 'rtable');
  const oids = new Map<number, string>();
  for (const index of members) {
    const entry = entries[index - 1];
    if (!entry || textOf(entry, 'rtekind') !== RTE_RELATION) return null;
    oids.set(index, textOf(entry, 'relid'));
  }
  return isPlain && members.length > 0 ? { members, optional, pairs, oids } : null;
}

/**
 * The relation each of whose rows occurs at most once: every other relation is joined by one of its own unique keys.
 */
function rowsOf(
  query: TreeNode,
  { equal, keysOf }: OriginInput,
): { readonly index: number; readonly oid: string } | null {
  const joined = joinOf(query, equal);
  if (!joined) return null;
  const { members, optional, pairs, oids } = joined;
  for (const index of members) {
    if (optional.has(index)) continue;
    const reached = new Set([index]);
    for (let size = 0; size !== reached.size;) {
      size = reached.size;
      for (const other of members) {
        const found = pairs
          .filter((pair) => pair.relation === other && reached.has(pair.with))
          .map(({ column }) => column);
        if (keysOf(oids.get(other) ?? '').some((key) => key.every((column) => found.includes(column))))
          reached.add(other);
      }
    }
    if (reached.size === members.length) return { index, oid: oids.get(index) ?? '' };
  }
  return null;
}

/** Equalities between columns of two relations that all rows satisfy, each in both directions. */
function pairsOf(quals: TreeNode, equal: ReadonlySet<string>): readonly Pair[] {
  if (quals.tag === 'BOOLEXPR' && textOf(quals, 'boolop') === 'and')
    return nodesOf(quals, 'args').flatMap((part) => pairsOf(part, equal));
  if (quals.tag !== 'OPEXPR' || !equal.has(textOf(quals, 'opno'))) return [];
  const [left, right] = nodesOf(quals, 'args').map(varOf);
  if (!left || !right || left.relation === right.relation) return [];
  return [
    { relation: left.relation, column: left.column, with: right.relation },
    { relation: right.relation, column: right.column, with: left.relation },
  ];
}

/** A column of the query's own relations, also under a binary-compatible cast. */
function varOf(expression: TreeNode | null): { readonly relation: number; readonly column: number } | null {
  if (expression?.tag === 'RELABELTYPE') return varOf(nodeOf(expression, 'arg'));
  if (expression?.tag !== 'VAR' || textOf(expression, 'varlevelsup') !== '0') return null;
  return { relation: Number(textOf(expression, 'varno')), column: Number(textOf(expression, 'varattno')) };
}
