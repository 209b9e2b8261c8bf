/**
 * Owns the places where a value enters by a mutation: each writes rows, and what they then hold and show is compared
 * with what PostgreSQL makes of the value.
 */
import { type Meaning } from './oracle.ts';
import { type Ask } from './send.ts';
import { type Sample } from './sample.ts';
import { at, type Trip, type Way } from './trip.ts';
import { num, type Wire } from './wire.ts';

export interface WritePlace {
  readonly name: string;
  readonly way: Way;
  /** Who is asked. */
  readonly at: 'primary' | 'replica';
  /** Sent twice under an idempotency key. */
  readonly once?: boolean;
  /** The rows are there before, with a value of their own, and have since become another version. */
  readonly before: 'nothing' | 'row' | 'newer version';
  /** The field's text around `$v`, and the type of the variable where that is not the value's own. */
  readonly field: (trip: Trip, id: number, batch: number) => string;
  readonly input?: (
    trip: Trip,
    id: number,
    batch: number,
    value: Wire,
  ) => { readonly type: string; readonly value: Wire };
}

const created = (trip: Trip, id: number, batch: number): string =>
  `${trip.field}Create(id: "${id}", batch: ${batch}, v: $v) { row { v } }`;
const updated = (trip: Trip, id: number): string => `${trip.field}Update(id: "${id}", input: { v: $v }) { row { v } }`;

export const WRITE_PLACES: readonly WritePlace[] = [
  { name: 'insert, argument, variable', way: 'variable', at: 'primary', before: 'nothing', field: created },
  { name: 'insert, argument, literal', way: 'literal', at: 'primary', before: 'nothing', field: created },
  { name: 'insert, argument, default of a variable', way: 'default', at: 'primary', before: 'nothing', field: created },
  {
    name: 'insert, input object in a variable',
    way: 'variable',
    at: 'primary',
    before: 'nothing',
    field: ({ field }) => `${field}Make(input: $v) { row { v } }`,
    input: ({ name }, id, batch, value) => ({
      type: `${name}New!`,
      value: { id: String(id), batch: num(batch), v: value },
    }),
  },
  {
    name: 'insert, input object, variable inside',
    way: 'variable',
    at: 'primary',
    before: 'nothing',
    field: ({ field }, id, batch) => `${field}Make(input: { id: "${id}", batch: ${batch}, v: $v }) { row { v } }`,
  },
  {
    name: 'insert, input object, literal',
    way: 'literal',
    at: 'primary',
    before: 'nothing',
    field: ({ field }, id, batch) => `${field}Make(input: { id: "${id}", batch: ${batch}, v: $v }) { row { v } }`,
  },
  { name: 'update, variable', way: 'variable', at: 'primary', before: 'row', field: updated },
  { name: 'update, literal', way: 'literal', at: 'primary', before: 'row', field: updated },
  { name: 'forwarded insert, variable', way: 'variable', at: 'replica', before: 'nothing', field: created },
  { name: 'forwarded insert, literal', way: 'literal', at: 'replica', before: 'nothing', field: created },
  { name: 'forwarded update, default of a variable', way: 'default', at: 'replica', before: 'row', field: updated },
  {
    name: 'insert, replayed under an idempotency key',
    way: 'variable',
    at: 'primary',
    once: true,
    before: 'nothing',
    field: created,
  },
  { name: 'forwarded insert, replayed', way: 'literal', at: 'replica', once: true, before: 'nothing', field: created },
  {
    name: 'update that is merged',
    way: 'variable',
    at: 'primary',
    before: 'newer version',
    field: ({ field }, id) => `${field}Update(id: "${id}", expectedVersion: 1, input: { v: $v }) { row { v } }`,
  },
  {
    name: 'update that a handler passes on',
    way: 'variable',
    at: 'primary',
    before: 'newer version',
    field: ({ field }, id) => `${field}Handle(id: "${id}", expectedVersion: 1, input: { v: $v }) { row { v } }`,
  },
];

/** A value that a row holds. */
export interface Held {
  readonly id: number;
  readonly batch: number;
  readonly sample: Sample;
  /** As the database shows it. */
  readonly text: string | null;
  /** Whether it is the row's first version. */
  readonly isFirst: boolean;
  /** As the mutation's answer showed it. */
  readonly wire: Wire;
}

/** Writes each sample into a row of its own; gives those rows that hold what they should. */
export async function enter(trip: Trip, place: WritePlace, samples: readonly Sample[]): Promise<readonly Held[]> {
  const {
    type,
    parts: { oracle, report, next, servers },
  } = trip;
  const batch = next();
  const rows = samples.flatMap((sample) => {
    const id = next();
    const ask = askOf(trip, place, { id, batch, sample });
    return ask === null ? [] : [{ id, batch, sample, ask }];
  });
  if (rows.length === 0) return [];
  const meanings = await oracle.meanings(type, new Map(rows.map(({ id, sample }) => [id, sample])));
  await prepare(
    trip,
    place,
    rows.map(({ id }) => id),
    batch,
  );
  const { replies } = await trip.send(
    rows.map(({ ask }) => ask),
    { url: servers[place.at], operation: 'mutation', ...(place.once ? { once: true } : {}) },
  );
  const stored = await oracle.texts(
    `v_${type.name}`,
    type,
    rows.map(({ id }) => id),
  );
  report.values += rows.length;
  const held: Held[] = [];
  for (const [index, { id, sample, ask }] of rows.entries()) {
    const [reply, meaning, text] = [replies[index], meanings.get(id) as Meaning, stored.get(id)];
    if (reply === undefined) throw new Error(`${place.name} has no reply for row ${id}`);
    const told = { ask, operation: 'mutation' as const, value: sample.wire };
    if (reply.kind === 'error') {
      const isAsBefore = place.before === 'nothing' ? text === undefined : text === null;
      if (isAsBefore) trip.judgeRefusal(place.name, { ...told, sample, meaning, reply, way: place.way });
      else
        trip.find('answers with an error and writes all the same', place.name, {
          ...told,
          expected: 'nothing written',
          got: [reply, text ?? null],
        });
      continue;
    }
    if ('refusal' in meaning)
      trip.find('takes what PostgreSQL refuses', place.name, {
        ...told,
        expected: `a sentence (${meaning.refusal})`,
        got: text ?? null,
      });
    else if (text !== meaning.text)
      trip.find('stores something else', place.name, { ...told, expected: meaning.text, got: text ?? null });
    else {
      const wire = at(reply.data, 'row', 'v');
      if (await trip.shows(wire, text)) trip.equal(place.name);
      else trip.find('the mutation shows something else', place.name, { ...told, expected: text, got: wire });
      held.push({ id, batch, sample, text, wire, isFirst: place.before === 'nothing' });
    }
  }
  return held;
}

function askOf(
  trip: Trip,
  place: WritePlace,
  { id, batch, sample }: { readonly id: number; readonly batch: number; readonly sample: Sample },
): Ask | null {
  const field = place.field(trip, id, batch);
  if (place.input === undefined) return trip.ask(field, sample, place.way);
  return { field, variable: place.input(trip, id, batch, sample.wire) };
}

async function prepare(trip: Trip, { before }: WritePlace, ids: readonly number[], batch: number): Promise<void> {
  const {
    type,
    parts: { oracle },
  } = trip;
  if (before === 'nothing') return;
  await oracle.rows(`INSERT INTO v_${type.name} (id, batch, v) SELECT id, $2, NULL FROM unnest($1::bigint[]) AS id`, [
    ids,
    batch,
  ]);
  if (before === 'newer version')
    await oracle.rows(`UPDATE v_${type.name} SET note = 'newer', version = version + 1 WHERE id = ANY ($1::bigint[])`, [
      ids,
    ]);
}
