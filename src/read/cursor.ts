/**
 * Owns cursors: opaque text that identifies a row's position in one order. Values are exact, and a cursor from a client
 * is never trusted.
 */
import { hash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { parseJson } from '../base/json.ts';
import { type Entity, type Row } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { badInput } from './input.ts';
import { type SortTerm } from './sql/order.ts';

/**
 * A cursor holds either the values of the order's columns, or the row's primary key, by which those values are looked
 * up.
 */
const BY_VALUES = 1;
const BY_KEY = 2;
const SIGNATURE_LENGTH = 6;
/** The values themselves are put into a cursor up to this many bytes of JSON, since every answer carries the cursor. */
const LONGEST_VALUES = 4_096;
const MAX_CURSOR_LENGTH = 65_536;
/** Prefix of a compressed cursor. Base64url has no dot, so no other cursor starts with it. */
const COMPRESSED = 'z.';
/**
 * Limit of the decompressed content of a cursor, in bytes. An index entry holds at most 2,700 bytes after compression;
 * no key that fits decompresses to more than this.
 */
const MAX_CONTENT = 1 << 20;

/** A short hash of the entity, its table and its order. Cursors of different orders have different signatures. */
export function orderSignature(entity: Entity, terms: readonly SortTerm[]): string {
  const meaning = JSON.stringify([
    entity.name,
    entity.table,
    terms.map(({ column, descending }) => [column, descending]),
  ]);
  return hash('sha256', meaning, 'base64url').slice(0, SIGNATURE_LENGTH);
}

/** An order of an entity's rows, with the signature that its cursors carry. */
export interface CursorOrder {
  readonly entity: Entity;
  readonly terms: readonly SortTerm[];
  readonly signature: string;
}

/**
 * Encodes the row's position in the order. Throws `BAD_USER_INPUT` where even the row's key is too long for a cursor,
 * which is possible for a row of a view.
 */
export function encodeCursor({ entity, terms, signature }: CursorOrder, row: Row): string {
  const content = (kind: number, columns: readonly string[]): Buffer =>
    Buffer.from(JSON.stringify([kind, signature, ...columns.map((column) => spelled(row[column]))]), 'utf8');
  const values = content(
    BY_VALUES,
    terms.map(({ column }) => column),
  );
  if (values.length <= LONGEST_VALUES) return values.toString('base64url');
  const key = content(BY_KEY, entity.primaryKey);
  const cursor =
    key.length <= LONGEST_VALUES
      ? key.toString('base64url')
      : `${COMPRESSED}${deflateRawSync(key).toString('base64url')}`;
  if (key.length > MAX_CONTENT || cursor.length > MAX_CURSOR_LENGTH)
    throw badInput(
      `A row of ${entity.name} cannot be named by a cursor, since its key is longer than a cursor may be; ask for the list without cursors.`,
    );
  return cursor;
}

/** JSON represents finite numbers exactly and has no representation for NaN and the infinities. */
function spelled(value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

export interface CursorContext extends CursorOrder {
  /** Name of the argument, for the message. */
  readonly argument: string;
}

/** The position that a cursor identifies: the values of the order's columns, or the key of the row that has them. */
export type CursorPlace = { readonly values: readonly SqlParam[] } | { readonly key: readonly SqlParam[] };

/** Decodes a cursor into parameters of its columns. Throws `BAD_USER_INPUT`. */
export function decodeCursor(cursor: unknown, { entity, terms, signature, argument }: CursorContext): CursorPlace {
  const parts = typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH ? partsOf(cursor) : null;
  const columns =
    parts?.[0] === BY_VALUES
      ? terms
      : parts?.[0] === BY_KEY
        ? entity.primaryKey.map((column) => ({ column, nullable: false }))
        : null;
  if (parts === null || columns === null || parts.length !== columns.length + 2 || parts[1] !== signature)
    throw foreign(argument);
  const params = columns.map(({ column, nullable }, i) => {
    const type = entity.columns.get(column)?.type;
    const normalized = type === undefined ? { problem: 'a mapped column' } : normalizeValue(type, parts[i + 2]);
    if ('problem' in normalized || (normalized.value === null && !nullable)) throw foreign(argument);
    return normalized.value;
  });
  if (columns === terms) return { values: params };
  // If the order uses only columns of the key, nothing has to be looked up, and the row may have been deleted.
  const byKey = new Map(entity.primaryKey.map((column, i) => [column, params[i] ?? null]));
  return terms.every(({ column }) => byKey.has(column))
    ? { values: terms.map(({ column }) => byKey.get(column) ?? null) }
    : { key: params };
}

/** The values of the order's columns in a row that was looked up. */
export function placeOf({ entity, terms }: CursorOrder, row: Row): readonly SqlParam[] {
  return terms.map(({ column }) => {
    const type = entity.columns.get(column)?.type;
    const normalized = type === undefined ? { problem: 'a mapped column' } : normalizeValue(type, row[column]);
    if ('problem' in normalized)
      throw new TypeError(`a row of ${entity.name} has no usable ${column}: it must be ${normalized.problem}`);
    return normalized.value;
  });
}

function foreign(argument: string): Error {
  return badInput(
    `"${argument}" is not a cursor of this list and order; pass a cursor that this field returned with the same arguments.`,
  );
}

function partsOf(cursor: string): readonly unknown[] | null {
  try {
    const isCompressed = cursor.startsWith(COMPRESSED);
    const bytes = Buffer.from(isCompressed ? cursor.slice(COMPRESSED.length) : cursor, 'base64url');
    const parsed: unknown = parseJson(
      (isCompressed ? inflateRawSync(bytes, { maxOutputLength: MAX_CONTENT }) : bytes).toString('utf8'),
    );
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    // Text that is not JSON is not a cursor; the caller throws the error.
    return null;
  }
}
