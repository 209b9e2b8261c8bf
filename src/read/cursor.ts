/** Owns cursors: opaque text that names a row's place in one order, exact to the last digit, and never trusted. */
import { hash } from 'node:crypto';
import { parseJson } from '../base/json.ts';
import { type Entity, type Row } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { badInput } from './input.ts';
import { type SortTerm } from './sql/order.ts';

const VERSION = 1;
const SIGNATURE_LENGTH = 6;
const MAX_CURSOR_LENGTH = 65_536;

/** Short hash of what a cursor's values mean: the target and its order. A cursor of another order has another one. */
export function orderSignature(entity: Entity, terms: readonly SortTerm[]): string {
  const meaning = JSON.stringify([entity.name, entity.table, terms.map(({ column, descending }) => [column, descending])]);
  return hash('sha256', meaning, 'base64url').slice(0, SIGNATURE_LENGTH);
}

export function encodeCursor(signature: string, terms: readonly SortTerm[], row: Row): string {
  // JSON spells finite numbers exactly and the others not at all.
  const values = terms.map(({ column }) => (typeof row[column] === 'number' && !Number.isFinite(row[column]) ? String(row[column]) : row[column]));
  return Buffer.from(JSON.stringify([VERSION, signature, ...values]), 'utf8').toString('base64url');
}

export interface CursorContext {
  readonly entity: Entity;
  readonly terms: readonly SortTerm[];
  readonly signature: string;
  /** Name of the argument, for the message. */
  readonly argument: string;
}

/** The key values that a cursor holds, as parameters of the order's columns. Throws `BAD_USER_INPUT`. */
export function decodeCursor(cursor: unknown, { entity, terms, signature, argument }: CursorContext): readonly SqlParam[] {
  const foreign = badInput(`"${argument}" is not a cursor of this list and order; pass a cursor that this field returned with the same arguments.`);
  const parts = typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH ? partsOf(cursor) : null;
  if (parts === null || parts.length !== terms.length + 2 || parts[0] !== VERSION || parts[1] !== signature) throw foreign;
  return terms.map(({ column, nullable }, i) => {
    const type = entity.columns.get(column)?.type;
    const normalized = type === undefined ? { problem: 'a mapped column' } : normalizeValue(type, parts[i + 2]);
    if ('problem' in normalized || (normalized.value === null && !nullable)) throw foreign;
    return normalized.value;
  });
}

function partsOf(cursor: string): readonly unknown[] | null {
  try {
    const parsed: unknown = parseJson(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    // Whatever is no JSON is no cursor; the caller says so.
    return null;
  }
}
