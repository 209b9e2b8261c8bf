/** Owns the three-way merge: two changes of one row, column by column, against the version that the writer saw. */
import { type ConflictRule, type Row, type SqlType } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { contested, rejection, typeOf, type Decision, type FieldDecision, type UpdateConflict } from './decision.ts';
import { asParam, asRead, changedColumns, isSame } from './equality.ts';
import { applyRule, type Sides } from './rules.ts';

/** Rules whose result depends on the version that the writer saw. */
const COMPARING: ReadonlySet<ConflictRule> = new Set(['ADD', 'UNION', 'APPEND']);

interface Merged {
  readonly taken: FieldDecision['taken'] | 'neither' | 'unchanged';
  readonly rule: ConflictRule | null;
  readonly value: unknown;
}

function mergeColumn(type: SqlType, rule: ConflictRule, sides: Sides): Merged {
  const { was, mine, theirs } = sides;
  // A column that was added after the version was kept: its value in that version is unknown.
  const unknown = was === undefined;
  const [changedHere, changedThere] = [unknown || !isSame(type, was, mine), unknown || !isSame(type, was, theirs)];
  if (!changedHere) return { taken: changedThere ? 'current' : 'unchanged', rule: null, value: theirs };
  if (!changedThere) return { taken: 'incoming', rule: null, value: mine };
  // Two sides that set the same value agree; two sides that add the same amount have added it twice.
  if (rule !== 'ADD' && isSame(type, mine, theirs)) return { taken: 'current', rule, value: theirs };
  const outcome = unknown && COMPARING.has(rule) ? null : applyRule(rule, type, sides);
  if (outcome === null) return { taken: 'neither', rule, value: theirs };
  const { value } = outcome;
  return {
    taken: isSame(type, value, theirs) ? 'current' : isSame(type, value, mine) ? 'incoming' : 'merged',
    rule,
    value,
  };
}

/** Columns that only the other side has changed and that this writer does not set. */
export function changedElsewhere(conflict: UpdateConflict, base: Row): readonly FieldDecision[] {
  return changedColumns(contested(conflict), base, conflict.current)
    .filter((column) => !conflict.incoming.has(column))
    .map((column) => ({ column, rule: null, taken: 'current' }));
}

/**
 * Every change of either side is in the resulting row or reported: as a conflict, or as a value that a rule has
 * overwritten.
 */
export function merge(conflict: UpdateConflict): Decision {
  const { conflicts, types, base, current, incoming } = conflict;
  if (base === null) return rejection('VERSION_UNKNOWN', incoming.keys());
  const values = new Map<string, SqlParam>();
  const fields: FieldDecision[] = [];
  const clashes: string[] = [];
  let asGiven = true;
  for (const [column, given] of incoming) {
    const type = typeOf(types, column);
    const mine = asRead(type, given);
    const { taken, rule, value } = mergeColumn(type, conflicts.rules.get(column) ?? conflicts.rule, {
      was: base[column],
      mine,
      theirs: current[column] ?? null,
    });
    if (taken === 'neither') clashes.push(column);
    else if (taken !== 'unchanged') fields.push({ column, rule, taken });
    if (taken === 'incoming') values.set(column, given);
    if (taken === 'merged') values.set(column, asParam(type, value));
    if (!isSame(type, value, mine)) asGiven = false;
  }
  if (clashes.length > 0) return rejection('CHANGED', clashes);
  fields.push(...changedElsewhere(conflict, base));
  return { kind: 'write', values, winner: values.size === 0 ? 'CURRENT' : asGiven ? 'INCOMING' : 'BOTH', fields };
}
