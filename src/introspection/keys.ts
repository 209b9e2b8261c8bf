/** Owns what tells the rows of a table or view apart, as far as the database says it. */
import { tableKey, type CatalogTable } from '../model/catalog.ts';
import { whyLeftOut } from './columns.ts';
import { type PullRequest } from './request.ts';

const DEPTH = 8;

/** Sets of columns, each of which no two rows share and none of which is null; the primary key first. */
export function keysOf(table: CatalogTable, request: PullRequest): readonly (readonly string[])[] {
  return rawKeys(table, request, DEPTH).filter((key) => key.every((column) => isUsable(table, column, request)));
}

function isUsable(table: CatalogTable, name: string, { notes }: PullRequest): boolean {
  const column = table.columns.get(name);
  if (!column || whyLeftOut(column) !== null || notes.tables.get(tableKey(table))?.hidden.includes(name)) return false;
  const { operators, kind } = column.type;
  return kind !== 'json' && (operators === undefined || (operators.equal !== null && operators.order !== null));
}

function rawKeys(table: CatalogTable, request: PullRequest, depth: number): readonly (readonly string[])[] {
  if (table.kind === 'view') return viewKeys(table, request, depth);
  const unique = table.uniqueKeys.filter(
    (key) => key !== table.primaryKey && key.every((column) => table.columns.get(column)?.nullable === false),
  );
  const primary = table.primaryKey;
  const all = primary ? [primary, ...unique] : unique;
  return all.filter(
    (key, i) => all.findIndex((other) => [...other].sort().join('\0') === [...key].sort().join('\0')) === i,
  );
}

/** A view whose rows are those of one table has that table's keys, where it shows them; one that groups has its groups. */
function viewKeys(table: CatalogTable, request: PullRequest, depth: number): readonly (readonly string[])[] {
  const { catalog, notes } = request;
  // A materialized view may have an index of its own that says it.
  if (table.uniqueKeys.length > 0) return table.uniqueKeys.slice(0, 1);
  const origin = notes.tables.get(tableKey(table))?.origin;
  if (!origin || depth === 0) return [];
  if (origin.grouped !== null) return [origin.grouped];
  const under = origin.table === null ? undefined : catalog.tables.get(origin.table);
  if (!under) return [];
  const shownBy = new Map([...origin.columns].map(([own, other]) => [other, own]));
  return rawKeys(under, request, depth - 1)
    .filter((key) => key.every((column) => shownBy.has(column)))
    .map((key) => key.map((column) => shownBy.get(column) ?? column))
    .slice(0, 1);
}
