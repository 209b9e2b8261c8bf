/**
 * Owns the conversion of PostgreSQL values to JavaScript values: a value that a number cannot hold exactly stays text.
 */
import { parseJson } from '../../base/json.ts';
import { parseArray } from './arrays.ts';

type Parse = (text: string) => unknown;

const asText: Parse = (text) => text;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)$/;
const TIMESTAMPTZ = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)\+00$/;

/**
 * `2026-01-31T12:00:00.123456Z`: UTC with microseconds; the fraction has no trailing zeros and is absent if it is
 * zero, as in PostgreSQL's output. Values that ISO 8601 cannot express with a four-digit year (`infinity`, `BC`, the
 * year 10000) stay as PostgreSQL writes them, so that they can be sent back.
 */
export const parseTimestamptz: Parse = (text) => {
  const match = TIMESTAMPTZ.exec(text);
  return match ? `${match[1]}T${match[2]}Z` : text;
};

/** `2026-01-31T12:00:00.123456`, without a zone. */
export const parseTimestamp: Parse = (text) => {
  const match = TIMESTAMP.exec(text);
  return match ? `${match[1]}T${match[2]}` : text;
};

interface BuiltIn {
  readonly type: number;
  readonly array: number;
  readonly parse: Parse;
}

/** The object ids of built-in types never change; a type that is not listed is text. */
const BUILT_IN: readonly BuiltIn[] = [
  { type: 16, array: 1000, parse: (text) => text === 't' }, // bool
  { type: 21, array: 1005, parse: Number }, // int2
  { type: 23, array: 1007, parse: Number }, // int4
  { type: 26, array: 1028, parse: Number }, // oid
  { type: 700, array: 1021, parse: Number }, // float4
  { type: 701, array: 1022, parse: Number }, // float8
  { type: 114, array: 199, parse: parseJson }, // json
  { type: 3802, array: 3807, parse: parseJson }, // jsonb
  { type: 1114, array: 1115, parse: parseTimestamp },
  { type: 1184, array: 1185, parse: parseTimestamptz },
  { type: 17, array: 1001, parse: asText }, // bytea: \x and hexadecimal digits
  { type: 18, array: 1002, parse: asText }, // "char"
  { type: 19, array: 1003, parse: asText }, // name
  { type: 20, array: 1016, parse: asText }, // int8
  { type: 25, array: 1009, parse: asText }, // text
  { type: 650, array: 651, parse: asText }, // cidr
  { type: 790, array: 791, parse: asText }, // money
  { type: 829, array: 1040, parse: asText }, // macaddr
  { type: 869, array: 1041, parse: asText }, // inet
  { type: 1042, array: 1014, parse: asText }, // bpchar
  { type: 1043, array: 1015, parse: asText }, // varchar
  { type: 1082, array: 1182, parse: asText }, // date
  { type: 1083, array: 1183, parse: asText }, // time
  { type: 1186, array: 1187, parse: asText }, // interval, ISO 8601 by the session's setting
  { type: 1266, array: 1270, parse: asText }, // timetz
  { type: 1700, array: 1231, parse: asText }, // numeric
  { type: 2950, array: 2951, parse: asText }, // uuid
  { type: 3220, array: 3221, parse: asText }, // pg_lsn
];

/** An array type of the application, of an enum or a domain. `element`: the enum, or the domain's base type. */
export interface CustomArray {
  readonly array: number;
  readonly element: number;
}

/** Reads the `CustomArray`s; the driver itself knows only built-in array types. */
export const CUSTOM_ARRAYS = `SELECT t.oid::int8::text AS array, CASE e.typtype WHEN 'd' THEN e.typbasetype ELSE e.oid END::int8::text AS element
FROM pg_type t JOIN pg_type e ON e.oid = t.typelem WHERE t.oid >= 16384 AND t.typcategory = 'A' AND e.typtype IN ('e', 'd')`;

const SCALARS = new Map(BUILT_IN.map(({ type, parse }) => [type, parse]));

/** The parsers of one pool: those of the built-in types, and of the array types of its database. */
export class TypeParsers {
  readonly #parsers = new Map<number, Parse>(SCALARS);
  /** Parsers of the elements of the database's own array types. */
  readonly #elements = new Map<number, Parse>();
  #version = 0;

  constructor() {
    for (const { array, parse } of BUILT_IN) this.#parsers.set(array, (text) => parseArray(text, parse));
  }

  /** Increases when a parser is added or replaced. */
  get version(): number {
    return this.#version;
  }

  learn(arrays: readonly CustomArray[]): void {
    for (const { array, element } of arrays) {
      const parse = SCALARS.get(element) ?? asText;
      if (this.#elements.get(array) === parse) continue;
      this.#elements.set(array, parse);
      this.#version += 1;
      this.#parsers.set(array, (text) => parseArray(text, parse));
    }
  }

  /** Called by the driver. Every value is sent in text format. */
  getTypeParser(oid: number, format: string = 'text'): Parse {
    if (format !== 'text') throw new TypeError(`values travel as text, not as ${format}`);
    return this.#parsers.get(oid) ?? asText;
  }
}
