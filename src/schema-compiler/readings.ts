/** Owns the choice among the possible meanings of a relation: a field's name and the foreign keys must not disagree. */
import { tableKey, type CatalogTable } from '../model/catalog.ts';
import { type Join } from '../model/model.ts';
import { snakeCase } from '../model/names.ts';
import { type Draft } from './context.ts';

/** One way in which a relation could be meant. */
export interface Reading {
  readonly join: Join;
  /**
   * `forward`: a foreign key of this row. `back`: one of the other row. `column`: no foreign key between the two
   * tables.
   */
  readonly by: 'forward' | 'back' | 'column';
  /** Table that a foreign key over that column refers to instead. */
  readonly elsewhere?: string | undefined;
}

export interface Naming {
  readonly from: Draft;
  readonly to: Draft;
  readonly field: string;
  /** Whether values of the two columns can be compared. */
  readonly compares: (from: string, to: string) => boolean;
}

/** Words that tell how a column refers to a row, not to which one. */
const KEY_WORDS: ReadonlySet<string> = new Set(['id', 'ids', 'fk', 'key', 'ref', 'uuid', 'by']);
const COUNT_WORDS: ReadonlySet<string> = new Set(['count', 'total', 'number', 'num', 'of']);
/** Minimum length of a common beginning: `created` and `creator`, `owned` and `owner`. */
const STEM = 4;

/** The relations to one row that remain by the field's name; one: it is unambiguous. */
export function readingsToOne(naming: Naming, ways: readonly Reading[]): readonly Reading[] {
  const distinct = withoutRepeats(ways);
  const named = distinct.filter(
    ({ by, join }) => by === 'forward' && join.from.some((column) => carries(naming, column)),
  );
  const exactly = named.filter(({ join }) =>
    join.from.some((column) => [snakeCase(naming.field), `${snakeCase(naming.field)}_id`].includes(snakeCase(column))),
  );
  if (exactly.length === 1) return exactly;
  if (named.length > 0) return named;
  return [...distinct, ...columnsOfOwn(naming, distinct)];
}

/**
 * The relations to many rows: `ways` by foreign keys of the other table, `declared` by its own fields that refer to
 * this one.
 */
export function readingsToMany(
  naming: Naming,
  ways: readonly Reading[],
  declared: readonly Join[],
): readonly Reading[] {
  if (ways.length === 0) return [];
  const distinct = withoutRepeats([...ways, ...declared.map((join): Reading => ({ join, by: 'column' }))]);
  if (distinct.length === 1) return [...distinct, ...columnsOfOther(naming, distinct[0] as Reading)];
  const name = snakeCase(naming.field);
  const named = distinct.filter(({ join }) => join.to.some((column) => column === name || column === `${name}_id`));
  return named.length === 1 ? named : distinct;
}

/** Columns of the other table that the field's name matches better than `chosen`. */
export function unheeded(
  { to, field }: Pick<Naming, 'to' | 'field'>,
  chosen: readonly string[],
  fits: (column: string) => boolean,
): readonly string[] {
  const own = wordsOf(snakeCase(field));
  const shown = new Set(
    [...wordsOf(snakeCase(to.type.name)), ...wordsOf(snakeCase(to.table.name))].flatMap((word) => [
      word,
      `${word}s`,
      `${word}es`,
      word.replace(/y$/, 'ies'),
    ]),
  );
  const words = own.filter((word) => !shown.has(word) && !COUNT_WORDS.has(word));
  if (words.length === 0 || chosen.some((column) => shares(words, column))) return [];
  return unclaimed(to.table).filter(
    (column) => !chosen.includes(column) && !to.primaryKey.includes(column) && fits(column) && namesRow(words, column),
  );
}

function withoutRepeats(ways: readonly Reading[]): readonly Reading[] {
  const key = ({ join }: Reading): string => JSON.stringify([join.from, join.to]);
  return ways.filter((way, i) => ways.findIndex((other) => key(other) === key(way)) === i);
}

/** Columns of this row that match the field's name although they have no foreign key to the target. */
function columnsOfOwn(naming: Naming, ways: readonly Reading[]): readonly Reading[] {
  const { from, to, field } = naming;
  const words = wordsOf(snakeCase(field));
  const free = new Set(unclaimed(from.table));
  const isShared = ways.some(({ by, join }) => by === 'forward' && join.from.some((column) => shares(words, column)));
  const unusedColumns = [...from.table.columns.keys()].filter(
    (column) =>
      carries(naming, column) ||
      (!isShared && free.has(column) && !from.primaryKey.includes(column) && namesRow(words, column)),
  );
  return unusedColumns.flatMap((column): readonly Reading[] => {
    const key = to.primaryKey.find((one) => naming.compares(column, one));
    if (key === undefined) return [];
    const claim = from.table.foreignKeys.find(({ columns }) => columns.includes(column));
    return [{ join: { from: [column], to: [key] }, by: 'column', elsewhere: claim?.toTable.name }];
  });
}

function columnsOfOther(naming: Naming, chosen: Reading): readonly Reading[] {
  const key = chosen.join.from[0] ?? '';
  return unheeded(naming, chosen.join.to, (column) => naming.compares(key, column)).map((column) => ({
    join: { from: [key], to: [column] },
    by: 'column',
  }));
}

function unclaimed(table: CatalogTable): readonly string[] {
  const claimed = new Set(table.foreignKeys.flatMap(({ columns }) => columns));
  return [...table.columns.keys()].filter((column) => !claimed.has(column));
}

/**
 * Whether the column is named like the field: `creator`, `creator_id`, `fk_creator`, or with the name of the target's
 * key at its end.
 */
function carries({ to, field }: Naming, column: string): boolean {
  const [name, called] = [snakeCase(field), snakeCase(column)];
  return (
    sameWords(wordsOf(called), wordsOf(name)) || to.primaryKey.some((key) => called === `${name}_${snakeCase(key)}`)
  );
}

function sameWords(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((word, i) => word === right[i]);
}

/** `creator_id` → `creator`. */
function wordsOf(snake: string): readonly string[] {
  const all = snake.split(/[^a-z0-9]+/).filter((word) => word !== '');
  const words = all.filter((word) => !KEY_WORDS.has(word));
  return words.length === 0 ? all : words;
}

function shares(words: readonly string[], column: string): boolean {
  return wordsOf(snakeCase(column)).some((word) => words.some((other) => sameStem(word, other)));
}

function sameStem(left: string, right: string): boolean {
  if (left === right) return true;
  const shorter = Math.min(left.length, right.length);
  let common = 0;
  while (common < shorter && left[common] === right[common]) common += 1;
  return common >= STEM && common * 3 >= shorter * 2;
}

/**
 * Whether the column seems to refer to a row and one of the words says to which: `creator_id`, `created_by`, `owner`
 * for `owned`.
 */
function namesRow(words: readonly string[], column: string): boolean {
  if (!shares(words, column)) return false;
  const called = snakeCase(column).split(/[^a-z0-9]+/);
  if (called.length > 1) return KEY_WORDS.has(called[0] ?? '') || KEY_WORDS.has(called.at(-1) ?? '');
  // A single word such as `priority` matches only if it names a person.
  return /(er|or|ee)$/.test(called[0] ?? '') && !words.includes(called[0] ?? '');
}

/**
 * The relations to one row that the types of `to`'s table declare towards `from`'s table, in the opposite direction.
 */
export function declaredTowards(drafts: Iterable<Draft>, { from, to }: Pick<Naming, 'from' | 'to'>): readonly Join[] {
  const all = [...drafts];
  const isOf = (table: CatalogTable, draft: Draft | undefined): boolean =>
    draft !== undefined && tableKey(draft.table) === tableKey(table);
  const fields = all.filter((draft) => isOf(to.table, draft)).flatMap((draft) => [...draft.fields.values()]);
  return fields.flatMap((field): readonly Join[] => {
    if (
      field.kind !== 'toOne' ||
      field.isBack ||
      !isOf(
        from.table,
        all.find(({ type }) => type.name === field.target),
      )
    )
      return [];
    const { join } = field;
    // A relation to the row itself says nothing about other rows.
    const isItself = from.table === to.table && join.from.every((column, i) => column === join.to[i]);
    return isItself ? [] : [{ from: join.to, to: join.from }];
  });
}
