/**
 * Owns the places where a value says which rows are meant: what the server finds is compared with what PostgreSQL finds
 * by the same value.
 */
import { type Ask, type Reply } from './send.ts';
import { shown, type Sample } from './sample.ts';
import { at, type Trip, type Way } from './trip.ts';
import { idsOf } from './places-read.ts';
import { hasEquality, hasRange, isKeyable } from './types.ts';
import { textOf, type Wire } from './wire.ts';

interface FindPlace {
  readonly name: string;
  readonly way: Way;
  readonly applies: (trip: Trip) => boolean;
  readonly operation?: 'query' | 'mutation';
  readonly field: (trip: Trip, batch: number) => string;
  /** An entry of the list, and not the whole of it. */
  readonly ofEntry?: boolean;
  readonly wrap?: (trip: Trip, value: Wire) => { readonly type: string; readonly value: Wire };
  /** Which rows PostgreSQL finds: `$1` is the batch, and `value` the value as the column's type. */
  readonly where: string;
  readonly table: 'v' | 'k';
}

const equality = ({ type }: Trip): boolean => hasEquality(type);
const scalarEquality = ({ type }: Trip): boolean => hasEquality(type) && !type.isList;
const range = ({ type }: Trip): boolean => hasRange(type);
const entries = ({ type }: Trip): boolean => hasEquality(type) && type.isList;
const key = ({ type }: Trip): boolean => isKeyable(type);
const filtered =
  (condition: string) =>
  ({ field }: Trip, batch: number): string =>
    `${field}List(batch: ${batch}, filter: { v: ${condition} }, first: 1000) { id }`;
const reference = ({ name }: Trip): string =>
  `_entities(representations: [{ __typename: "${name}Key", k: $v }]) { ... on ${name}Key { id } }`;

const FIND_PLACES: readonly FindPlace[] = [
  {
    name: 'argument, variable',
    way: 'variable',
    applies: equality,
    field: ({ field }, batch) => `${field}List(batch: ${batch}, v: $v, first: 1000) { id }`,
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'argument, literal',
    way: 'literal',
    applies: equality,
    field: ({ field }, batch) => `${field}List(batch: ${batch}, v: $v, first: 1000) { id }`,
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'filter eq, variable',
    way: 'variable',
    applies: equality,
    field: filtered('{ eq: $v }'),
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'filter eq, literal',
    way: 'literal',
    applies: equality,
    field: filtered('{ eq: $v }'),
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'filter in a variable',
    way: 'variable',
    applies: equality,
    field: ({ field }) => `${field}List(filter: $v, first: 1000) { id }`,
    where: 'v = value',
    table: 'v',
    wrap: ({ name }, value) => ({ type: `${name}Filter`, value: { v: { eq: value } } }),
  },
  {
    name: 'filter ne, variable',
    way: 'variable',
    applies: equality,
    field: filtered('{ ne: $v }'),
    where: 'v IS DISTINCT FROM value',
    table: 'v',
  },
  {
    name: 'list of values, variable',
    way: 'variable',
    applies: scalarEquality,
    field: filtered('{ in: [$v] }'),
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'list of values, literal',
    way: 'literal',
    applies: scalarEquality,
    field: filtered('{ in: [$v, $v] }'),
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'list of values that are not it',
    way: 'variable',
    applies: scalarEquality,
    field: filtered('{ notIn: [$v] }'),
    where: 'v IS DISTINCT FROM value',
    table: 'v',
  },
  {
    name: 'filter gt, variable',
    way: 'variable',
    applies: range,
    field: filtered('{ gt: $v }'),
    where: 'v > value',
    table: 'v',
  },
  {
    name: 'filter lte, literal',
    way: 'literal',
    applies: range,
    field: filtered('{ lte: $v }'),
    where: 'v <= value',
    table: 'v',
  },
  {
    name: 'filter gte and lte, literal',
    way: 'literal',
    applies: range,
    field: filtered('{ gte: $v, lte: $v }'),
    where: 'v = value',
    table: 'v',
  },
  {
    name: 'has, variable',
    way: 'variable',
    ofEntry: true,
    applies: entries,
    field: filtered('{ has: $v }'),
    where: 'v @> ARRAY[value]',
    table: 'v',
  },
  {
    name: 'has, literal',
    way: 'literal',
    ofEntry: true,
    applies: entries,
    field: filtered('{ has: $v }'),
    where: 'v @> ARRAY[value]',
    table: 'v',
  },
  {
    name: 'hasAny, variable',
    way: 'variable',
    ofEntry: true,
    applies: entries,
    field: filtered('{ hasAny: [$v] }'),
    where: 'v && ARRAY[value]',
    table: 'v',
  },
  {
    name: 'hasAll, literal',
    way: 'literal',
    ofEntry: true,
    applies: entries,
    field: filtered('{ hasAll: [$v, $v] }'),
    where: 'v @> ARRAY[value]',
    table: 'v',
  },
  {
    name: 'look-up by key, variable',
    way: 'variable',
    applies: key,
    field: ({ field }) => `${field}Key(k: $v) { id }`,
    where: 'k = value',
    table: 'k',
  },
  {
    name: 'look-up by key, literal',
    way: 'literal',
    applies: key,
    field: ({ field }) => `${field}Key(k: $v) { id }`,
    where: 'k = value',
    table: 'k',
  },
  {
    name: '_entities, variable',
    way: 'variable',
    applies: key,
    field: ({ name }) => `_entities(representations: $v) { ... on ${name}Key { id } }`,
    where: 'k = value',
    table: 'k',
    wrap: ({ name }, value) => ({ type: '[_Any!]!', value: [{ __typename: `${name}Key`, k: value }] }),
  },
  { name: '_entities, literal', way: 'literal', applies: key, field: reference, where: 'k = value', table: 'k' },
  {
    name: 'update by key, variable',
    way: 'variable',
    operation: 'mutation',
    applies: key,
    field: ({ field }) => `${field}KeyNote(k: $v, note: "seen") { row { id } }`,
    where: 'k = value',
    table: 'k',
  },
  {
    name: 'update by key, literal',
    way: 'literal',
    operation: 'mutation',
    applies: key,
    field: ({ field }) => `${field}KeyNote(k: $v, note: "seen") { row { id } }`,
    where: 'k = value',
    table: 'k',
  },
];

/** Asks for rows of the batch by each sample, at every place that the type has. */
export async function findBy(trip: Trip, samples: readonly Sample[], batch: number): Promise<void> {
  // A null argument narrows nothing, and no key is null.
  const given = samples.filter(({ wire }) => wire !== null);
  const truth = new Truth(trip);
  for (const place of FIND_PLACES.filter(({ applies }) => applies(trip))) {
    const type = place.ofEntry ? trip.type.graphql : trip.value;
    const asked = place.ofEntry
      ? given.flatMap(({ entries: all = [] }) => all.filter(({ wire }) => wire !== null).slice(0, 1))
      : given;
    const rows = asked.flatMap((sample) => {
      const field = place.field(trip, batch);
      const wrapped = place.wrap?.(trip, sample.wire);
      const ask = wrapped
        ? { field, variable: wrapped }
        : trip.ask(field, sample, place.way, place.table === 'k' || place.name.startsWith('hasA') ? `${type}!` : type);
      return ask === null ? [] : [{ sample, ask }];
    });
    const { replies } = await trip.send(
      rows.map(({ ask }) => ask),
      {
        url: place.operation === 'mutation' ? trip.parts.servers.primary : trip.parts.servers.replica,
        operation: place.operation ?? 'query',
      },
    );
    trip.parts.report.values += rows.length;
    const inBatch = place.wrap && place.table === 'v' ? null : batch;
    for (const [index, { sample, ask }] of rows.entries())
      judge(trip, place, {
        sample,
        ask,
        reply: replies[index] as Reply,
        expected: await truth.found(place, sample, inBatch),
      });
  }
}

interface Judged {
  readonly sample: Sample;
  readonly ask: Ask;
  readonly reply: Reply;
  /** Null where the value is none of the type. */
  readonly expected: readonly string[] | null;
}

function judge(trip: Trip, place: FindPlace, { sample, ask, reply, expected }: Judged): void {
  const told = { ask, operation: place.operation ?? 'query', value: sample.wire };
  if (reply.kind === 'error') {
    // A mutation that names no row says so.
    if (reply.code === 'NOT_FOUND' && (expected?.length ?? 0) === 0) trip.equal(place.name);
    else
      trip.judgeRefusal(place.name, {
        ...told,
        sample,
        meaning: expected === null ? { refusal: 'no value of the type' } : { text: shown(expected) },
        reply,
        way: place.way,
      });
    return;
  }
  const found = foundIds(reply.data).sort();
  if (expected === null && found.length === 0)
    trip.find('is no value of the type, and not refused', place.name, { ...told, expected, got: found });
  else if (found.join() === expected?.join()) trip.equal(place.name);
  else trip.find('finds other rows', place.name, { ...told, expected, got: found });
}

function foundIds(data: Wire): string[] {
  if (Array.isArray(data))
    return (data as readonly Wire[]).flatMap((item) => (item === null ? [] : [textOf(at(item, 'id'))]));
  const one = at(data, 'id') ?? at(data, 'row', 'id');
  if (one !== null) return [textOf(one)];
  return idsOf(data);
}

/** What PostgreSQL finds, asked once for each condition and value. */
class Truth {
  readonly #trip: Trip;
  readonly #known = new Map<string, readonly string[] | null>();

  constructor(trip: Trip) {
    this.#trip = trip;
  }

  /** Ids in the order of their text; null where the value is none of the type. `batch`: null for all rows. */
  async found(
    { where, table, ofEntry = false }: FindPlace,
    { meant }: Sample,
    batch: number | null,
  ): Promise<readonly string[] | null> {
    const {
      type,
      parts: { oracle },
    } = this.#trip;
    const cast = ofEntry ? this.#trip.cast.replace(/\[\]$/, '') : this.#trip.cast;
    if (meant === null || (await oracle.canon(type, cast, meant)) === null) return null;
    const sql = `SELECT id::text AS id FROM ${table}_${type.name} WHERE ${batch === null || table === 'k' ? 'TRUE' : `batch = ${batch}`} AND ${spelledWhere(where, this.#trip.cast, cast)}`;
    const known = this.#known.get(sql + meant);
    if (known !== undefined) return known;
    const found = (await oracle.rows(sql, [meant])).map(({ id }) => id ?? '').sort();
    this.#known.set(sql + meant, found);
    return found;
  }
}

/** Both sides as the type without its length: a domain over an enum has no operators of its own. */
const spelledWhere = (where: string, columnCast: string, cast: string): string =>
  where.replace(/^[vk]\b/, (column) => `(${column}::${columnCast})`).replaceAll('value', `($1::${cast})`);

/** Keys of the batch: the first of equal values each. */
export async function makeKeys(trip: Trip, batch: number): Promise<void> {
  if (!isKeyable(trip.type)) return;
  await trip.parts.oracle.rows(
    `INSERT INTO k_${trip.type.name} (k, id, batch) SELECT v, id, batch FROM v_${trip.type.name} WHERE batch = $1 AND v IS NOT NULL AND octet_length(v::text) < 900 ORDER BY id ON CONFLICT DO NOTHING`,
    [batch],
  );
}
