/**
 * Owns validation and conversion of values: into canonical statement parameters for their column's type, and out of
 * rows, without loss in either direction.
 */
import { JsonNumber } from '../base/json.ts';
import { type ScalarKind, type SqlType } from './model.ts';
import { canonicalDate, canonicalTime, canonicalTimestamp, namesTheMoment } from './times.ts';

/** A statement parameter: text, a number, a boolean, null, or a list of them. */
export type SqlParam = string | number | boolean | null | readonly SqlParam[];

/** A canonical parameter, or what is wrong with the value: a phrase that completes "X must be …". */
export type Normalized = { readonly value: SqlParam } | { readonly problem: string };

const INT = { min: -(2 ** 31), max: 2 ** 31 - 1 } as const;
const SMALLINT = { min: -(2 ** 15), max: 2 ** 15 - 1 } as const;
const BIGINT = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const;
/** Limits of `numeric`, as PostgreSQL documents them. */
const NUMERIC = { integerDigits: 131_072, fractionDigits: 16_383 } as const;
/** Deeper JSON could exhaust the parser's stack. */
const MAX_JSON_DEPTH = 500;
/**
 * Maximum number of zeros that the exponents of one document or list may expand to. PostgreSQL prints them in full:
 * `1e131071`, eight characters, as 131,072 digits.
 */
const MAX_ZEROS = 1_000_000;

const INTEGER_TEXT = /^[+-]?\d{1,1000}$/;
const NUMERIC_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;
/** A hyphen may follow each group of four digits. */
const UUID_TEXT = /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i;
const HEX_TEXT = /^\\x(?:[0-9a-fA-F]{2})*$/;

/** Whitespace that PostgreSQL ignores around numbers, booleans, dates and times. */
const BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/** Removes that whitespace from text; returns any other value unchanged. */
function trimmed<T>(value: T): T | string {
  return typeof value === 'string' ? value.replace(BLANKS, '') : value;
}

/**
 * The canonical spelling of NaN and the infinities; null for any other text. PostgreSQL reads them in any case, and
 * accepts `inf` for infinity.
 */
function nonFinite(text: string): 'NaN' | 'Infinity' | '-Infinity' | null {
  if (/^nan$/i.test(text)) return 'NaN';
  if (!/^[+-]?inf(?:inity)?$/i.test(text)) return null;
  return text.startsWith('-') ? '-Infinity' : 'Infinity';
}

const problem = (what: string): Normalized => ({ problem: what });

const BIGINT_PROBLEM = `a whole number from ${BIGINT.min} to ${BIGINT.max}`;
const TEXT_PROBLEM = 'text without NUL characters or broken surrogate pairs';

/**
 * Whether the value is a JavaScript number beyond the safe integers, which may have been rounded before it arrived
 * here. It comes from code: numbers of requests are `JsonNumber`s, which keep their digits.
 */
export function isUnsure(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
}

const unsure = (value: number): Normalized =>
  problem(`text, or a bigint: the JavaScript number ${value} may have lost digits`);

/** PostgreSQL cannot store NUL or an unpaired surrogate, and the driver would silently replace the latter. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function text(value: unknown): Normalized {
  if (isUnsure(value)) return unsure(value);
  if (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value instanceof JsonNumber
  )
    return { value: String(value) };
  return typeof value === 'string' && isStorable(value) ? { value } : problem(TEXT_PROBLEM);
}

/** Types without a `ScalarKind` of their own whose text may refer to the current time. */
const MOMENTOUS = /^(?:time with time zone|date(?:multi)?range|ts(?:tz)?(?:multi)?range)\b/;

function other(value: unknown, sql: string): Normalized {
  const normalized = text(value);
  // An answer, cached or not, must not depend on when it was read.
  return 'value' in normalized && MOMENTOUS.test(sql) && namesTheMoment(String(normalized.value))
    ? problem(`a value of type ${sql} without words such as now or today`)
    : normalized;
}

function int(given: unknown, sql: string): Normalized {
  const value = given instanceof JsonNumber ? (given.number ?? NaN) : trimmed(given);
  const range = /^(smallint|int2)\b/.test(sql) ? SMALLINT : INT;
  const number =
    typeof value === 'number'
      ? value
      : (typeof value === 'string' || typeof value === 'bigint') && INTEGER_TEXT.test(String(value))
        ? Number(value)
        : NaN;
  // `+ 0` turns -0, whose text would be "-0", into 0.
  return Number.isInteger(number) && number >= range.min && number <= range.max
    ? { value: number + 0 }
    : problem(`a whole number from ${range.min} to ${range.max}`);
}

/**
 * The form of nearly all keys: canonical already, and too short to be out of range. The check below is skipped for
 * them.
 */
const SHORT_WHOLE = /^[1-9]\d{0,17}$/;

function bigint(value: unknown): Normalized {
  if (typeof value === 'string' && SHORT_WHOLE.test(value)) return { value };
  if (isUnsure(value)) return unsure(value);
  const text = wholeText(trimmed(value));
  if (text === null) return problem(BIGINT_PROBLEM);
  const exact = BigInt(text.replace(/^\+/, ''));
  return exact >= BIGINT.min && exact <= BIGINT.max ? { value: exact.toString() } : problem(BIGINT_PROBLEM);
}

/** The digits of a whole number; null for anything else. JSON may spell a whole number as `1.0` or `1e3`. */
function wholeText(value: unknown): string | null {
  if (value instanceof JsonNumber && !INTEGER_TEXT.test(value.text)) return wholeText(value.number);
  if (typeof value === 'number' && !Number.isInteger(value)) return null;
  const text =
    typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number' || value instanceof JsonNumber
      ? String(value)
      : '';
  return INTEGER_TEXT.test(text) ? text : null;
}

/**
 * A number with more digits than the type holds is rounded to the nearest value of the type, as IEEE 754 and
 * PostgreSQL do.
 */
function float(given: unknown, sql: string): Normalized {
  const wanted = 'a number within the range of its type';
  const value = given instanceof JsonNumber ? given.text : trimmed(given);
  const special = typeof value === 'string' ? nonFinite(value) : null;
  if (special !== null) return { value: special };
  if (typeof value === 'number' && !Number.isFinite(value)) return { value: String(value) };
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && isNumericText(value) ? Number(value) : NaN;
  if (!Number.isFinite(number)) return problem(wanted);
  const rounded = /^(real|float4)\b/.test(sql) ? Math.fround(number) : number;
  // PostgreSQL refuses a number that overflows to infinity or underflows to zero.
  if (!Number.isFinite(rounded) || (rounded === 0 && (number !== 0 || isBelowDouble(value)))) return problem(wanted);
  return { value: number };
}

/** The text of a number other than zero; called when the double parsed from it is zero. */
function isBelowDouble(value: unknown): boolean {
  return typeof value === 'string' && /^[^eE]*[1-9]/.test(value);
}

function isNumericText(value: string): boolean {
  const match = NUMERIC_TEXT.exec(value);
  return match !== null && `${match[2] ?? ''}${match[3] ?? ''}` !== '';
}

function numeric(value: unknown): Normalized {
  const wanted = 'a decimal number such as "12.50"';
  if (
    typeof value !== 'string' &&
    typeof value !== 'number' &&
    typeof value !== 'bigint' &&
    !(value instanceof JsonNumber)
  )
    return problem(wanted);
  const spelled = String(trimmed(value));
  const special = nonFinite(spelled);
  if (special !== null) return { value: special };
  const match = NUMERIC_TEXT.exec(spelled);
  if (!match || !isNumericText(spelled)) return problem(wanted);
  const [whole, digits, exponent] = [match[2] ?? '', match[3] ?? '', Number(match[4] ?? '0')];
  if (
    whole.length + exponent > NUMERIC.integerDigits ||
    digits.length - exponent > NUMERIC.fractionDigits ||
    whole.length > NUMERIC.integerDigits
  )
    return problem(`${wanted} within the range of its type`);
  return { value: spelled.replace(/^\+/, '') };
}

/** The spellings that PostgreSQL accepts; a representation of an entity may contain any of them. */
const TRUE_TEXT = /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i;
const FALSE_TEXT = /^(?:f|fa|fal|fals|false|n|no|of|off|0)$/i;

function bool(given: unknown): Normalized {
  const value = trimmed(given);
  if (value === true || (typeof value === 'string' && TRUE_TEXT.test(value))) return { value: true };
  if (value === false || (typeof value === 'string' && FALSE_TEXT.test(value))) return { value: false };
  return problem('true or false');
}

function uuid(given: unknown): Normalized {
  const value = typeof given === 'string' ? given.replace(/^\{(.*)\}$/s, '$1') : given;
  if (typeof value !== 'string' || !UUID_TEXT.test(value))
    return problem('a UUID such as 123e4567-e89b-12d3-a456-426614174000');
  const hex = value.replaceAll('-', '').toLowerCase();
  return { value: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` };
}

function spelled(value: unknown, canonical: (text: string) => string | null, wanted: string): Normalized {
  const found = typeof value === 'string' ? canonical(trimmed(value)) : null;
  return found === null ? problem(wanted) : { value: found };
}

function bytea(value: unknown): Normalized {
  if (value instanceof Uint8Array) return { value: `\\x${Buffer.from(value).toString('hex')}` };
  return typeof value === 'string' && HEX_TEXT.test(value)
    ? { value: value.toLowerCase() }
    : problem('bytes in hexadecimal such as "\\x48656c6c6f"');
}

const zerosOfText = (number: string): number => Math.abs(Number(/[eE](.*)$/.exec(number)?.[1] ?? '0'));

/**
 * Number of zeros that a document's numbers expand to when they are printed in full. The exponents of JavaScript
 * numbers are too small to matter.
 */
function zerosOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof JsonNumber) return zerosOfText(value.text);
  return Object.values(value).reduce((zeros: number, item) => zeros + zerosOf(item), 0);
}

/** Whether PostgreSQL can store the value: no NUL, no unpaired surrogate, nothing that JSON cannot express. */
function isJson(value: unknown, depth: number, sql: string): boolean {
  if (depth > MAX_JSON_DEPTH) return false;
  switch (typeof value) {
    case 'string':
      return isStorable(value);
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return true;
    case 'object':
      if (value === null) return true;
      // jsonb stores numbers as numeric; json stores their text.
      if (value instanceof JsonNumber)
        return sql.startsWith('json') && !sql.startsWith('jsonb') ? true : 'value' in numeric(value);
      if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1, sql));
      return Object.entries(value).every(
        ([key, item]) => isStorable(key) && (item === undefined || isJson(item, depth + 1, sql)),
      );
    default:
      return false;
  }
}

function json(value: unknown, sql: string): Normalized {
  if (!isJson(value, 0, sql))
    return problem(
      `JSON without NUL characters, no deeper than ${MAX_JSON_DEPTH} levels, its numbers within the range of numeric`,
    );
  if (sql.startsWith('jsonb') && zerosOf(value) > MAX_ZEROS) {
    return problem(
      `JSON whose numbers have at most ${MAX_ZEROS} digits altogether when their exponents are written out`,
    );
  }
  return { value: JSON.stringify(value) };
}

const SCALARS: Readonly<Record<ScalarKind, (value: unknown, sql: string) => Normalized>> = {
  int,
  float,
  bigint,
  numeric,
  text,
  enum: text,
  other,
  uuid,
  bool,
  bytea,
  json,
  date: (value) => spelled(value, canonicalDate, 'a date such as 2026-01-31'),
  time: (value) => spelled(value, canonicalTime, 'a time without a time zone such as 13:45:00'),
  timestamp: (value) =>
    spelled(
      value,
      (it) => canonicalTimestamp(it, false),
      'a timestamp without a time zone such as 2026-01-31T13:45:00',
    ),
  timestamptz: (value) =>
    spelled(
      value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value,
      (it) => canonicalTimestamp(it, true),
      'a timestamp with a time zone such as 2026-01-31T13:45:00Z',
    ),
};

/** One value of the type, ignoring whether the type is an array. Null and undefined are SQL NULL. */
export function normalizeScalar(type: Pick<SqlType, 'kind' | 'sql'>, value: unknown): Normalized {
  if (value === null || value === undefined) return { value: null };
  return SCALARS[type.kind](value, type.sql);
}

/**
 * One value of the type as a canonical statement parameter, or the problem with it. Null and undefined are SQL NULL.
 */
export function normalizeValue(type: SqlType, value: unknown): Normalized {
  if (!type.array || value === null || value === undefined) return normalizeScalar(type, value);
  if (!Array.isArray(value)) return problem('a list');
  const items: SqlParam[] = [];
  for (const item of value) {
    const normalized = normalizeScalar(type, item);
    if ('problem' in normalized) return problem(`a list whose every entry is ${normalized.problem}`);
    items.push(normalized.value);
  }
  return zerosOfList(type, value) > MAX_ZEROS
    ? problem(`a list whose numbers have at most ${MAX_ZEROS} digits altogether when their exponents are written out`)
    : { value: items };
}

/** Number of zeros that a list's numbers expand to when they are printed in full, as `zerosOf` counts them. */
function zerosOfList({ kind, sql }: SqlType, items: readonly unknown[]): number {
  if (kind === 'json' && sql.startsWith('jsonb')) return zerosOf(items);
  if (kind !== 'numeric') return 0;
  return items.reduce(
    (zeros: number, item) =>
      zeros + (typeof item === 'string' || item instanceof JsonNumber ? zerosOfText(String(item).trim()) : 0),
    0,
  );
}

/**
 * How to convert a selected value to the shape that its `ScalarKind` defines; null if it already arrives in that
 * shape. Values that a JavaScript number or Date would damage are selected as text (see `outputExpression`).
 */
export function readerOf(type: SqlType): ((value: unknown) => unknown) | null {
  if (type.kind !== 'timestamptz' && type.kind !== 'timestamp') return null;
  const zoned = type.kind === 'timestamptz';
  const read = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(read);
    return typeof value === 'string' ? (canonicalTimestamp(value, zoned) ?? value) : value;
  };
  return read;
}
