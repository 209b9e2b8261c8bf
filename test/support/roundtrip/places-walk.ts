/** Owns the places where a value says which row comes next, or which rows belong together: cursors and relations. */
import { idsOf, itemsOf } from './places-read.ts';
import { type Ask } from './send.ts';
import { at, type Trip } from './trip.ts';
import { isKeyable, isOrdered } from './types.ts';
import { textOf, type Wire } from './wire.ts';

const PAGE = 5;

/** Walks through the batch page by page, by the value, and through all keys: each row once, in PostgreSQL's order. */
export async function walk(trip: Trip, batch: number): Promise<void> {
  const { type, field } = trip;
  if (!isOrdered(type)) return;
  for (const [order, sql] of [
    // Named with its table: the answer's column of that name is text.
    ['V_ASC', `v::${trip.cast} ASC NULLS LAST, v_${type.name}.id ASC`],
    ['V_DESC', `v::${trip.cast} DESC NULLS FIRST, v_${type.name}.id DESC`],
  ] as const) {
    await walkPages(trip, `cursor of an order, ${order}`, {
      ask: (after) =>
        `${field}Pages(filter: { batch: { eq: ${batch} } }, orderBy: ${order}, first: ${PAGE}, after: ${after}) { edges { node { id } } pageInfo { endCursor hasNextPage } }`,
      sql: `SELECT id::text AS id FROM v_${type.name} WHERE batch = ${batch} ORDER BY ${sql}`,
    });
  }
  if (!isKeyable(type)) return;
  await walkPages(trip, 'cursor of a key', {
    ask: (after) =>
      `${field}Keys(filter: { batch: { eq: ${batch} } }, first: ${PAGE}, after: ${after}) { edges { node { id } } pageInfo { endCursor hasNextPage } }`,
    sql: `SELECT id::text AS id FROM k_${type.name} WHERE batch = ${batch} ORDER BY k::${trip.cast}`,
  });
}

async function walkPages(
  trip: Trip,
  place: string,
  { ask, sql }: { readonly ask: (after: string) => string; readonly sql: string },
): Promise<void> {
  const expected = (await trip.parts.oracle.rows(sql)).map(({ id }) => id ?? '');
  const found: string[] = [];
  for (let after = 'null'; found.length <= expected.length;) {
    const page: Ask = { field: ask(after), variable: null };
    const {
      replies: [reply],
    } = await trip.send([page], { url: trip.parts.servers.replica, operation: 'query' });
    if (reply?.kind !== 'data') {
      trip.find('refuses its own cursor', place, {
        ask: page,
        operation: 'query',
        value: `row ${found.at(-1)}`,
        expected: expected.slice(found.length),
        got: reply,
      });
      return;
    }
    found.push(...idsOf(reply.data));
    const info = at(reply.data, 'pageInfo');
    if (at(info, 'hasNextPage') !== true) break;
    after = JSON.stringify(at(info, 'endCursor'));
  }
  trip.parts.report.values += expected.length;
  const longer = Math.max(expected.length, found.length);
  const first = Array.from({ length: longer }, (_, i) => i).find((i) => found[i] !== expected[i]);
  if (first === undefined) trip.equal(place, expected.length);
  else
    trip.find('walks otherwise', place, {
      ask: { field: ask('null'), variable: null },
      operation: 'query',
      value: `from row ${first} of ${expected.length}`,
      expected: expected.slice(first, first + 10),
      got: found.slice(first, first + 10),
    });
}

/** From values to the rows whose key they are, and back. */
export async function relate(trip: Trip, batch: number): Promise<void> {
  const {
    type,
    field,
    parts: { oracle, servers },
  } = trip;
  if (!isKeyable(type)) return;
  const forth: Ask = { field: `${field}List(batch: ${batch}, first: 1000) { id keyed { id } }`, variable: null };
  const back: Ask = {
    field: `${field}Keys(filter: { batch: { eq: ${batch} } }, first: 1000) { edges { node { id cells(first: 1000) { id } } } }`,
    variable: null,
  };
  const expected = {
    forth: await oracle.rows(
      `SELECT v.id::text || '>' || coalesce(k.id::text, '') AS pair FROM v_${type.name} v LEFT JOIN k_${type.name} k ON k.k::${trip.cast} = v.v::${trip.cast} WHERE v.batch = ${batch}`,
    ),
    back: await oracle.rows(
      `SELECT k.id::text || '>' || v.id::text AS pair FROM k_${type.name} k JOIN v_${type.name} v ON k.k::${trip.cast} = v.v::${trip.cast} WHERE k.batch = ${batch}`,
    ),
  };
  const { replies } = await trip.send([forth, back], { url: servers.replica, operation: 'query' });
  const pairs = [
    [
      'relation to one',
      forth,
      expected.forth,
      replies[0],
      (node: Wire): string[] => [
        `${textOf(at(node, 'id'))}>${at(node, 'keyed') === null ? '' : textOf(at(node, 'keyed', 'id'))}`,
      ],
    ],
    [
      'relation to many',
      back,
      expected.back,
      replies[1],
      (node: Wire): string[] =>
        (at(node, 'cells') as readonly Wire[]).map((cell) => `${textOf(at(node, 'id'))}>${textOf(at(cell, 'id'))}`),
    ],
  ] as const;
  for (const [place, ask, rows, reply, pairsOf] of pairs) {
    const wanted = rows.map(({ pair }) => pair ?? '').sort();
    trip.parts.report.values += wanted.length;
    if (reply?.kind !== 'data') {
      trip.find('cannot follow a relation', place, {
        ask,
        operation: 'query',
        value: 'all rows',
        expected: wanted,
        got: reply,
      });
      continue;
    }
    const found = itemsOf(reply.data).flatMap(pairsOf).sort();
    if (found.join() === wanted.join()) trip.equal(place, wanted.length);
    else
      trip.find('relates other rows', place, {
        ask,
        operation: 'query',
        value: 'all rows',
        expected: wanted.filter((pair) => !found.includes(pair)),
        got: found.filter((pair) => !wanted.includes(pair)),
      });
  }
}
