/** Owns how a column's values can be compared in the database, and in which order. */
import { tableKey, type Catalog, type CatalogColumn, type CatalogTable, type PairOperator } from '../model/catalog.ts';
import { type Comparison, type Comparisons, type Join, type SqlType } from '../model/model.ts';
import { equalOperator } from '../read/sql/comparing.ts';
import { castType } from '../read/sql/identifiers.ts';

/**
 * Why no value can be compared with the column's, as a clause; null if one can. JSON is compared by its content, as
 * jsonb.
 */
export function whyUnequal({ name, type }: CatalogColumn): string | null {
  return hasEquality(type) || type.kind === 'json'
    ? null
    : `column "${name}" is ${type.sql}, for which PostgreSQL has no equality`;
}

/** As above, for lookups by the column's own type: keys and relations. */
export function whyNoKey({ name, type }: CatalogColumn): string | null {
  return hasEquality(type) ? null : `column "${name}" is ${type.sql}, for which PostgreSQL has no equality`;
}

/** Why rows cannot be sorted by the column, as a clause; null if they can. */
export function whyUnordered({ name, type }: CatalogColumn): string | null {
  return type.operators?.order === null ? `column "${name}" is ${type.sql}, for which PostgreSQL has no order` : null;
}

function hasEquality({ operators }: SqlType): boolean {
  return operators?.equal !== null;
}

export interface Pairing {
  readonly from: CatalogTable;
  readonly to: CatalogTable;
}

/**
 * How the pairs of a join are compared; undefined if each pair has one type; or why the database cannot compare them,
 * as a clause.
 */
export function comparisonsOf(
  catalog: Pick<Catalog, 'compare'>,
  tables: Pairing,
  join: Pick<Join, 'from' | 'to'>,
): { readonly comparisons: Comparisons | undefined } | { readonly problem: string } {
  const comparisons: (Comparison | null)[] = [];
  for (const [i, name] of join.from.entries()) {
    const [from, to] = [tables.from.columns.get(name), tables.to.columns.get(join.to[i] ?? '')];
    if (!from || !to) continue;
    const known =
      ofForeignKey(tables, from.name, to.name) ??
      (from.typeId === to.typeId ? null : catalog.compare(to.typeId, from.typeId));
    const found = pairOf(from, to, known);
    if (typeof found === 'string')
      return { problem: `joins "${from.name}" (${from.type.sql}) with "${to.name}" (${to.type.sql}), which ${found}` };
    comparisons.push(found);
  }
  return { comparisons: comparisons.every((one) => one === null) ? undefined : comparisons };
}

/** Null: as values of the column's own type; a text: the reason why not. */
function pairOf(from: CatalogColumn, to: CatalogColumn, operator: PairOperator | null): Comparison | null | string {
  const collation = to.looseCollation ?? from.looseCollation;
  if (from.looseCollation !== null && to.looseCollation !== null && from.looseCollation !== to.looseCollation)
    return 'are compared under different collations; give both columns one collation';
  const collate = collation === null || collation === to.looseCollation ? '' : ` COLLATE ${collation}`;
  if (from.type.sql === to.type.sql) {
    if (!hasEquality(to.type)) return 'have no equality in PostgreSQL; join other columns';
    const [ofDomain, fromDomain] = [to, from].map(({ type }) => type.operators?.ofDomain === true);
    if (collate === '' && ofDomain === fromDomain) return null;
    const cast = castType(to.type);
    return {
      type: from.type,
      equal: equalOperator(to.type),
      columnCast: ofDomain ? cast : null,
      valueCast: `${cast}${collate}`,
      exact: collation === null && from.exact && to.exact,
    };
  }
  if (operator === null || operator.left === null || operator.right === null)
    return 'do not compare; join columns of one type';
  if (operator.isUnstable)
    return "compare by the session's time zone, which is no property of the rows; join columns of one type";
  return {
    type: from.type,
    equal: operator.sql,
    columnCast: operator.left,
    valueCast: `${operator.right}${collate}`,
    exact: collation === null && from.exact && to.exact && isSpelledAlike(from.type, to.type),
  };
}

const WHOLE: ReadonlySet<string> = new Set(['int', 'bigint']);

/** Equal values of the two have one text. */
function isSpelledAlike({ kind: a }: SqlType, { kind: b }: SqlType): boolean {
  return (WHOLE.has(a) && WHOLE.has(b)) || (a === 'text' && b === 'text');
}

/** The operator of a foreign key over the pair, whichever side it is on; what is on its left is `to`. */
function ofForeignKey({ from, to }: Pairing, fromColumn: string, toColumn: string): PairOperator | null {
  const there = operatorOf({ table: from, target: to, column: fromColumn, targetColumn: toColumn });
  if (there) return there;
  const back = operatorOf({ table: to, target: from, column: toColumn, targetColumn: fromColumn });
  return back && { ...back, left: back.right, right: back.left };
}

interface OperatorOfInput {
  readonly table: CatalogTable;
  readonly target: CatalogTable;
  readonly column: string;
  readonly targetColumn: string;
}

function operatorOf({ table, target, column, targetColumn }: OperatorOfInput): PairOperator | null {
  for (const key of table.foreignKeys) {
    if (tableKey(key.toTable) !== tableKey(target)) continue;
    const at = key.columns.findIndex((name, i) => name === column && key.toColumns[i] === targetColumn);
    const operator = at < 0 ? undefined : key.operators?.[at];
    if (operator) return operator;
  }
  return null;
}
