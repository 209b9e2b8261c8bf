/** Owns the statement that reads an ordered, limited slice of rows at the root or for each of many parents. */
import { type Comparisons, type Entity, type Row } from '../../model/model.ts';
import { type Statement } from '../ports.ts';
import { outputColumns, rawColumns, readRow } from './columns.ts';
import { fromTable, tableAlias } from './identifiers.ts';
import { orderBySql, type Condition, type SortTerm } from './order.ts';
import { keySource, matchesKey, ORDINAL, ordinalReference, type KeyValues } from './parents.ts';
import { Params, statement } from './statement.ts';

/** A slice: the selected rows, their order and their maximum number (per parent). */
export interface Slice {
  readonly entity: Entity;
  /** Columns that a parent's key values are compared with; empty at the root. */
  readonly joinColumns: readonly string[];
  /** How key values are compared with the join columns where they come from columns of other types. */
  readonly comparisons?: Comparisons | undefined;
  readonly conditions: readonly Condition[];
  readonly order: readonly SortTerm[];
  readonly limit: number;
  readonly prepared: boolean;
}

function whereSql(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

const limitSql = (params: Params, limit: number): string => ` LIMIT ${params.raw('bigint', limit)}`;

/** The slice without parents. */
export function selectSlice(slice: Slice): Statement {
  const { entity } = slice;
  const params = new Params();
  const where = whereSql(slice.conditions.map((condition) => condition(params)));
  const text = `SELECT ${outputColumns(entity)} FROM ${fromTable(entity)}${where} ORDER BY ${orderBySql(entity, slice.order)}${limitSql(params, slice.limit)}`;
  return statement(text, params, { prepared: slice.prepared });
}

/** A slice's statement without the parents' keys, whose parameters come first. */
const forms = new WeakMap<Slice, Statement>();

/** The slice of each parent in one statement, independent of the number of parents. */
export function selectSlices(slice: Slice, parents: readonly KeyValues[]): Statement {
  const { entity, joinColumns: columns, comparisons } = slice;
  const params = new Params();
  const source = keySource({ entity, columns, comparisons }, parents, params);
  const keys = [...params.values];
  let form = forms.get(slice);
  if (form === undefined) {
    const { values, ...rest } = statementOfSlices(slice, source, params);
    forms.set(slice, (form = { ...rest, values: values.slice(keys.length) }));
  }
  return { ...form, values: [...keys, ...form.values] };
}

function statementOfSlices(slice: Slice, source: string, params: Params): Statement {
  const { entity, joinColumns: columns, comparisons } = slice;
  const where = whereSql([
    matchesKey({ entity, columns, comparisons }),
    ...slice.conditions.map((condition) => condition(params)),
  ]);
  const order = orderBySql(entity, slice.order);
  const inner = `SELECT ${rawColumns(entity)} FROM ${fromTable(entity)}${where} ORDER BY ${order}${limitSql(params, slice.limit)}`;
  // The inner query has the table's own name as its alias, so that columns are spelled the same inside and outside.
  const text = `SELECT ${ordinalReference}, ${outputColumns(entity)} FROM ${source} CROSS JOIN LATERAL (${inner}) AS ${tableAlias(entity)} ORDER BY ${ordinalReference}, ${order}`;
  return statement(text, params, { prepared: slice.prepared });
}

/** Distributes the result rows of `selectSlices` to the parents, in their order. */
export function slicesOf(entity: Entity, answer: readonly Row[], parents: number): readonly (readonly Row[])[] {
  const slices: Row[][] = Array.from({ length: parents }, () => []);
  for (const row of answer) slices[Number(row[ORDINAL]) - 1]?.push(readRow(entity, row));
  return slices;
}
