/**
 * Owns the policy HANDLER: the application's function decides, and its result is checked before anything is written.
 */
import { MeridianError } from '../base/errors.ts';
import { copyOf } from '../base/json.ts';
import { type Row } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { rejection, typeOf, type Decision, type FieldDecision, type UpdateConflict } from './decision.ts';
import { asRead, isSame } from './equality.ts';

function wrong(conflict: UpdateConflict, what: string): MeridianError {
  return new MeridianError({
    code: 'CONFIG_INVALID',
    message: `The conflict handler ${JSON.stringify(conflict.conflicts.handler ?? '')} ${what}.`,
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The handler's values as parameters; an invalid column or value is an error of the application. */
function checkedValues(conflict: UpdateConflict, set: Readonly<Record<string, unknown>>): Map<string, SqlParam> {
  const values = new Map<string, SqlParam>();
  for (const [column, value] of Object.entries(set)) {
    const type = conflict.types.get(column);
    if (value === undefined) continue;
    if (type === undefined)
      throw wrong(
        conflict,
        `sets ${JSON.stringify(column)}, which is no column of the entity; name columns as the database does`,
      );
    if (conflict.fixed?.has(column))
      throw wrong(conflict, `sets the column ${JSON.stringify(column)}, which no write may set; leave it out`);
    const normalized = normalizeValue(type, value);
    if ('problem' in normalized)
      throw wrong(
        conflict,
        `sets the column ${JSON.stringify(column)} to what it cannot hold; it must be ${normalized.problem}`,
      );
    values.set(column, normalized.value);
  }
  return values;
}

function weigh(conflict: UpdateConflict, set: ReadonlyMap<string, SqlParam>): Decision {
  const { types, current, incoming } = conflict;
  const values = new Map<string, SqlParam>();
  const fields: FieldDecision[] = [];
  let asGiven = true;
  for (const column of new Set([...incoming.keys(), ...set.keys()])) {
    const type = typeOf(types, column);
    const theirs = current[column] ?? null;
    const chosen = set.get(column);
    const value = chosen === undefined ? theirs : asRead(type, chosen);
    const given = incoming.get(column);
    const mine = given === undefined ? theirs : asRead(type, given);
    if (!isSame(type, value, mine)) asGiven = false;
    if (isSame(type, value, theirs)) {
      if (!isSame(type, mine, theirs)) fields.push({ column, rule: 'HANDLER', taken: 'current' });
      continue;
    }
    values.set(column, chosen ?? null);
    fields.push({ column, rule: 'HANDLER', taken: isSame(type, value, mine) ? 'incoming' : 'merged' });
  }
  return { kind: 'write', values, winner: values.size === 0 ? 'CURRENT' : asGiven ? 'INCOMING' : 'BOTH', fields };
}

/** An error of the handler is thrown on. It gets copies, so that it cannot change the rows that are compared. */
export function askHandler(conflict: UpdateConflict): Decision {
  const { types, base, current, incoming, handler } = conflict;
  if (handler === null)
    throw wrong(conflict, 'is not there; export it in the resolvers module: export const conflicts = { … }');
  const asRow: Row = Object.fromEntries(
    [...incoming].map(([column, value]) => [column, asRead(typeOf(types, column), value)]),
  );
  const answer: unknown = handler({ base: copyOf(base), current: copyOf(current), incoming: copyOf(asRow) });
  if (answer instanceof Promise) {
    // Nobody waits for this promise: its failure must not end the process.
    answer.catch(() => undefined);
    throw wrong(conflict, 'answers with a promise; it must decide at once from what it is given');
  }
  if (isObject(answer) && isObject(answer['set']) && !('reject' in answer))
    return weigh(conflict, checkedValues(conflict, answer['set']));
  if (!isObject(answer) || !Array.isArray(answer['reject']) || 'set' in answer)
    throw wrong(conflict, 'must answer { set: { column: value } } or { reject: [column] }');
  const refused = answer['reject'] as readonly unknown[];
  const unknown = refused.find((column) => typeof column !== 'string' || !types.has(column));
  if (unknown !== undefined)
    throw wrong(
      conflict,
      `rejects ${JSON.stringify(unknown)}, which is no column of the entity; name columns as the database does`,
    );
  return rejection('CHANGED', refused as readonly string[]);
}
