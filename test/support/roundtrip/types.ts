/**
 * Owns the table of column types: how each is declared, what a client sees it as, what can be asked of it, and who
 * makes its values.
 */
import {
  checked,
  bitsOf,
  bigBounds,
  booleans,
  boxes,
  bytes,
  caseTexts,
  cidrs,
  circles,
  dayBounds,
  decimalBounds,
  hstores,
  inets,
  jsonPaths,
  lines,
  lsns,
  macs,
  momentBounds,
  moneys,
  MOODS,
  moods,
  multiranges,
  pairs,
  paths,
  points,
  polygons,
  queries,
  ranges,
  segments,
  uuids,
  varbits,
  vectors,
  wholeBounds,
  xmls,
  zonedBounds,
} from './samples-other.ts';
import { bigInts, decimals, floats, INT2, INT4, INT8, ints, UINT4, UINT8, wholeTexts } from './samples-numbers.ts';
import { fixed, listOf, oddNumber, oddText, oneOf, plainNumber, plainText, type Generate } from './sample.ts';
import { documents, texts } from './samples-text.ts';
import { dates, intervals, times, timestamps, timesWithZone } from './samples-times.ts';

/** What PostgreSQL can compare: nothing, equality, or an order as well. */
export type Comparable = 'none' | 'equal' | 'ordered';

export interface ColumnType {
  /** Names its tables, and with a capital letter its GraphQL types. */
  readonly name: string;
  /** As a column is declared. */
  readonly sql: string;
  /** Without a length or a precision: as what values are compared. */
  readonly cast: string;
  /** Type of its field; of its entries where it is a list. */
  readonly graphql: string;
  readonly isList: boolean;
  readonly comparable: Comparable;
  readonly generate: Generate;
  /** Texts that no client may be able to send, and that a table may hold all the same. */
  readonly held: readonly string[];
  /** From the name in the graph to what the database holds, where these differ. */
  readonly names: ReadonlyMap<string, string> | null;
}

interface Rest {
  readonly cast?: string;
  readonly comparable?: Comparable;
  readonly held?: readonly string[];
  readonly names?: ReadonlyMap<string, string>;
}

function scalar(name: string, sql: string, graphql: string, generate: Generate, rest: Rest = {}): ColumnType {
  return {
    name,
    sql,
    cast: rest.cast ?? sql,
    graphql,
    isList: false,
    comparable: rest.comparable ?? 'ordered',
    generate,
    held: rest.held ?? [],
    names: rest.names ?? null,
  };
}

/**
 * Array columns with these entries. PostgreSQL may also hold arrays that begin elsewhere or have several dimensions.
 */
function array(
  name: string,
  sql: string,
  graphql: string,
  item: Generate,
  rest: Rest & { readonly delimiter?: string } = {},
): ColumnType {
  return {
    ...scalar(name, `${sql}[]`, graphql, listOf(item, rest), {
      comparable: 'equal',
      ...rest,
      cast: `${rest.cast ?? sql}[]`,
    }),
    isList: true,
  };
}

const none = { comparable: 'none' } as const;
const positive = checked(ints(INT4), [plainNumber('1'), oddNumber('0'), oddNumber('-5')]);
/** Names that GraphQL can spell, for labels that it cannot. */
const MOOD_NAMES = new Map(MOODS.map((label, place) => [`MOOD_${place}`, label]));
const namedMoods: Generate = oneOf(
  fixed([...MOOD_NAMES].map(([name, label]) => ({ wire: name, literal: name, meant: label, isPlain: true }))),
  fixed([{ wire: 'MOOD_99', literal: 'MOOD_99', meant: null, isPlain: false }]),
);
const numberHeld = ['NaN', 'Infinity', '-Infinity'] as const;

/** One of them lies in a schema that is on no search path; `run.ts` says which. */
export type Extension = 'citext' | 'hstore';

export const NUMBER_TYPES: readonly ColumnType[] = [
  scalar('int2', 'smallint', 'Int', ints(INT2)),
  scalar('int4', 'integer', 'Int', ints(INT4)),
  scalar('int4_as_bigint', 'integer', 'BigInt', bigInts(INT4)),
  scalar('int4_as_id', 'integer', 'ID', bigInts(INT4)),
  scalar('int4_as_float', 'integer', 'Float', ints(INT4)),
  scalar('int8', 'bigint', 'BigInt', bigInts(INT8)),
  scalar('int8_as_id', 'bigint', 'ID', bigInts(INT8)),
  scalar('numeric', 'numeric', 'Decimal', decimals({ whole: 60, fraction: 60 }), {
    held: [...numberHeld, '1e-16383', '9e131071'],
  }),
  scalar('numeric_12_2', 'numeric(12,2)', 'Decimal', decimals({ whole: 10, fraction: 2, special: false }), {
    cast: 'numeric',
  }),
  scalar('numeric_5_minus_2', 'numeric(5,-2)', 'Decimal', decimals({ whole: 7, fraction: 0, special: false }), {
    cast: 'numeric',
  }),
  scalar(
    'numeric_3_5',
    'numeric(3,5)',
    'Decimal',
    fixed(['0.00123', '-0.00999', '0'].map(plainText).concat(['0.001234', '0.01', '1'].map((text) => oddText(text)))),
    { cast: 'numeric' },
  ),
  scalar('float4', 'real', 'Float', floats(true), { held: numberHeld }),
  scalar('float8', 'double precision', 'Float', floats(false), { held: [...numberHeld, '-0'] }),
  scalar('money', 'money', 'String', moneys),
  scalar('oid', 'oid', 'String', wholeTexts(UINT4)),
  scalar('xid', 'xid', 'String', wholeTexts(UINT4), { comparable: 'equal' }),
  scalar('xid8', 'xid8', 'String', wholeTexts(UINT8)),
  scalar('pg_lsn', 'pg_lsn', 'String', lsns),
];

export const TEXT_TYPES: readonly ColumnType[] = [
  scalar('text', 'text', 'String', texts()),
  scalar('text_as_id', 'text', 'ID', texts({ long: false })),
  scalar('varchar', 'varchar', 'String', texts()),
  scalar('varchar_5', 'varchar(5)', 'String', texts({ most: 5 }), { cast: 'varchar' }),
  scalar('char_4', 'char(4)', 'String', texts({ most: 4 }), { cast: 'bpchar' }),
  scalar('bpchar', 'bpchar', 'String', texts({ long: false })),
  scalar('name', 'name', 'String', texts({ most: 15 })),
  scalar('one_char', '"char"', 'String', texts({ most: 1 }), { held: ['\\200', '\\377'] }),
  scalar('uuid', 'uuid', 'UUID', uuids),
  scalar('uuid_as_id', 'uuid', 'ID', uuids),
  scalar('bool', 'boolean', 'Boolean', booleans),
  scalar('bytea', 'bytea', 'Bytes', bytes),
  scalar('json', 'json', 'JSON', documents(), { comparable: 'none' }),
  scalar('jsonb', 'jsonb', 'JSON', documents(), { comparable: 'equal' }),
  scalar('jsonpath', 'jsonpath', 'String', jsonPaths, none),
  scalar('xml', 'xml', 'String', xmls, none),
  scalar('tsvector', 'tsvector', 'String', vectors),
  scalar('tsquery', 'tsquery', 'String', queries),
  scalar('bit_8', 'bit(8)', 'String', bitsOf(8), { cast: 'varbit' }),
  scalar('varbit', 'varbit', 'String', varbits(80)),
  scalar('varbit_5', 'varbit(5)', 'String', varbits(5), { cast: 'varbit' }),
  scalar('inet', 'inet', 'String', inets),
  scalar('cidr', 'cidr', 'String', cidrs),
  scalar('macaddr', 'macaddr', 'String', macs(6)),
  scalar('macaddr8', 'macaddr8', 'String', macs(8)),
];

export const TIME_TYPES: readonly ColumnType[] = [
  scalar('date', 'date', 'Date', dates(), { held: ['infinity', '4713-01-01 BC', '5874897-12-31'] }),
  scalar('time', 'time', 'Time', times(), { held: ['24:00:00'] }),
  scalar('time_3', 'time(3)', 'Time', times(), { cast: 'time' }),
  scalar('timetz', 'timetz', 'String', timesWithZone()),
  scalar('timestamp', 'timestamp', 'LocalDateTime', timestamps(false), {
    held: ['infinity', '-infinity', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  }),
  scalar('timestamp_3', 'timestamp(3)', 'LocalDateTime', timestamps(false), { cast: 'timestamp' }),
  scalar('timestamptz', 'timestamptz', 'DateTime', timestamps(true), {
    held: ['infinity', '-infinity', '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00'],
  }),
  scalar('timestamptz_0', 'timestamptz(0)', 'DateTime', timestamps(true), { cast: 'timestamptz' }),
  scalar('interval', 'interval', 'String', intervals(), { held: ['infinity', '-infinity', '-178000000 years'] }),
  scalar('interval_2', 'interval second(2)', 'String', intervals(), { cast: 'interval' }),
];

export const SHAPE_TYPES: readonly ColumnType[] = [
  scalar('point', 'point', 'String', points, none),
  scalar('line', 'line', 'String', lines, none),
  scalar('lseg', 'lseg', 'String', segments, none),
  scalar('box', 'box', 'String', boxes, none),
  scalar('path', 'path', 'String', paths, none),
  scalar('polygon', 'polygon', 'String', polygons, none),
  scalar('circle', 'circle', 'String', circles, none),
  scalar('int4range', 'int4range', 'String', ranges(wholeBounds)),
  scalar('int8range', 'int8range', 'String', ranges(bigBounds)),
  scalar('numrange', 'numrange', 'String', ranges(decimalBounds)),
  scalar('daterange', 'daterange', 'String', ranges(dayBounds, '[today,)', '[now,infinity)')),
  scalar('tsrange', 'tsrange', 'String', ranges(momentBounds, '[now,)')),
  scalar('tstzrange', 'tstzrange', 'String', ranges(zonedBounds, '[yesterday,tomorrow)')),
  scalar('int4multirange', 'int4multirange', 'String', multiranges(wholeBounds)),
  scalar('nummultirange', 'nummultirange', 'String', multiranges(decimalBounds)),
  scalar('datemultirange', 'datemultirange', 'String', multiranges(dayBounds)),
  scalar('tstzmultirange', 'tstzmultirange', 'String', multiranges(zonedBounds)),
];

/** Types that an application makes; `schema.ts` creates them. */
export const OWN_TYPES: readonly ColumnType[] = [
  scalar('mood', 'mood', 'String', moods),
  scalar('mood_as_enum', 'mood', 'Mood', namedMoods, { names: MOOD_NAMES }),
  scalar('positive', 'positive', 'Int', positive, { cast: 'integer' }),
  scalar('amount', 'amount', 'Decimal', decimals({ whole: 10, fraction: 4, special: false }), { cast: 'numeric' }),
  scalar('short_text', 'short_text', 'String', texts({ most: 8 }), { cast: 'text' }),
  scalar('mood_domain', 'good_mood', 'String', moods, { cast: 'mood' }),
  scalar('moment_domain', 'moment', 'DateTime', timestamps(true), { cast: 'timestamptz' }),
  { ...array('list_domain', 'few_numbers', 'Int', ints(INT4)), sql: 'few_numbers', cast: 'integer[]' },
  scalar('pair', 'pair', 'String', pairs),
  scalar('citext', 'citext', 'String', caseTexts),
  // Its order goes by operators of other names than <.
  scalar('hstore', 'hstore', 'String', hstores, { comparable: 'equal' }),
];

export const ARRAY_TYPES: readonly ColumnType[] = [
  array('int2s', 'smallint', 'Int', ints(INT2)),
  array('int4s', 'integer', 'Int', ints(INT4), { held: ['[0:1]={1,2}', '{{1,2},{3,4}}'] }),
  array('int8s', 'bigint', 'BigInt', bigInts(INT8)),
  array('numerics', 'numeric', 'Decimal', decimals({ whole: 30, fraction: 30 })),
  array('numerics_12_2', 'numeric(12,2)', 'Decimal', decimals({ whole: 10, fraction: 2, special: false }), {
    cast: 'numeric',
  }),
  array('float4s', 'real', 'Float', floats(true), { held: ['{NaN,Infinity}'] }),
  array('float8s', 'double precision', 'Float', floats(false), { held: ['{NaN,-Infinity,-0}'] }),
  array('texts', 'text', 'String', texts({ long: false })),
  array('varchars_5', 'varchar(5)', 'String', texts({ most: 5 }), { cast: 'varchar' }),
  array('chars_4', 'char(4)', 'String', texts({ most: 4 }), { cast: 'bpchar' }),
  array('names', 'name', 'String', texts({ most: 15 })),
  array('bools', 'boolean', 'Boolean', booleans),
  array('uuids', 'uuid', 'UUID', uuids),
  array('byteas', 'bytea', 'Bytes', bytes),
  array('dates', 'date', 'Date', dates()),
  array('times', 'time', 'Time', times()),
  array('timetzs', 'timetz', 'String', timesWithZone()),
  array('timestamps', 'timestamp', 'LocalDateTime', timestamps(false)),
  array('timestamptzs', 'timestamptz', 'DateTime', timestamps(true)),
  array('intervals', 'interval', 'String', intervals()),
  array('jsons', 'json', 'JSON', documents(), none),
  array('jsonbs', 'jsonb', 'JSON', documents()),
  array('inets', 'inet', 'String', inets),
  array('moneys', 'money', 'String', moneys),
  array('oids', 'oid', 'String', wholeTexts(UINT4)),
  array('bits_3', 'bit(3)', 'String', bitsOf(3), { cast: 'varbit' }),
  array('varbits', 'varbit', 'String', varbits(20)),
  array('lsns', 'pg_lsn', 'String', lsns),
  array('xmls', 'xml', 'String', xmls, none),
  array('points', 'point', 'String', points, none),
  array('boxes', 'box', 'String', boxes, { ...none, delimiter: ';' }),
  array('int4ranges', 'int4range', 'String', ranges(wholeBounds)),
  array('tsranges', 'tsrange', 'String', ranges(momentBounds)),
  array('vectors', 'tsvector', 'String', vectors),
  array('moods', 'mood', 'String', moods),
  array('positives', 'positive', 'Int', positive, { cast: 'integer' }),
  array('amounts', 'amount', 'Decimal', decimals({ whole: 10, fraction: 4, special: false }), { cast: 'numeric' }),
  array('good_moods', 'good_mood', 'String', moods, { cast: 'mood' }),
  array('pairs', 'pair', 'String', pairs),
  array('citexts', 'citext', 'String', caseTexts),
  array('hstores', 'hstore', 'String', hstores),
];

export const TYPES: readonly ColumnType[] = [
  ...NUMBER_TYPES,
  ...TEXT_TYPES,
  ...TIME_TYPES,
  ...SHAPE_TYPES,
  ...OWN_TYPES,
  ...ARRAY_TYPES,
];

/** Whether the server offers an order and what follows from one: it has none to offer for JSON, bytes and arrays. */
export const isOrdered = ({ comparable, isList, graphql }: ColumnType): boolean =>
  comparable === 'ordered' && !isList && graphql !== 'JSON' && graphql !== 'Bytes';
export const hasRange = (type: ColumnType): boolean => isOrdered(type) && type.graphql !== 'Boolean';
export const hasEquality = ({ comparable }: ColumnType): boolean => comparable !== 'none';
/** Whether it can be a key: what an index finds, and what a client names a row by. */
export const isKeyable = (type: ColumnType): boolean => isOrdered(type);
/** Whether two changes of it can be added up, exactly. */
export const isSummable = ({ graphql, isList }: ColumnType): boolean =>
  !isList && ['Int', 'BigInt', 'Decimal'].includes(graphql);
export const isJson = ({ graphql }: ColumnType): boolean => graphql === 'JSON';
