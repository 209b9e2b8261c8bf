/** Owns how two entities are related: by `@relation`, otherwise by the only foreign key that fits. */
import { type ASTNode } from 'graphql';
import { coversUniqueKey, hasIndexOn, tableKey, type CatalogTable, type ForeignKey } from '../model/catalog.ts';
import { type Join } from '../model/model.ts';
import { sqlName } from '../model/sql-names.ts';
import { comparisonsOf } from './comparing.ts';
import { requireColumns, tableName, type Compilation, type Draft } from './context.ts';
import { type RelationArguments } from './directives.ts';
import { declaredTowards, readingsToMany, readingsToOne, type Naming, type Reading } from './readings.ts';

export interface RelationRequest {
  readonly from: Draft;
  readonly to: Draft;
  /** Field that the relation is for; its name chooses among several foreign keys (`owner` → `owner_id`). */
  readonly field: string;
  readonly place: string;
  readonly node: ASTNode | null | undefined;
  readonly relation: Pick<RelationArguments, 'from' | 'to' | 'node'> | null;
  /** What the messages call the directive that names columns: `@relation` or `@count`. */
  readonly directive: string;
}

/** Join from a row to the one row that it points at. */
export function toOneJoin(compilation: Compilation, request: RelationRequest): Join | null {
  const { from, to, place, node } = request;
  const explicit = explicitJoin(compilation, request, () => ({ from: null, to: to.primaryKey }));
  if (explicit !== undefined)
    return explicit && checkedToOne(compilation, request, compared(compilation, request, explicit));
  const forward = references(from.table, to.table).map((key): Reading => ({
    by: 'forward',
    join: { from: key.columns, to: key.toColumns },
  }));
  const back = references(to.table, from.table)
    .filter((key) => coversUniqueKey(to.table, key.columns))
    .map((key): Reading => ({ by: 'back', join: { from: key.toColumns, to: key.columns } }));
  const readings = readingsToOne(naming(compilation, request), [...forward, ...back]);
  const isKeyed = forward.length + back.length > 0;
  const join = isKeyed ? theOnly({ compilation, request, readings, side: 'one' }) : undefined;
  if (join) return checkedToOne(compilation, request, compared(compilation, request, join));
  if (join === undefined) {
    compilation.problems.error(
      node,
      `${place} has no foreign key from ${tableName(compilation, from.table)} to ${tableName(compilation, to.table)} to follow; add one, or ${ownColumn(request, readings)}`,
    );
  }
  return null;
}

/** Whether only the other row holds the reference. */
export function isWayBack(from: Draft, to: Draft, join: Join): boolean {
  const isKey = join.to.length === to.primaryKey.length && join.to.every((column) => to.primaryKey.includes(column));
  const isForward = references(from.table, to.table).some(
    (key) => sameColumns(key.columns, join.from) && sameColumns(key.toColumns, join.to),
  );
  return !isKey && !isForward && coversUniqueKey(from.table, join.from);
}

function sameColumns(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((column) => right.includes(column));
}

/** Join from a row to the many rows that point at it. */
export function toManyJoin(compilation: Compilation, request: RelationRequest): Join | null {
  const { from, to, place, node } = request;
  const explicit = explicitJoin(compilation, request, () => ({ from: from.primaryKey, to: null }));
  const join = explicit !== undefined ? explicit : guessedToMany(compilation, request);
  if (join === undefined) {
    compilation.problems.error(
      node,
      `${place} has no foreign key from ${tableName(compilation, to.table)} to ${tableName(compilation, from.table)} to follow; add one, or name the columns with ${request.directive}(from: [...], to: [...])`,
    );
  }
  const sound = join ? compared(compilation, request, join) : null;
  if (!sound) return null;
  use(request, sound);
  // An index on the plain columns would not be used if they are cast.
  if (castColumns(request, sound).length === 0) warnWithoutIndex(compilation, request, sound);
  return sound;
}

/** The directive's columns, null if they are wrong, undefined if it names none. */
function explicitJoin(
  compilation: Compilation,
  request: RelationRequest,
  otherwise: () => { from: readonly string[] | null; to: readonly string[] | null },
): Join | null | undefined {
  const { relation, place, directive } = request;
  if (!relation || (relation.from === null && relation.to === null)) return undefined;
  const sides = { from: relation.from ?? otherwise().from, to: relation.to ?? otherwise().to };
  if (sides.from === null || sides.to === null) {
    const missing = sides.from === null ? 'from' : 'to';
    compilation.problems.error(
      relation.node,
      `${place} says only one side of its relation; add ${missing}: [...] to ${directive}`,
    );
    return null;
  }
  const from = requireColumns({ compilation, draft: request.from, names: sides.from, node: relation.node, place });
  const to = requireColumns({ compilation, draft: request.to, names: sides.to, node: relation.node, place });
  if (!from || !to) return null;
  if (from.length !== to.length) {
    compilation.problems.error(
      relation.node,
      `${place} joins ${from.length} columns (${from.join(', ')}) with ${to.length} (${to.join(', ')}); name as many on either side`,
    );
    return null;
  }
  return { from, to };
}

/** The join with how its pairs are compared; null (and a problem) if the database cannot compare them. */
function compared(
  compilation: Compilation,
  { from, to, place, node, relation }: RelationRequest,
  join: Join,
): Join | null {
  const found = comparisonsOf(compilation.catalog, { from: from.table, to: to.table }, join);
  if ('problem' in found) {
    compilation.problems.error(relation?.node ?? node, `${place} ${found.problem}`);
    return null;
  }
  const sound = found.comparisons === undefined ? join : { ...join, comparisons: found.comparisons };
  warnOfCasts(compilation, { to, place, node }, sound);
  return sound;
}

interface CastColumn {
  readonly name: string;
  readonly sql: string;
  readonly cast: string;
}

/** Columns that are compared as another type than their own, for which an index on them is not used. */
function castColumns({ to }: Pick<RelationRequest, 'to'>, { to: names, comparisons }: Join): readonly CastColumn[] {
  return names.flatMap((name, i): readonly CastColumn[] => {
    const [column, cast] = [to.table.columns.get(name), comparisons?.[i]?.columnCast ?? null];
    if (
      !column ||
      cast === null ||
      column.comparedAs === null ||
      cast === column.comparedAs ||
      column.type.operators?.ofDomain === true
    )
      return [];
    // Names that are keywords are quoted; only "char" needs the quotes.
    const plain = cast.replace(/^pg_catalog\./, '').replace(/^"((?!char")\w+)"$/, '$1');
    return [{ name, sql: column.type.sql, cast: plain }];
  });
}

function warnOfCasts(
  compilation: Compilation,
  request: Pick<RelationRequest, 'to' | 'place' | 'node'>,
  join: Join,
): void {
  const { to, place, node } = request;
  for (const { name, sql, cast } of castColumns(request, join)) {
    compilation.problems.warn(
      node,
      `${place} compares column "${name}" (${sql}) as ${cast}, which an index on it does not serve; give both columns one type, or CREATE INDEX ON ${tableName(compilation, to.table)} ((${name}::${cast}))`,
    );
  }
}

function guessedToMany(compilation: Compilation, request: RelationRequest): Join | null | undefined {
  const { from, to } = request;
  const ways = references(to.table, from.table).map((key): Reading => ({
    by: 'back',
    join: { from: key.toColumns, to: key.columns },
  }));
  const readings = readingsToMany(
    naming(compilation, request),
    ways,
    declaredTowards(compilation.drafts.values(), request),
  );
  return theOnly({ compilation, request, readings, side: 'many' });
}

function naming({ catalog }: Compilation, { from, to, field }: RelationRequest): Naming {
  return {
    from,
    to,
    field,
    compares: (left, right) =>
      !('problem' in comparisonsOf(catalog, { from: from.table, to: to.table }, { from: [left], to: [right] })),
  };
}

interface TheOnlyInput {
  readonly compilation: Compilation;
  readonly request: RelationRequest;
  readonly readings: readonly Reading[];
  readonly side: 'one' | 'many';
}

/** The only possible relation; null (and a problem) if there are several, undefined if there is none. */
function theOnly({ compilation, request, readings, side }: TheOnlyInput): Join | null | undefined {
  if (readings.length <= 1) return readings[0]?.join;
  const { place, node, from, to } = request;
  const choices = readings
    .map((reading) => (side === 'one' ? toOneText(request, reading) : toManyText(request, reading)))
    .join(' or ');
  const [own, other] = [tableName(compilation, from.table), tableName(compilation, to.table)];
  const isAlike = readings.every(({ by }) => by !== 'column' && by === readings[0]?.by);
  const way = ({ by, join, elsewhere }: Reading): string => {
    if (by === 'forward') return `by the foreign key over ${join.from.join(', ')}`;
    if (by === 'back')
      return `by the foreign key over ${join.to.join(', ')} of ${other}${side === 'one' ? ', back to this row' : ''}`;
    const [columns, holder, target] = side === 'one' ? [join.from, own, other] : [join.to, other, own];
    return `by column ${columns.join(', ')} of ${holder}, ${elsewhere === undefined ? `over which there is no foreign key to ${target}` : `whose foreign key leads to ${elsewhere}`}`;
  };
  const ways = isAlike
    ? `could follow ${readings.length} foreign keys between ${own} and ${other}`
    : `can be read in ${readings.length} ways: ${readings.map(way).join('; or ')}`;
  compilation.problems.error(node, `${place} ${ways}; choose one: ${choices}`);
  return null;
}

const list = (columns: readonly string[]): string => `[${columns.map((column) => JSON.stringify(column)).join(', ')}]`;

function toOneText({ to, directive }: RelationRequest, { by, join }: Reading): string {
  if (by === 'column' && to.primaryKey.length > 1)
    return `${directive}(from: [${join.from.map((column) => JSON.stringify(column)).join(', ')}, ...], to: ${list(to.primaryKey)})`;
  const isKey = by !== 'back' && join.to.join() === to.primaryKey.join();
  return isKey
    ? `${directive}(from: ${list(join.from)})`
    : `${directive}(from: ${list(join.from)}, to: ${list(join.to)})`;
}

function toManyText({ from, directive }: RelationRequest, { join }: Reading): string {
  const isKey = join.from.join() === from.primaryKey.join();
  return isKey ? `${directive}(to: ${list(join.to)})` : `${directive}(from: ${list(join.from)}, to: ${list(join.to)})`;
}

/** The fix without a foreign key: the field's own column, by name. */
function ownColumn(request: RelationRequest, readings: readonly Reading[]): string {
  const [own] = readings;
  return own
    ? `follow column ${own.join.from.join(', ')} with ${toOneText(request, own)}`
    : 'name the columns with @relation(from: [...], to: [...])';
}

function checkedToOne(compilation: Compilation, request: RelationRequest, join: Join | null): Join | null {
  if (!join) return null;
  const { to, place, node } = request;
  if (to.table.kind === 'table' && !coversUniqueKey(to.table, join.to)) {
    compilation.problems.error(
      node,
      `${place} may match several rows: table ${tableName(compilation, to.table)} has no unique key over ${join.to.join(', ')}; add one, or return a list`,
    );
    return null;
  }
  use(request, join);
  return join;
}

function use(request: RelationRequest, join: Join): void {
  for (const column of join.from) request.from.used.add(column);
  for (const column of join.to) request.to.used.add(column);
}

export function warnWithoutIndex(
  compilation: Compilation,
  { to, place, node }: Pick<RelationRequest, 'to' | 'place' | 'node'>,
  join: Join,
): void {
  if (to.table.kind === 'view' || hasIndexOn(to.table, join.to)) return;
  const { schema, name } = to.table;
  const sql = schema === compilation.catalog.searchPath[0] ? sqlName(name) : `${sqlName(schema)}.${sqlName(name)}`;
  compilation.problems.warn(
    node,
    `${place} reads table ${tableName(compilation, to.table)} by ${join.to.join(', ')}, on which it has no index; CREATE INDEX ON ${sql} (${join.to.map(sqlName).join(', ')})`,
  );
}

function references(table: CatalogTable, target: CatalogTable): readonly ForeignKey[] {
  return table.foreignKeys.filter((key) => tableKey(key.toTable) === tableKey(target));
}
