/** Owns the statement that reads rows by a unique key for a batch of keys. */
import { type Entity, type Row, type ScalarKind } from '../../model/model.ts';
import { type Statement } from '../ports.ts';
import { outputColumns, readRow } from './columns.ts';
import { columnReference, columnType, fromTable } from './identifiers.ts';
import { keySource, matchesKey, ORDINAL, ordinalReference, type KeyColumns, type KeyValues } from './parents.ts';
import { Params, statement } from './statement.ts';

/**
 * Kinds with one canonical text per value, so that rows can be matched with their keys here. For others the server
 * matches them.
 */
const EXACT: ReadonlySet<ScalarKind> = new Set(['int', 'bigint', 'uuid']);

export interface RowsByKey {
  readonly statement: Statement;
  /** The rows in the order of the keys; null where a key has no row. */
  rowsOf(answer: readonly Row[]): readonly (Row | null)[];
}

export function rowsByKey(of: KeyColumns, keys: readonly KeyValues[]): RowsByKey {
  const { entity, columns, comparisons } = of;
  const [only] = columns;
  const isExact =
    columns.length === 1 &&
    only !== undefined &&
    !comparisons?.[0] &&
    EXACT.has(columnType(entity, only).kind) &&
    !columnType(entity, only).array;
  return isExact ? bySingleColumn(entity, only, keys) : byOrdinal(of, keys);
}

function bySingleColumn(entity: Entity, column: string, keys: readonly KeyValues[]): RowsByKey {
  const values = keys.map((key) => key[0] ?? null);
  return {
    statement: { ...singleColumnForm(entity, column), values: [values] },
    rowsOf: (answer) => {
      const found = new Map(answer.map((row) => [String(row[column]), readRow(entity, row)]));
      return values.map((value) => found.get(String(value)) ?? null);
    },
  };
}

type Form = Pick<Statement, 'name' | 'text'>;

/** Statement forms by column. The text does not depend on the values, and its name is a hash, so both are kept. */
const forms = new WeakMap<Entity, Map<string, Form>>();

function singleColumnForm(entity: Entity, column: string): Form {
  const ofEntity = forms.get(entity) ?? new Map<string, Form>();
  forms.set(entity, ofEntity);
  const known = ofEntity.get(column);
  if (known !== undefined) return known;
  const params = new Params();
  const { name, text } = statement(
    `SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} WHERE ${columnReference(entity, column)} = ANY(${params.addList(columnType(entity, column), [])})`,
    params,
  );
  ofEntity.set(column, { name, text });
  return { name, text };
}

function byOrdinal(of: KeyColumns, keys: readonly KeyValues[]): RowsByKey {
  const { entity } = of;
  const params = new Params();
  const text = `SELECT ${ordinalReference}, ${outputColumns(entity)} FROM ${keySource(of, keys, params)} JOIN ${fromTable(entity)} ON ${matchesKey(of)}`;
  return {
    statement: statement(text, params),
    rowsOf: (answer) => {
      const found = new Map(answer.map((row) => [Number(row[ORDINAL]), readRow(entity, row)]));
      return keys.map((_, i) => found.get(i + 1) ?? null);
    },
  };
}
