/**
 * Owns the places where a value leaves: rows that hold it are read at each server, from each cache, and in each shape,
 * and compared with PostgreSQL's own text.
 */
import { type Ask } from './send.ts';
import { at, type Trip } from './trip.ts';
import { textOf, type Wire } from './wire.ts';

/** A row and what the database shows of it. */
export interface Kept {
  readonly id: number;
  readonly batch: number;
  readonly text: string | null;
  /** No client may be able to send it: an answer may say that it cannot show it. */
  readonly isHeld?: boolean;
}

export interface ReadPlace {
  readonly name: string;
  readonly at: 'primary' | 'replica' | 'beside';
  readonly directive?: string;
  /** Whether the caches have to answer; otherwise nothing is said of what is in them. */
  readonly cached?: boolean;
  readonly ask: (trip: Trip, row: Kept) => Ask;
  readonly path: readonly string[];
}

const byId = (trip: Trip, { id }: Kept): Ask => ({ field: `${trip.field}(id: "${id}") { v }`, variable: null });
const byReference = (trip: Trip, { id }: Kept): Ask => ({
  field: `_entities(representations: $v) { ... on ${trip.name} { v } }`,
  variable: { type: '[_Any!]!', value: [{ __typename: trip.name, id: String(id) }] },
});

/** In this order: what the first reads is what the next find in a cache. */
export const READ_PLACES: readonly ReadPlace[] = [
  { name: 'read at the primary', at: 'primary', directive: '@consistent(level: STRONG)', ask: byId, path: ['v'] },
  { name: 'read in one snapshot', at: 'replica', directive: '@consistent(level: SNAPSHOT)', ask: byId, path: ['v'] },
  { name: 'read at the replica, cold', at: 'replica', ask: byId, path: ['v'] },
  { name: "read from the process's cache", at: 'replica', cached: true, ask: byId, path: ['v'] },
  { name: 'read from Redis by another process', at: 'beside', cached: true, ask: byId, path: ['v'] },
  { name: 'read by _entities', at: 'replica', ask: byReference, path: ['0', 'v'] },
];

export async function readBack(trip: Trip, rows: readonly Kept[]): Promise<void> {
  for (const place of READ_PLACES) {
    const asks = rows.map((row) => place.ask(trip, row));
    const { replies, servedBy } = await trip.send(asks, {
      url: trip.parts.servers[place.at],
      operation: 'query',
      ...(place.directive ? { directive: place.directive } : {}),
    });
    for (const [index, row] of rows.entries()) {
      const [ask, reply] = [asks[index] as Ask, replies[index]];
      if (reply?.kind === 'data') await judge(trip, place.name, { row, ask, value: within(reply.data, place.path) });
      else if (row.isHeld && reply !== undefined && reply.code !== 'INTERNAL_SERVER_ERROR') trip.refused(place.name);
      else
        trip.find('cannot show what a row holds', place.name, {
          ask,
          operation: 'query',
          value: row.text,
          expected: row.text,
          got: reply,
        });
    }
    if (place.cached)
      trip.parts.report.looked(place.name, servedBy.cache > 0 && servedBy.replica + servedBy.primary === 0);
  }
}

async function judge(
  trip: Trip,
  place: string,
  { row, ask, value }: { readonly row: Kept; readonly ask: Ask; readonly value: Wire },
): Promise<void> {
  if (await trip.shows(value, row.text)) trip.equal(place);
  else
    trip.find('shows something else', place, {
      ask,
      operation: 'query',
      value: row.text,
      expected: row.text,
      got: value,
    });
}

function within(value: Wire, path: readonly string[]): Wire {
  return path[0] === '0' ? at(Array.isArray(value) ? (value[0] as Wire) : null, ...path.slice(1)) : at(value, ...path);
}

/** Whole batches, as a list and as the nodes of a connection; a second time from the cache. */
export async function readBatches(trip: Trip, rows: readonly Kept[]): Promise<void> {
  const batches = [...new Set(rows.map(({ batch }) => batch))];
  for (const times of ['cold', 'cached'] as const) {
    for (const [name, text] of [
      ['list', `${trip.field}List(batch: $v, first: 1000) { id v }`],
      ['connection', `${trip.field}Pages(filter: { batch: { eq: $v } }, first: 1000) { edges { node { id v } } }`],
    ] as const) {
      const place = `${name}, ${times}`;
      const asks = batches.map((batch): Ask => ({ field: text.replace('$v', String(batch)), variable: null }));
      const { replies } = await trip.send(asks, { url: trip.parts.servers.replica, operation: 'query' });
      for (const [index, batch] of batches.entries()) {
        const [ask, reply] = [asks[index] as Ask, replies[index]];
        const expected = rows.filter((row) => row.batch === batch);
        const found =
          reply?.kind === 'data'
            ? new Map(itemsOf(reply.data).map((item) => [textOf(at(item, 'id')), at(item, 'v')]))
            : null;
        for (const row of expected) {
          if (found?.has(String(row.id)))
            await judge(trip, place, { row, ask, value: found.get(String(row.id)) ?? null });
          else if (row.isHeld && reply?.kind === 'error' && reply.code !== 'INTERNAL_SERVER_ERROR') trip.refused(place);
          else
            trip.find('a row is missing', place, {
              ask,
              operation: 'query',
              value: row.text,
              expected: row.text,
              got: reply?.kind === 'data' ? 'other rows' : reply,
            });
        }
      }
    }
  }
}

/** Rows of a list, or nodes of a connection. */
export function itemsOf(data: Wire): readonly Wire[] {
  if (Array.isArray(data)) return data as readonly Wire[];
  const edges = at(data, 'edges');
  return Array.isArray(edges) ? (edges as readonly Wire[]).map((edge) => at(edge, 'node')) : [];
}

export const idsOf = (data: Wire): string[] => itemsOf(data).map((item) => textOf(at(item, 'id')));
