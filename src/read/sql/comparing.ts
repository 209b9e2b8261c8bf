/**
 * Owns how values are compared in SQL: with the operators of their type, in whatever schema these are, and for a domain
 * with those of its base type.
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

/** `=`, or `OPERATOR("extensions".=)`. For a type without equality it is `=`, which the database rejects. */
export function equalOperator({ operators }: SqlType): string {
  return operators?.equal ?? '=';
}

export function orderOperators({ operators }: SqlType): OrderOperators {
  return operators?.order ?? PLAIN_ORDER;
}

export function likeOperator({ operators }: SqlType): string {
  return operators?.like ?? 'LIKE';
}

/** Whether an unqualified operator in a row comparison can compare this column together with others. */
export function hasPlainOrder({ operators }: SqlType): boolean {
  return operators === undefined || (!operators.ofDomain && orderOperators({ operators } as SqlType).less === '<');
}

/**
 * The column as an operand. A column of a domain is cast to the base type, since not every operator accepts domains.
 */
export function comparedColumn(entity: Entity, column: string): string {
  return comparedReference(columnReference(entity, column), columnType(entity, column));
}

/** The same for a reference to a column of that type. */
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

/** The types of a key's values: those of its columns, unless the values come from columns of other types. */
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
 * Compares the column named by `reference` with a value of the comparison's type, or of the column's own type where
 * there is no comparison.
 */
export function matchSql({ reference, type, comparison, value }: MatchSqlInput): string {
  if (!comparison) return `${comparedReference(reference, type)} ${equalOperator(type)} ${value}`;
  const { columnCast, valueCast, equal } = comparison;
  return `${columnCast === null ? reference : `${reference}::${columnCast}`} ${equal} ${valueCast === null ? value : `${value}::${valueCast}`}`;
}

/**
 * The part of a key whose values can be compared as text. Columns compared by another operator or cast are left out,
 * since changes do not identify them by text.
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
 * The enum's label as a subquery, which returns no row for a text that is not a label. A cast would fail the statement,
 * since the planner evaluates it even behind other conditions.
 */
export function enumMemberOf(type: SqlType, value: string): string {
  return `(SELECT "$member" FROM unnest(enum_range(NULL::${elementType(type)})) AS "$member" WHERE "$member"::text = ${value})`;
}
