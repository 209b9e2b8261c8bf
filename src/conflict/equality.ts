/**
 * Owns when two values of a column are equal, exact by type, and the conversion between a row's values and parameters.
 */
import { digitsOf, JsonNumber, parseJson } from '../base/json.ts';
import { type Row, type ScalarKind, type SqlType } from '../model/model.ts';
import { normalizeScalar, type SqlParam } from '../model/values.ts';
import { canonicalDecimal, parseDecimal } from './decimal.ts';
import { momentOf } from './moments.ts';

/** PostgreSQL pads `char(n)` with blanks that it does not compare. */
export const isPadded = (type: SqlType): boolean => /^(?:bpchar|character)(?! varying)\b/.test(type.sql);
const isReal = (type: SqlType): boolean => /^(?:real|float4)\b/.test(type.sql);

/** A parameter in the form in which a row would show it. */
export function asRead(type: SqlType, value: SqlParam): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return (value as readonly SqlParam[]).map((item) => asRead(type, item));
  if (type.kind === 'json') return parseJson(String(value));
  return type.kind === 'float' ? Number(value) : value;
}

function scalarParam(type: SqlType, value: unknown): SqlParam {
  const normalized = normalizeScalar(type, value);
  // A value that the database has shown is accepted again, even if no client may send it.
  return 'value' in normalized ? normalized.value : (value as SqlParam);
}

/** A row's value as a parameter. */
export function asParam(type: SqlType, value: unknown): SqlParam {
  return type.array && Array.isArray(value) ? value.map((item) => asParam(type, item)) : scalarParam(type, value);
}

/** Only `json` contains such a number, as text: its exponent is not an exact number itself. */
const HUGE = /[eE][+-]?\d{15,}$/;

/**
 * One text for all spellings of a JSON document, whatever the order of its keys and the form of its numbers, as jsonb
 * compares documents.
 */
function jsonKey(value: unknown): string {
  if (typeof value === 'number' || value instanceof JsonNumber) {
    const text = String(value);
    // Not written out: a few characters may represent a hundred thousand digits.
    return HUGE.test(text) ? text : (digitsOf(text) ?? text);
  }
  if (Array.isArray(value)) return `[${value.map(jsonKey).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${jsonKey(item)}`).join(',')}}`;
}

function numberKey(type: SqlType, value: unknown): string {
  // `+ 0` makes one of the two zeros, which PostgreSQL considers equal.
  if (type.kind === 'float') return String((isReal(type) ? Math.fround(Number(value)) : Number(value)) + 0);
  const decimal = parseDecimal(String(value));
  return decimal === null ? String(value) : canonicalDecimal(decimal);
}

const MOMENTS: ReadonlySet<ScalarKind> = new Set(['date', 'time', 'timestamp', 'timestamptz']);
const NUMBERS: ReadonlySet<ScalarKind> = new Set(['int', 'bigint', 'numeric', 'float']);

/**
 * A text that two values share exactly if they are equal: `1.0` and `1.00`, JSON by structure, one moment. Types
 * without their own rule are compared as text, so that two spellings of one interval count as a change; that loses
 * nothing.
 */
export function keyOf(type: SqlType, value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (type.array && Array.isArray(value)) return `[${value.map((item) => keyOf(type, item)).join(',')}]`;
  if (type.kind === 'json') return `json:${jsonKey(value)}`;
  if (NUMBERS.has(type.kind)) return numberKey(type, value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (MOMENTS.has(type.kind)) return String(momentOf(type.kind, text) ?? JSON.stringify(text));
  return JSON.stringify(isPadded(type) ? text.replace(/(?<! ) +$/, '') : text);
}

export function isSame(type: SqlType, a: unknown, b: unknown): boolean {
  return keyOf(type, a) === keyOf(type, b);
}

/** Columns whose values differ between two rows. A column that only one of them has counts as null in the other. */
export function changedColumns(types: ReadonlyMap<string, SqlType>, before: Row, after: Row): readonly string[] {
  return [...types].filter(([column, type]) => !isSame(type, before[column], after[column])).map(([column]) => column);
}
