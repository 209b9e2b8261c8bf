/** Owns total orders: the order of a selection, its SQL, and the condition "after this row" (keyset pagination). */
import { type Entity, type OrderTerm, type Selection, type SqlType } from '../../model/model.ts';
import { type SqlParam } from '../../model/values.ts';
import { argument, badInput, type Arguments } from '../input.ts';
import { comparedColumn, equalOperator, hasPlainOrder, orderOperators } from './comparing.ts';
import { columnReference, columnType } from './identifiers.ts';
import { type Params } from './statement.ts';

/** A condition over an entity's columns; adds its values to the statement's parameters. */
export type Condition = (params: Params) => string;

/**
 * A term with its column's nullability from the catalog. NULL counts as the largest value, as by default in PostgreSQL.
 */
export interface SortTerm extends OrderTerm {
  readonly nullable: boolean;
}

export interface ChosenOrder {
  readonly terms: readonly SortTerm[];
  /** The client chose several terms, so there are too many shapes to prepare statements for. */
  readonly clientShaped: boolean;
}

/** The selection's own order, or the order chosen by its order argument followed by the primary key. */
export function orderOf(
  entity: Entity,
  selection: Pick<Selection, 'orderBy' | 'orderArg'>,
  args: Arguments,
): ChosenOrder {
  const chosen = chosenTerms(selection, args);
  // The tie-break takes the direction of the last chosen term, so that one index can serve the order, forwards or
  // backwards.
  const direction = chosen.at(-1)?.descending ?? false;
  const terms =
    chosen.length === 0
      ? selection.orderBy
      : [...chosen, ...entity.primaryKey.map((column) => ({ column, descending: direction }))];
  const seen = new Set<string>();
  const total = terms.filter(({ column }) => !seen.has(column) && seen.add(column));
  return {
    terms: total.map((term) => ({ ...term, nullable: entity.columns.get(term.column)?.nullable ?? true })),
    clientShaped: chosen.length > 1,
  };
}

function chosenTerms({ orderArg }: Pick<Selection, 'orderArg'>, args: Arguments): readonly OrderTerm[] {
  const given = orderArg === null ? null : (argument(args, orderArg.argument) ?? null);
  if (orderArg === null || given === null) return [];
  const names: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (names.length > orderArg.values.size) throw badInput(`"${orderArg.argument}" lists more orders than there are.`);
  return names.map((name) => {
    const term = typeof name === 'string' ? orderArg.values.get(name) : undefined;
    if (!term) throw badInput(`"${orderArg.argument}" must be one of ${[...orderArg.values.keys()].join(', ')}.`);
    return term;
  });
}

/** The same order reversed. */
export function reversed(terms: readonly SortTerm[]): readonly SortTerm[] {
  return terms.map((term) => ({ ...term, descending: !term.descending }));
}

/** `"tasks"."created_at" DESC, "tasks"."id" DESC`; NULLS FIRST or LAST is written for nullable columns. */
export function orderBySql(entity: Entity, terms: readonly SortTerm[]): string {
  const spelled = terms.map(({ column, descending, nullable }) => {
    const nulls = nullable ? (descending ? ' NULLS FIRST' : ' NULLS LAST') : '';
    return `${columnReference(entity, column)} ${descending ? 'DESC' : 'ASC'}${nulls}`;
  });
  return spelled.join(', ');
}

/**
 * The rows after the row with these values in this order. One row comparison, which an index range scan can use, where
 * all terms have one direction, have plain operators and cannot be NULL. Otherwise the condition is expanded term by
 * term, preceded by a bound on the first column.
 */
export function afterCondition(entity: Entity, terms: readonly SortTerm[], values: readonly SqlParam[]): Condition {
  const oneWay =
    terms.every((term) => term.descending === terms[0]?.descending && !term.nullable) && !values.includes(null);
  const types = terms.map(({ column }) => columnType(entity, column));
  const asRow = oneWay && types.every(hasPlainOrder);
  return (params) => {
    const references = terms.map(({ column }) => comparedColumn(entity, column));
    const places = types.map((type, i) => (values[i] === null ? null : params.add(type, values[i] ?? null)));
    if (asRow) return `(${references.join(', ')}) ${terms[0]?.descending ? '<' : '>'} (${places.join(', ')})`;
    return expandedAfter(
      terms.map((term, i) => ({
        term,
        type: types[i] as SqlType,
        reference: references[i] as string,
        place: places[i] ?? null,
      })),
    );
  };
}

interface PlacedTerm {
  readonly term: SortTerm;
  readonly type: SqlType;
  readonly reference: string;
  /** The value after which rows follow; null stands for NULL. */
  readonly place: string | null;
}

function expandedAfter(placed: readonly PlacedTerm[]): string {
  let tail = 'FALSE';
  for (const one of placed.toReversed()) {
    const { reference, place, type } = one;
    const equal = place === null ? `${reference} IS NULL` : `${reference} ${equalOperator(type)} ${place}`;
    const beyond = beyondSql(one);
    const rest = tail === 'FALSE' ? 'FALSE' : `(${equal} AND ${tail})`;
    tail = beyond === 'FALSE' ? rest : rest === 'FALSE' ? beyond : `(${beyond} OR ${rest})`;
  }
  const bound = leadingBound(placed[0] as PlacedTerm);
  return bound === null ? tail : `(${bound} AND ${tail})`;
}

/** Strictly after the value in the term's direction, with NULL as the largest value. */
function beyondSql({ term: { descending, nullable }, type, reference, place }: PlacedTerm): string {
  if (place === null) return descending ? `${reference} IS NOT NULL` : 'FALSE';
  const { less, greater } = orderOperators(type);
  if (descending) return `${reference} ${less} ${place}`;
  return nullable ? `(${reference} ${greater} ${place} OR ${reference} IS NULL)` : `${reference} ${greater} ${place}`;
}

/**
 * A condition on the first column alone that every row after the value satisfies: a range from which an index scan can
 * start.
 */
function leadingBound({ term: { descending, nullable }, type, reference, place }: PlacedTerm): string | null {
  if (place === null) return descending ? null : `${reference} IS NULL`;
  const { lessOrEqual, greaterOrEqual } = orderOperators(type);
  if (descending) return `${reference} ${lessOrEqual} ${place}`;
  return nullable ? null : `${reference} ${greaterOrEqual} ${place}`;
}
