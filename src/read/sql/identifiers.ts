/** Owns how tables, columns and types are spelled in SQL: tables under their own name, casts that change no value. */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Column, type Entity, type SqlType } from '../../model/model.ts';

/** Conditions of the schema's author may qualify columns with the table's name, so the table keeps it as its alias. */
export function tableAlias(entity: Entity): string {
  return quoteIdentifier(entity.table.name);
}

export function qualifiedTable(entity: Entity): string {
  return `${quoteIdentifier(entity.table.schema)}.${quoteIdentifier(entity.table.name)}`;
}

/** `"public"."tasks" AS "tasks"` */
export function fromTable(entity: Entity): string {
  return `${qualifiedTable(entity)} AS ${tableAlias(entity)}`;
}

/** `"tasks"."title"`: qualified, because a bare name in ORDER BY means the output column, which may be cast to text. */
export function columnReference(entity: Entity, column: string): string {
  return `${tableAlias(entity)}.${quoteIdentifier(column)}`;
}

const MODIFIER =
  /^(character varying|varchar|character|char|bpchar|numeric|decimal|timestamp|time|interval|bit varying|varbit|bit)\s*\(\s*\d+\s*(?:,\s*-?\d+\s*)?\)/i;
/** Without a modifier these names mean length one. */
const UNLIMITED: ReadonlyMap<string, string> = new Map([
  ['character', 'bpchar'],
  ['char', 'bpchar'],
  ['bit', '"bit"'],
]);

/**
 * The element type's name for casts, without its modifier: `$1::varchar(3)` would cut the value off before it is
 * compared, where the plain type compares it whole and lets an assignment fail.
 */
export function elementType(type: SqlType): string {
  const plain = type.sql.replace(/(\[\])+$/, '').replace(MODIFIER, '$1');
  return UNLIMITED.get(plain.toLowerCase()) ?? plain;
}

export function castType(type: SqlType): string {
  return type.array ? `${elementType(type)}[]` : elementType(type);
}

/**
 * For a list that a driver writes. Entries of a `box[]` are apart by semicolons, and drivers write commas: as a list of
 * texts it is read alike.
 */
export function parameterListType(type: SqlType): string {
  const element = elementType(type);
  return element === 'box' ? 'text[]::box[]' : `${element}[]`;
}

export function columnOf(entity: Entity, name: string): Column {
  const column = entity.columns.get(name);
  if (!column) throw new TypeError(`entity ${entity.name} maps no column ${JSON.stringify(name)}`);
  return column;
}

export function columnType(entity: Entity, name: string): SqlType {
  return columnOf(entity, name).type;
}
