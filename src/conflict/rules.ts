/** Owns the result of two writers' changes to one value: each rule of a MERGE, and the types that it applies to. */
import { type ConflictRule, type ScalarKind, type SqlType } from '../model/model.ts';
import { compareDecimals, decimalText, difference, parseDecimal, sum, type Decimal } from './decimal.ts';
import { isPadded, keyOf } from './equality.ts';
import { momentOf } from './moments.ts';

/** One value as the writer saw it, as the writer wants it, and as it is now, in the form of a row's values. */
export interface Sides {
  readonly was: unknown;
  readonly mine: unknown;
  readonly theirs: unknown;
}

/** Null: no value preserves both changes. */
type Outcome = { readonly value: unknown } | null;

const NUMBERS: ReadonlySet<ScalarKind> = new Set(['int', 'bigint', 'numeric', 'float']);
const MOMENTS: ReadonlySet<ScalarKind> = new Set(['date', 'time', 'timestamp', 'timestamptz']);

/**
 * Whether a rule applies to a type. MAX and MIN need an order on which this process and the database agree: numbers and
 * times have one. Text has none, because it depends on the collation, and neither have enums, because their labels may
 * be reordered. APPEND does not apply to `char(n)`, which is padded, nor to `name`, which is truncated.
 */
export function ruleFits(rule: ConflictRule, type: SqlType): boolean {
  switch (rule) {
    case 'ADD':
      return !type.array && NUMBERS.has(type.kind);
    case 'MAX':
    case 'MIN':
      return !type.array && (NUMBERS.has(type.kind) || MOMENTS.has(type.kind));
    case 'UNION':
      return type.array;
    case 'APPEND':
      return type.array || (type.kind === 'text' && !isPadded(type) && type.sql !== 'name');
    case 'LAST_WRITE_WINS':
    case 'REJECT':
      return true;
  }
}

/** The text of a number, a time or a text; null counts as empty. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/**
 * Their value plus what this writer has added, exactly. A counter that was null started at 0. Setting it to null
 * conflicts with adding to it.
 */
function add(kind: ScalarKind, { was, mine, theirs }: Sides): Outcome {
  if (mine === null && theirs === null) return { value: null };
  const [before, here, there] = [was ?? 0, mine, theirs].map((value) => parseDecimal(String(value)));
  // NaN, the infinities and null have no difference that could be added.
  if (!before || !here || !there) return null;
  // Floats are added as the decimals that they are shown as, and rounded once: 0.1 plus 0.2 is 0.3.
  const text = decimalText(sum(there, difference(here, before)));
  if (kind !== 'float' && kind !== 'int') return { value: text };
  const value = Number(text);
  return Number.isFinite(value) ? { value } : null;
}

/** NaN equals itself and is greater than everything else, as in PostgreSQL. */
function rank(value: Decimal | null, text: string): number {
  return value !== null ? 0 : text === 'NaN' ? 2 : text === 'Infinity' ? 1 : -1;
}

/** Negative, zero or positive; NaN if the two cannot be compared. */
function compare(kind: ScalarKind, a: string, b: string): number {
  if (NUMBERS.has(kind)) {
    const [left, right] = [parseDecimal(a), parseDecimal(b)];
    return left !== null && right !== null ? compareDecimals(left, right) : rank(left, a) - rank(right, b);
  }
  const [left, right] = [momentOf(kind, a), momentOf(kind, b)];
  if (left === null || right === null) return NaN;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** As `GREATEST` and `LEAST`: null is ignored. */
function extreme(kind: ScalarKind, sign: 1 | -1, { mine, theirs }: Sides): Outcome {
  if (mine === null || theirs === null) return { value: mine ?? theirs };
  const order = compare(kind, textOf(mine), textOf(theirs)) * sign;
  return Number.isNaN(order) ? null : { value: order > 0 ? mine : theirs };
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Their entries without those that this writer removed, followed by those that this writer added; each once. A null
 * list has no entries.
 */
function union(type: SqlType, { was, mine, theirs }: Sides): Outcome {
  const keys = (value: unknown): Set<string> => new Set(asList(value).map((item) => keyOf(type, item)));
  const [before, here] = [keys(was), keys(mine)];
  const kept = asList(theirs).filter((item) => !before.has(keyOf(type, item)) || here.has(keyOf(type, item)));
  const added = asList(mine).filter((item) => !before.has(keyOf(type, item)));
  const once = new Map<string, unknown>();
  for (const item of [...kept, ...added]) if (!once.has(keyOf(type, item))) once.set(keyOf(type, item), item);
  return { value: once.size === 0 && (mine === null || theirs === null) ? null : [...once.values()] };
}

/**
 * The text that this writer has added at the end is appended to the present text; null counts as empty. A change of the
 * beginning is not an append.
 */
function append(type: SqlType, { was, mine, theirs }: Sides): Outcome {
  if (mine === null) return null;
  if (!type.array) {
    const [before, here] = [textOf(was), textOf(mine)];
    return here.startsWith(before) ? { value: `${textOf(theirs)}${here.slice(before.length)}` } : null;
  }
  const [before, here] = [asList(was), asList(mine)];
  const begins =
    before.length <= here.length && before.every((item, index) => keyOf(type, item) === keyOf(type, here[index]));
  return begins ? { value: [...asList(theirs), ...here.slice(before.length)] } : null;
}

/**
 * The value that results from both changes of one column; null if they conflict. A rule that does not apply to the type
 * refuses.
 */
export function applyRule(rule: ConflictRule, type: SqlType, sides: Sides): Outcome {
  if (!ruleFits(rule, type)) return null;
  switch (rule) {
    case 'ADD':
      return add(type.kind, sides);
    case 'MAX':
      return extreme(type.kind, 1, sides);
    case 'MIN':
      return extreme(type.kind, -1, sides);
    case 'UNION':
      return union(type, sides);
    case 'APPEND':
      return append(type, sides);
    case 'LAST_WRITE_WINS':
      return { value: sides.mine };
    case 'REJECT':
      return null;
  }
}
