/**
 * Owns the application of a round trip: for each column type a table of values and one whose key is of that type, with
 * everything a client can ask of them.
 */
import { MOODS } from './samples-other.ts';
import { hasEquality, hasRange, isKeyable, isOrdered, isSummable, type ColumnType, type Extension } from './types.ts';

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `outside`: the extension that lies in a schema which is on no search path. */
export function schemaSql(types: readonly ColumnType[], outside: Extension): string[] {
  const inside = outside === 'citext' ? 'hstore' : 'citext';
  return [
    `CREATE SCHEMA extensions; CREATE EXTENSION ${outside} SCHEMA extensions; CREATE EXTENSION ${inside} SCHEMA public`,
    `CREATE TYPE mood AS ENUM (${MOODS.map(literal).join(', ')});
     CREATE TYPE pair AS (a integer, b text, c numeric);
     CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
     CREATE DOMAIN amount AS numeric(14,4);
     CREATE DOMAIN short_text AS text CHECK (length(VALUE) <= 8);
     CREATE DOMAIN good_mood AS mood CHECK (VALUE <> 'so so');
     CREATE DOMAIN moment AS timestamptz(3);
     CREATE DOMAIN few_numbers AS integer[] CHECK (cardinality(VALUE) <= 3)`,
    ...types.map((type) => tablesOf(type, outside)),
    CANON,
  ];
}

/** Types of the extension that lies outside are named with their schema. */
export function qualified(sql: string, outside: Extension): string {
  return sql.replace(new RegExp(`^${outside}\\b`), `extensions.${outside}`);
}

function tablesOf(type: ColumnType, outside: Extension): string {
  const sql = qualified(type.sql, outside);
  return [
    `CREATE TABLE v_${type.name} (id bigint PRIMARY KEY, batch integer NOT NULL DEFAULT 0, v ${sql}, note text, version integer NOT NULL DEFAULT 1); CREATE INDEX ON v_${type.name} (batch)`,
    // What PostgreSQL makes of the meant texts; the server never sees it.
    `CREATE SCHEMA IF NOT EXISTS oracle; CREATE TABLE oracle.v_${type.name} (id bigint PRIMARY KEY, v ${sql})`,
    ...(isKeyable(type)
      ? [
          `CREATE TABLE k_${type.name} (k ${sql} PRIMARY KEY, id bigint NOT NULL UNIQUE, batch integer NOT NULL, note text)`,
        ]
      : []),
  ].join('; ');
}

/** `kept` inserts a text as the column's type and answers why that fails; `canon` is the one text of a value. */
const CANON = `
  CREATE FUNCTION oracle.kept(type_name text, id bigint, value text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('INSERT INTO oracle.%I (id, v) VALUES (%s, %s)', 'v_' || type_name, id, quote_nullable(value));
    RETURN NULL;
  EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
  END $$;
  CREATE FUNCTION oracle.canon(value text, type_sql text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE found text;
  BEGIN
    EXECUTE format('SELECT (%L::%s)::text', value, type_sql) INTO found;
    RETURN found;
  EXCEPTION WHEN OTHERS THEN RETURN NULL;
  END $$`;

/** `mood` → `Mood`; `int4s` → `Int4s`. No type of GraphQL or of the server's own has a name that ends so. */
export const graphName = (type: ColumnType): string =>
  `${type.name
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')}Cell`;

export function sdlOf(types: readonly ColumnType[]): string {
  const enums = `enum Mood { ${MOODS.map((label, place) => `MOOD_${place} @column(name: ${JSON.stringify(label)})`).join(' ')} }`;
  return ['scalar Bytes', enums, 'input NumberIs { eq: Int }', ...types.map(typeSdl)].join('\n');
}

function typeSdl(type: ColumnType): string {
  const name = graphName(type);
  const value = type.isList ? `[${type.graphql}]` : type.graphql;
  const [equal, range, order, key] = [hasEquality(type), hasRange(type), isOrdered(type), isKeyable(type)];
  const field = name.charAt(0).toLowerCase() + name.slice(1);
  const operators = [
    ...(equal ? [`eq: ${value} ne: ${value}`] : []),
    ...(equal && !type.isList ? [`in: [${value}] notIn: [${value}]`] : []),
    ...(range ? [`lt: ${value} lte: ${value} gt: ${value} gte: ${value}`] : []),
    ...(equal && type.isList ? [`has: ${type.graphql} hasAny: [${type.graphql}!] hasAll: [${type.graphql}!]`] : []),
    'isNull: Boolean',
  ];
  return `
    type ${name} @entity(table: "v_${type.name}", version: "version") @conflict(policy: MERGE, rule: LAST_WRITE_WINS, updateDeleted: RESTORE) @key(fields: "id") {
      id: ID! v: ${value} note: String version: Int! ${key ? `keyed: ${name}Key @relation(from: ["v"], to: ["k"])` : ''}
    }
    type ${name}Handled @entity(table: "v_${type.name}", version: "version") @conflict(policy: HANDLER, handler: "echo") @key(fields: "id") { id: ID! v: ${value} note: String version: Int! }
    type ${name}Connection { edges: [${name}Edge!]! pageInfo: PageInfo! }
    type ${name}Edge { cursor: String! node: ${name}! }
    ${order ? `enum ${name}Order { V_ASC V_DESC }` : ''}
    input ${name}Is { ${operators.join(' ')} }
    input ${name}Filter { v: ${name}Is batch: NumberIs }
    input ${name}New { id: ID! batch: Int! v: ${value} }
    input ${name}Change { v: ${value} note: String }
    type ${name}Payload { row: ${name} }
    type ${name}HandledPayload { row: ${name}Handled }
    extend type Query {
      ${field}(id: ID!): ${name}
      ${field}List(batch: Int${equal ? ` v: ${value}` : ''} filter: ${name}Filter first: Int): [${name}!]!
      ${field}Pages(filter: ${name}Filter${order ? ` orderBy: [${name}Order!]` : ''} first: Int after: String last: Int before: String): ${name}Connection!
    }
    extend type Mutation {
      ${field}Create(id: ID! batch: Int! v: ${value}): ${name}Payload @insert
      ${field}Make(input: ${name}New!): ${name}Payload @insert
      ${field}Update(id: ID! expectedVersion: Int input: ${name}Change!): ${name}Payload @update
      ${field}Handle(id: ID! expectedVersion: Int input: ${name}Change!): ${name}HandledPayload @update
      ${field}Delete(id: ID!): ${name}Payload @delete
    }${key ? keySdl(name, field, value, type) : ''}${isSummable(type) ? sumSdl(name, field, type) : ''}`;
}

function keySdl(name: string, field: string, value: string, type: ColumnType): string {
  return `
    type ${name}Key @entity(table: "k_${type.name}") @key(fields: "k") { k: ${value}! id: ID! note: String cells(first: Int): [${name}!]! @relation(from: ["k"], to: ["v"]) }
    type ${name}KeyPayload { row: ${name}Key }
    type ${name}KeyConnection { edges: [${name}KeyEdge!]! pageInfo: PageInfo! }
    type ${name}KeyEdge { cursor: String! node: ${name}Key! }
    input ${name}KeyFilter { batch: NumberIs }
    extend type Query { ${field}Key(k: ${value}!): ${name}Key ${field}Keys(filter: ${name}KeyFilter first: Int after: String): ${name}KeyConnection! }
    extend type Mutation { ${field}KeyNote(k: ${value}! note: String): ${name}KeyPayload @update }`;
}

function sumSdl(name: string, field: string, { name: table, graphql }: ColumnType): string {
  return `
    type ${name}Sum @entity(table: "v_${table}", version: "version") @conflict(policy: MERGE, rule: ADD) @key(fields: "id") { id: ID! v: ${graphql} version: Int! }
    type ${name}SumPayload { row: ${name}Sum }
    input ${name}SumChange { v: ${graphql} }
    extend type Mutation { ${field}Add(id: ID! expectedVersion: Int input: ${name}SumChange!): ${name}SumPayload @update }`;
}

export const fieldName = (type: ColumnType): string =>
  graphName(type).charAt(0).toLowerCase() + graphName(type).slice(1);
