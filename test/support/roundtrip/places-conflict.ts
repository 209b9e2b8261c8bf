/**
 * Owns the places where a value is kept beside its row: older versions that are compared, given to handlers, and
 * brought back.
 */
import { type Meaning } from './oracle.ts';
import { plainText } from './sample.ts';
import { type Ask, type Reply } from './send.ts';
import { type Held } from './places-write.ts';
import { at, type Trip } from './trip.ts';
import { isSummable } from './types.ts';
import { textOf, type Wire } from './wire.ts';

interface ConflictPlace {
  readonly name: string;
  /** What psql does to the rows before. */
  readonly meanwhile: 'other value' | 'delete';
  readonly field: (trip: Trip, id: number) => string;
  /** Whether the mutation sends the value that was shown, as a form does. */
  readonly sends: boolean;
  /** What the row must hold then: the value that it had, or the one that psql gave it. */
  readonly expects: 'old' | 'new';
}

const CONFLICT_PLACES: readonly ConflictPlace[] = [
  {
    name: 'merge with a value that was not changed',
    meanwhile: 'other value',
    sends: true,
    expects: 'new',
    field: ({ field }, id) =>
      `${field}Update(id: "${id}", expectedVersion: 1, input: { v: $v, note: "form" }) { row { v } }`,
  },
  {
    name: 'handler that sets the older version',
    meanwhile: 'other value',
    sends: false,
    expects: 'old',
    field: ({ field }, id) => `${field}Handle(id: "${id}", expectedVersion: 1, input: { note: "base" }) { row { v } }`,
  },
  {
    name: 'handler that sets the current version',
    meanwhile: 'other value',
    sends: false,
    expects: 'new',
    field: ({ field }, id) =>
      `${field}Handle(id: "${id}", expectedVersion: 1, input: { note: "current" }) { row { v } }`,
  },
  {
    name: 'row that is restored',
    meanwhile: 'delete',
    sends: false,
    expects: 'old',
    field: ({ field }, id) => `${field}Update(id: "${id}", expectedVersion: 1, input: { note: "back" }) { row { v } }`,
  },
];

const AUDIT = 'audit of conflicts';

/** What administrators are shown of the conflicts: the row as its writer had seen it, for rows that held `was`. */
async function audit(trip: Trip, was: ReadonlyMap<string, string | null>): Promise<void> {
  const {
    name,
    parts: { servers, adminToken },
  } = trip;
  for (const entity of [name, `${name}Handled`]) {
    const ask: Ask = { field: `conflicts(entity: "${entity}", first: 1000) { rowId base }`, variable: null };
    const {
      replies: [reply],
    } = await trip.send([ask], { url: servers.primary, operation: 'query', bearer: adminToken });
    if (reply?.kind !== 'data') {
      trip.find('cannot show conflicts', AUDIT, {
        ask,
        operation: 'query',
        value: entity,
        expected: 'records',
        got: reply,
      });
      continue;
    }
    for (const record of reply.data as readonly Wire[]) {
      const text = was.get(textOf(at(record, 'rowId')));
      if (text === undefined || at(record, 'base') === null) continue;
      const value = at(record, 'base', 'v');
      if (await trip.shows(value, text)) trip.equal(AUDIT);
      else
        trip.find('shows something else', AUDIT, { ask, operation: 'query', value: text, expected: text, got: value });
    }
  }
}

const SUM = 'sum of two changes';

/**
 * Each row holds what it had, psql makes it what the next one had, and the client makes it what the one after that had.
 */
export async function addUp(trip: Trip, rows: readonly Held[]): Promise<void> {
  const {
    type,
    parts: { oracle, report, servers, next },
  } = trip;
  const own = rows.filter(({ text }) => text !== null && Number.isFinite(Number(text))).slice(0, MOST_ROWS);
  if (!isSummable(type) || own.length < 3) return;
  const turned = (by: number): readonly Held[] => own.map((_, i) => own[(i + by) % own.length] as Held);
  const [theirs, mine, ids] = [turned(1), turned(2), own.map(({ id }) => id)];
  await oracle.rows(
    `UPDATE v_${type.name} AS t SET v = o.v, version = 2 FROM unnest($1::bigint[], $2::bigint[]) AS p (id, other) JOIN oracle.v_${type.name} AS o ON o.id = p.other WHERE t.id = p.id`,
    [ids, theirs.map(({ id }) => id)],
  );
  const sums = await oracle.rows(
    'SELECT (theirs + (mine - was))::text AS sum FROM unnest($1::numeric[], $2::numeric[], $3::numeric[]) WITH ORDINALITY AS t (was, theirs, mine, n) ORDER BY n',
    [own, theirs, mine].map((each) => each.map(({ text }) => text)),
  );
  const meanings = [
    ...(await oracle.meanings(type, new Map(sums.map(({ sum }) => [next(), plainText(sum ?? '')])))).values(),
  ];
  const asks = own.map(({ id }, i): Ask => ({
    field: `${trip.field}Add(id: "${id}", expectedVersion: 1, input: { v: $v }) { row { v } }`,
    variable: { type: type.graphql, value: (mine[i] as Held).wire },
  }));
  const { replies } = await trip.send(asks, { url: servers.primary, operation: 'mutation' });
  const stored = await oracle.texts(`v_${type.name}`, type, ids);
  report.values += own.length;
  for (const [i, row] of own.entries()) {
    const [ask, reply, meaning, text] = [
      asks[i] as Ask,
      replies[i] as Reply,
      meanings[i] as Meaning,
      stored.get(row.id) ?? null,
    ];
    const told = {
      ask,
      operation: 'mutation' as const,
      value: [row.text, (theirs[i] as Held).text, (mine[i] as Held).text],
    };
    if (reply.kind === 'error')
      trip.judgeRefusal(SUM, {
        ask,
        operation: 'mutation',
        sample: { wire: row.wire, meant: row.text, isPlain: true },
        meaning,
        reply,
        way: 'variable',
      });
    else if ('refusal' in meaning)
      trip.find('takes what PostgreSQL refuses', SUM, {
        ...told,
        expected: `a sentence (${meaning.refusal})`,
        got: text,
      });
    else if (text !== meaning.text || !(await trip.shows(at(reply.data, 'row', 'v'), text)))
      trip.find('adds up to something else', SUM, { ...told, expected: meaning.text, got: [text, reply.data] });
    else trip.equal(SUM);
  }
}

/** The handler of the entities: what the note says. */
export function echo({
  base,
  current,
  incoming,
}: {
  readonly base: Readonly<Record<string, unknown>> | null;
  readonly current: Readonly<Record<string, unknown>>;
  readonly incoming: Readonly<Record<string, unknown>>;
}): { set: Record<string, unknown> } {
  const { note } = incoming;
  if (note === 'base') return { set: { note, v: base?.['v'] } };
  return { set: note === 'current' ? { note, v: current['v'] } : { ...incoming } };
}

/** Conflicts take several statements each: more rows than these, at each place, would take the time of all else. */
export const MOST_ROWS = 10;

/** Rows of version 1 are taken, a share for each place, and are used up. */
export async function conflict(trip: Trip, rows: readonly Held[]): Promise<void> {
  const {
    type,
    parts: { oracle, report, servers },
  } = trip;
  const share = Math.min(Math.floor(rows.length / CONFLICT_PLACES.length), MOST_ROWS);
  for (const [index, place] of CONFLICT_PLACES.entries()) {
    const own = rows.slice(index * share, (index + 1) * share);
    if (own.length === 0) continue;
    const ids = own.map(({ id }) => id);
    if (place.meanwhile === 'delete')
      await oracle.rows(`DELETE FROM v_${type.name} WHERE id = ANY ($1::bigint[])`, [ids]);
    // Each row takes the value of the next one.
    else
      await oracle.rows(
        `UPDATE v_${type.name} AS t SET v = o.v, version = 2 FROM unnest($1::bigint[], $2::bigint[]) AS p (id, other) JOIN oracle.v_${type.name} AS o ON o.id = p.other WHERE t.id = p.id`,
        [ids, [...ids.slice(1), ids[0]]],
      );
    const others = own.map((_, i) => own[(i + 1) % own.length] as Held);
    const asks = own.map((row): Ask => ({
      field: place.field(trip, row.id),
      variable: place.sends ? { type: trip.value, value: row.wire } : null,
    }));
    const { replies } = await trip.send(asks, { url: servers.primary, operation: 'mutation' });
    const stored = await oracle.texts(`v_${type.name}`, type, ids);
    report.values += own.length;
    for (const [i, row] of own.entries()) {
      const [ask, reply, text] = [asks[i] as Ask, replies[i], stored.get(row.id)];
      const expected = place.expects === 'old' ? row.text : (others[i] as Held).text;
      const told = { ask, operation: 'mutation' as const, value: row.text, expected };
      if (reply?.kind !== 'data') trip.find('fails at a conflict', place.name, { ...told, got: reply });
      else if (text !== expected) trip.find('stores something else', place.name, { ...told, got: text ?? null });
      else if (!(await trip.shows(at(reply.data, 'row', 'v'), expected)))
        trip.find('the mutation shows something else', place.name, { ...told, got: at(reply.data, 'row', 'v') });
      else trip.equal(place.name);
    }
  }
  await audit(trip, new Map(rows.slice(0, share * CONFLICT_PLACES.length).map(({ id, text }) => [String(id), text])));
}
