/**
 * Owns how values are compared in SQL: with the operators of their type, wherever these are, and by the type under a
 * domain.
 */
import {
  type Comparison,
  type Comparisons,
  type Entity,
  type OrderOperators,
  type SqlType,
} from '../../model/model.ts';
import { castType, columnReference, columnType, elementType } from './identifiers.ts';

const PLAIN_ORDER: OrderOperators = { less: '<', lessOrEqual: '<=', greaterOrEqual: '>=', greater: '>' };

/** `=`, or `OPERATOR("extensions".=)`. Of a type without equality it is the plain one, which the database refuses. */
export function equalOperator({ operators }: SqlType): string {
  return operators?.equal ?? '=';
}

export function orderOperators({ operators }: SqlType): OrderOperators {
  return operators?.order ?? PLAIN_ORDER;
}

export function likeOperator({ operators }: SqlType): string {
  return operators?.like ?? 'LIKE';
}

/** Whether one operator without a schema, written once, can compare this column together with others. */
export function hasPlainOrder({ operators }: SqlType): boolean {
  return operators === undefined || (!operators.ofDomain && orderOperators({ operators } as SqlType).less === '<');
}

/** The column as an operand: of a domain, as the type under it, since not every operator sees through domains. */
export function comparedColumn(entity: Entity, column: string): string {
  return comparedReference(columnReference(entity, column), columnType(entity, column));
}

/** The same of a reference to a column of that type. */
export function comparedReference(reference: string, type: SqlType): string {
  return type.operators?.ofDomain === true ? `${reference}::${castType(type)}` : reference;
}

/** `"tasks"."id" = $1::bigint`; `value` has the column's type. */
export function equalsSql(entity: Entity, column: string, value: string): string {
  return `${comparedColumn(entity, column)} ${equalOperator(columnType(entity, column))} ${value}`;
}

export interface ComparedColumns {
  readonly entity: Entity;
  readonly columns: readonly string[];
  readonly comparisons?: Comparisons | undefined;
}

/** Types of a key's values: the columns' own, unless they come from columns of others. */
export function keyType({ entity, columns, comparisons }: ComparedColumns, i: number): SqlType {
  return comparisons?.[i]?.type ?? columnType(entity, columns[i] ?? '');
}

export interface MatchSqlInput {
  readonly reference: string;
  readonly type: SqlType;
  readonly comparison: Comparison | null | undefined;
  readonly value: string;
}

/**
 * The column compared with a value of the comparison's type, or of its own where there is none. `reference` names the
 * column.
 */
export function matchSql({ reference, type, comparison, value }: MatchSqlInput): string {
  if (!comparison) return `${comparedReference(reference, type)} ${equalOperator(type)} ${value}`;
  const { columnCast, valueCast, equal } = comparison;
  return `${columnCast === null ? reference : `${reference}::${columnCast}`} ${equal} ${valueCast === null ? value : `${value}::${valueCast}`}`;
}

/**
 * What of a key changes tell by its text: the values of columns that are compared with it in other ways are left out.
 */
export function exactPart<V>(
  columns: readonly string[],
  values: readonly V[],
  comparisons: Comparisons | undefined,
): { readonly columns: readonly string[]; readonly values: readonly V[] } {
  if (comparisons === undefined) return { columns, values };
  const places = [...columns.keys()].filter((i) => comparisons[i]?.exact ?? true);
  return { columns: places.map((i) => columns[i] as string), values: places.map((i) => values[i] as V) };
}

/**
 * A text that is no member of the enum is equal to none of them. A cast of it would fail the statement: the planner
 * tries it out, whatever stands before it.
 */
export function enumMemberOf(type: SqlType, value: string): string {
  return `(SELECT "$member" FROM unnest(enum_range(NULL::${elementType(type)})) AS "$member" WHERE "$member"::text = ${value})`;
}
