/** Owns counting: several counts of one relation, for many parents, in one statement. */
import { type Comparisons, type Entity, type Row } from '../../model/model.ts';
import { type Statement } from '../ports.ts';
import { allOf } from './filters.ts';
import { fromTable } from './identifiers.ts';
import { type Condition } from './order.ts';
import { keySource, matchesKey, ORDINAL, ordinalReference, type KeyValues } from './parents.ts';
import { Params, statement } from './statement.ts';

export interface Count {
  /** A row is counted when all conditions hold; without conditions every row is counted. */
  readonly conditions: readonly Condition[];
  readonly prepared: boolean;
}

export interface Counting {
  readonly entity: Entity;
  /** Columns that a parent's key values are compared with; empty at the root. */
  readonly joinColumns: readonly string[];
  /** How key values are compared with the join columns where they come from columns of other types. */
  readonly comparisons?: Comparisons | undefined;
  readonly counts: readonly Count[];
}

const outputName = (i: number): string => `$count${i}`;

/** Counts for the parents, or of the whole table when `parents` is null. */
export function countStatement(
  { entity, joinColumns: columns, comparisons, counts }: Counting,
  parents: readonly KeyValues[] | null,
): Statement {
  const params = new Params();
  const source = parents === null ? null : keySource({ entity, columns, comparisons }, parents, params);
  const tests = counts.map(({ conditions }) => (conditions.length === 0 ? null : allOf(conditions)(params)));
  const alone = tests.length === 1;
  const output = tests.map(
    (test, i) => `count(*)${test === null || alone ? '' : ` FILTER (WHERE ${test})`} AS "${outputName(i)}"`,
  );
  // Rows that match no count are excluded before they are counted.
  const wanted = tests.includes(null) ? [] : [`(${tests.join(' OR ')})`];
  const where = source === null ? wanted : [matchesKey({ entity, columns, comparisons }), ...wanted];
  const counting = `SELECT ${output.join(', ')} FROM ${fromTable(entity)}${where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`}`;
  // LATERAL reads each parent's rows by the relation's index; a join would read the whole table for a few dozen
  // parents.
  const text =
    source === null
      ? counting
      : `SELECT ${ordinalReference}, "$counts".* FROM ${source} CROSS JOIN LATERAL (${counting}) AS "$counts"`;
  return statement(text, params, { prepared: counts.every((count) => count.prepared) });
}

/** The counts of each parent (at the root, of a single "parent"). */
export function countsOf(
  answer: readonly Row[],
  parents: number | null,
  counts: number,
): readonly (readonly number[])[] {
  const result = Array.from({ length: parents ?? 1 }, () => new Array<number>(counts).fill(0));
  for (const row of answer) {
    const target = result[parents === null ? 0 : Number(row[ORDINAL]) - 1];
    if (target) for (let i = 0; i < counts; i += 1) target[i] = Number(row[outputName(i)]);
  }
  return result;
}
