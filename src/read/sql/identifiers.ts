/**
 * Owns the spelling of tables, columns and types in SQL: tables are aliased by their own name, and casts do not change
 * values.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Column, type Entity, type SqlType } from '../../model/model.ts';

/** The table's own name is its alias, since conditions of the schema's author may qualify columns with it. */
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

/**
 * `"tasks"."title"`. It is qualified because a bare name in ORDER BY means the output column, which may be cast to
 * text.
 */
export function columnReference(entity: Entity, column: string): string {
  return `${tableAlias(entity)}.${quoteIdentifier(column)}`;
}

const MODIFIER =
  /^(character varying|varchar|character|char|bpchar|numeric|decimal|timestamp|time|interval|bit varying|varbit|bit)\s*\(\s*\d+\s*(?:,\s*-?\d+\s*)?\)/i;
/** Without a modifier these names mean a length of one. */
const UNLIMITED: ReadonlyMap<string, string> = new Map([
  ['character', 'bpchar'],
  ['char', 'bpchar'],
  ['bit', '"bit"'],
]);

/**
 * The element type's name for casts, without its modifier: `$1::varchar(3)` would truncate the value before it is
 * compared, while the plain type compares the whole value and lets an assignment fail.
 */
export function elementType(type: SqlType): string {
  const plain = type.sql.replace(/(\[\])+$/, '').replace(MODIFIER, '$1');
  return UNLIMITED.get(plain.toLowerCase()) ?? plain;
}

export function castType(type: SqlType): string {
  return type.array ? `${elementType(type)}[]` : elementType(type);
}

/**
 * The type of an array parameter. The elements of a `box[]` are separated by semicolons, but drivers write commas; cast
 * from a list of texts, the value is parsed correctly.
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
