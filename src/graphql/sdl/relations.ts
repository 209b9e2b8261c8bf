/** Owns how two entities belong together: by what `@relation` says, else by the one foreign key that fits. */
import { type ASTNode } from 'graphql';
import { coversUniqueKey, hasIndexOn, tableKey, type CatalogTable, type ForeignKey } from '../../model/catalog.ts';
import { type Join } from '../../model/model.ts';
import { snakeCase } from '../../model/names.ts';
import { comparisonsOf } from './comparing.ts';
import { requireColumns, tableName, type Compilation, type Draft } from './context.ts';
import { type RelationArguments } from './directives.ts';

export interface RelationRequest {
  readonly from: Draft;
  readonly to: Draft;
  /** Field that the relation is for; its name chooses among several foreign keys (`owner` → `owner_id`). */
  readonly field: string;
  readonly place: string;
  readonly node: ASTNode | null | undefined;
  readonly relation: Pick<RelationArguments, 'from' | 'to' | 'node'> | null;
  /** What the SDL calls the thing that names columns: `@relation` or `@count`. */
  readonly directive: string;
}

/** Join from a row to the one row that it points at. */
export function toOneJoin(compilation: Compilation, request: RelationRequest): Join | null {
  const { from, to, place, node } = request;
  const explicit = explicitJoin(compilation, request, () => ({ from: null, to: to.primaryKey }));
  if (explicit !== undefined) return explicit && checkedToOne(compilation, request, compared(compilation, request, explicit));
  const forward = references(from.table, to.table).map((key): Join => ({ from: key.columns, to: key.toColumns }));
  const backward = references(to.table, from.table).filter((key) => coversUniqueKey(to.table, key.columns)).map((key): Join => ({ from: key.toColumns, to: key.columns }));
  const join = choose(compilation, request, forward.length > 0 ? forward : backward, 'from');
  if (join) return checkedToOne(compilation, request, compared(compilation, request, join));
  if (join === undefined) {
    compilation.problems.error(node, `${place} has no foreign key from ${tableName(compilation, from.table)} to ${tableName(compilation, to.table)} to follow; add one, or name the columns with @relation(from: [...], to: [...])`);
  }
  return null;
}

/** Join from a row to the many rows that point at it. */
export function toManyJoin(compilation: Compilation, request: RelationRequest): Join | null {
  const { from, to, place, node } = request;
  const explicit = explicitJoin(compilation, request, () => ({ from: from.primaryKey, to: null }));
  const join = explicit !== undefined ? explicit : choose(compilation, request, references(to.table, from.table).map((key): Join => ({ from: key.toColumns, to: key.columns })), 'to');
  if (join === undefined) {
    compilation.problems.error(node, `${place} has no foreign key from ${tableName(compilation, to.table)} to ${tableName(compilation, from.table)} to follow; add one, or name the columns with ${request.directive}(from: [...], to: [...])`);
  }
  const sound = join ? compared(compilation, request, join) : null;
  if (!sound) return null;
  use(request, sound);
  warnWithoutIndex(compilation, request, sound);
  return sound;
}

/** What the directive says, null where it is wrong, undefined where it names no columns. */
function explicitJoin(compilation: Compilation, request: RelationRequest, otherwise: () => { from: readonly string[] | null; to: readonly string[] | null }): Join | null | undefined {
  const { relation, place, directive } = request;
  if (!relation || (relation.from === null && relation.to === null)) return undefined;
  const sides = { from: relation.from ?? otherwise().from, to: relation.to ?? otherwise().to };
  if (sides.from === null || sides.to === null) {
    const missing = sides.from === null ? 'from' : 'to';
    compilation.problems.error(relation.node, `${place} says only one side of its relation; add ${missing}: [...] to ${directive}`);
    return null;
  }
  const from = requireColumns(compilation, request.from, sides.from, relation.node, place);
  const to = requireColumns(compilation, request.to, sides.to, relation.node, place);
  if (!from || !to) return null;
  if (from.length !== to.length) {
    compilation.problems.error(relation.node, `${place} joins ${from.length} columns (${from.join(', ')}) with ${to.length} (${to.join(', ')}); name as many on either side`);
    return null;
  }
  return { from, to };
}

/** The join with how its pairs are compared; null (and a problem) where the database cannot. */
function compared(compilation: Compilation, { from, to, place, node, relation }: RelationRequest, join: Join): Join | null {
  const found = comparisonsOf(compilation.catalog, { from: from.table, to: to.table }, join);
  if ('problem' in found) {
    compilation.problems.error(relation?.node ?? node, `${place} ${found.problem}`);
    return null;
  }
  warnOfCasts(compilation, { to, place, node }, join, found.comparisons);
  return found.comparisons === undefined ? join : { ...join, comparisons: found.comparisons };
}

/** An index serves comparisons as the type of its column, and not as another type that the column is cast to. */
function warnOfCasts(compilation: Compilation, { to, place, node }: Pick<RelationRequest, 'to' | 'place' | 'node'>, join: Join, comparisons: Join['comparisons']): void {
  const { problems } = compilation;
  for (const [i, name] of join.to.entries()) {
    const [column, cast] = [to.table.columns.get(name), comparisons?.[i]?.columnCast ?? null];
    if (!column || cast === null || column.comparedAs === null || cast === column.comparedAs || column.type.operators?.ofDomain === true) continue;
    const other = cast.replace(/^pg_catalog\./, '');
    problems.warn(node, `${place} compares column "${name}" (${column.type.sql}) as ${other}, which an index on it does not serve; give both columns one type, or CREATE INDEX ON ${tableName(compilation, to.table)} ((${name}::${other}))`);
  }
}

/** The one candidate, or the one whose columns carry the field's name; null (and a problem) for a tie, undefined for none. */
function choose(compilation: Compilation, request: RelationRequest, candidates: readonly Join[], side: 'from' | 'to'): Join | null | undefined {
  const distinct = candidates.filter((join, i) => candidates.findIndex((other) => other.from.join() === join.from.join() && other.to.join() === join.to.join()) === i);
  if (distinct.length <= 1) return distinct[0];
  const name = snakeCase(request.field);
  const named = distinct.filter((join) => join[side].some((column) => column === name || column === `${name}_id`));
  if (named.length === 1) return named[0];
  const choices = distinct.map((join) => `${request.directive}(${side}: [${join[side].map((column) => `"${column}"`).join(', ')}])`).join(' or ');
  compilation.problems.error(request.node, `${request.place} could follow ${distinct.length} foreign keys between ${tableName(compilation, request.from.table)} and ${tableName(compilation, request.to.table)}; choose one: ${choices}`);
  return null;
}

function checkedToOne(compilation: Compilation, request: RelationRequest, join: Join | null): Join | null {
  if (!join) return null;
  const { to, place, node } = request;
  if (to.table.kind === 'table' && !coversUniqueKey(to.table, join.to)) {
    compilation.problems.error(node, `${place} may match several rows: table ${tableName(compilation, to.table)} has no unique key over ${join.to.join(', ')}; add one, or return a list`);
    return null;
  }
  use(request, join);
  return join;
}

function use(request: RelationRequest, join: Join): void {
  for (const column of join.from) request.from.used.add(column);
  for (const column of join.to) request.to.used.add(column);
}

export function warnWithoutIndex(compilation: Compilation, { to, place, node }: Pick<RelationRequest, 'to' | 'place' | 'node'>, join: Join): void {
  if (to.table.kind === 'view' || hasIndexOn(to.table, join.to)) return;
  const name = tableName(compilation, to.table);
  compilation.problems.warn(node, `${place} reads table ${name} by ${join.to.join(', ')}, on which it has no index; CREATE INDEX ON ${name} (${join.to.join(', ')})`);
}

function references(table: CatalogTable, target: CatalogTable): readonly ForeignKey[] {
  return table.foreignKeys.filter((key) => tableKey(key.toTable) === tableKey(target));
}
