/** Owns the text of cached rows and counts: rows as JSON arrays in column order, exact for every kind of value. */
import { createHash } from 'node:crypto';
import { frozen } from '../base/frozen.ts';
import { JsonNumber, parseJson } from '../base/json.ts';
import { type Column, type Entity, type Row } from '../model/model.ts';
import { type Codec } from './reading.ts';

/** Part of every shape, so that rows which another version of this module wrote are never read. */
const FORMAT = 2;
const SHAPE_LENGTH = 10;

/** One row as it stands in the text. */
type Cells = unknown[];

interface RowForm {
  /** Throws if the text is not JSON. */
  readonly parse: (text: string) => unknown;
  readonly toCells: (row: Row) => Cells;
  /** Throws if the value is not a row of the entity. */
  readonly toRow: (cells: unknown) => Row;
  /** Whether a cell of the row must be written differently than `JSON.stringify` does. */
  readonly isOdd: (cells: Cells) => boolean;
}

const forms = new WeakMap<Entity, RowForm>();
const shapes = new WeakMap<Entity, string>();

/**
 * A short hash of the columns of the entity's rows: different models have different variants, and never read each
 * other's values.
 */
export function shapeOf(entity: Entity): string {
  const known = shapes.get(entity);
  if (known !== undefined) return known;
  const columns = [...entity.columns.values()].map(({ name, type }) => [name, type.sql, type.kind, type.array]);
  const content = JSON.stringify([FORMAT, entity.table.schema, entity.table.name, columns]);
  const shape = createHash('sha256').update(content).digest('base64url').slice(0, SHAPE_LENGTH);
  shapes.set(entity, shape);
  return shape;
}

const rowCodecs = new WeakMap<Entity, Codec<Row | null>>();
const rowsCodecs = new WeakMap<Entity, Codec<readonly Row[]>>();

/** One row, or null where there is none. */
export function rowCodec(entity: Entity): Codec<Row | null> {
  let codec = rowCodecs.get(entity);
  if (codec === undefined) rowCodecs.set(entity, (codec = makeRowCodec(entity)));
  return codec;
}

export function rowsCodec(entity: Entity): Codec<readonly Row[]> {
  let codec = rowsCodecs.get(entity);
  if (codec === undefined) rowsCodecs.set(entity, (codec = makeRowsCodec(entity)));
  return codec;
}

function makeRowCodec(entity: Entity): Codec<Row | null> {
  const { parse, toCells, toRow, isOdd } = formOf(entity);
  return {
    encode: (row) => {
      if (row === null) return 'null';
      const cells = toCells(row);
      return isOdd(cells) ? spell(cells) : JSON.stringify(cells);
    },
    decode: (text) => {
      const cells: unknown = parse(text);
      return cells === null ? null : toRow(cells);
    },
  };
}

function makeRowsCodec(entity: Entity): Codec<readonly Row[]> {
  const { parse, toCells, toRow, isOdd } = formOf(entity);
  return {
    encode: (rows) => {
      const all = rows.map(toCells);
      return all.some(isOdd) ? spell(all) : JSON.stringify(all);
    },
    decode: (text) => {
      const all: unknown = parse(text);
      if (!Array.isArray(all)) throw damaged('list');
      return Object.freeze(all.map(toRow));
    },
  };
}

/** Counts. */
export const numberCodec: Codec<number> = {
  encode: String,
  decode: (text) => {
    if (!/^\d+$/.test(text)) throw damaged('count');
    return Number(text);
  },
};

/**
 * Others may be able to write to the cache, so its contents may be anything: an invalid value is read again and not
 * shown.
 */
function damaged(what: string): SyntaxError {
  return new SyntaxError(`the text of a cached ${what} is none`);
}

function formOf(entity: Entity): RowForm {
  const known = forms.get(entity);
  if (known !== undefined) return known;
  const form = makeForm([...entity.columns.values()]);
  forms.set(entity, form);
  return form;
}

function makeForm(columns: readonly Column[]): RowForm {
  const names = columns.map(({ name }) => name);
  // Only floats are numbers that JSON cannot represent. Documents may contain any number, as a JsonNumber if it is not
  // a JavaScript number.
  const hasDocuments = columns.some(({ type }) => type.kind === 'json');
  const floatPlaces = columns.flatMap(({ type }, place) => (type.kind === 'float' ? [place] : []));
  return {
    toCells: (row) => names.map((name) => row[name]),
    parse: hasDocuments ? parseJson : JSON.parse,
    isOdd: (cells) => floatPlaces.some((place) => hasOddNumber(cells[place])),
    toRow: (cells) => {
      if (!Array.isArray(cells) || cells.length !== names.length) throw damaged('row');
      for (const place of floatPlaces) cells[place] = asFloats(cells[place]);
      const row: Record<string, unknown> = {};
      for (let place = 0; place < names.length; place += 1) row[names[place] as string] = frozen(cells[place]);
      return Object.freeze(row);
    },
  };
}

function hasOddNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value) || Object.is(value, -0);
  return Array.isArray(value) && value.some(hasOddNumber);
}

/**
 * As `JSON.stringify`, including the numbers that it loses: `JSON.parse` reads 1e999 and -0 back as they were, and
 * float columns accept "NaN".
 */
function spell(value: unknown): string {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '"NaN"';
    if (!Number.isFinite(value)) return value > 0 ? '1e999' : '-1e999';
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (Array.isArray(value)) return `[${value.map(spell).join(',')}]`;
  if (typeof value === 'object' && value !== null && !(value instanceof JsonNumber)) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${spell(item)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

/**
 * For a float column, in which a text can only be NaN, and a number that JavaScript writes differently is still a
 * JavaScript number.
 */
function asFloats(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asFloats);
  if (value instanceof JsonNumber) return Number(value.text);
  return value === 'NaN' ? NaN : value;
}
