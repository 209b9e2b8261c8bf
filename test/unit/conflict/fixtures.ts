/** Owns what the conflict tests share: types by short names, edits of one row, and what the row is after a decision. */
import {
  NO_CONFLICTS,
  type Conflicts,
  type ConflictRule,
  type Row,
  type ScalarKind,
  type SqlType,
} from '../../../src/model/model.ts';
import { normalizeValue, type SqlParam } from '../../../src/model/values.ts';
import { asRead } from '../../../src/conflict/equality.ts';
import { resolveUpdate, type Decision, type UpdateConflict } from '../../../src/conflict/resolve.ts';

const SQL: Partial<Record<ScalarKind, string>> = {
  int: 'integer',
  float: 'double precision',
  bool: 'boolean',
  json: 'jsonb',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  time: 'time without time zone',
  other: 'interval',
  enum: 'public.status',
};

export function type(kind: ScalarKind, sql: string = SQL[kind] ?? kind): SqlType {
  return { kind, sql, array: false };
}

export function listOf(kind: ScalarKind): SqlType {
  return { kind, sql: `${SQL[kind] ?? kind}[]`, array: true };
}

export type Types = Readonly<Record<string, SqlType>>;

/** What a client sends, as it arrives at the decision. Throws where the value is none of its type. */
export function given(types: Types, values: Row): Map<string, SqlParam> {
  return new Map(
    Object.entries(values).map(([column, value]) => {
      const normalized = normalizeValue(types[column] as SqlType, value);
      if ('problem' in normalized) throw new TypeError(`${column} must be ${normalized.problem}`);
      return [column, normalized.value];
    }),
  );
}

export interface Case {
  readonly types: Types;
  readonly conflicts: Partial<Conflicts>;
  readonly base: Row | null;
  readonly current: Row;
  readonly incoming: Row;
}

export function merging(rule: ConflictRule, rules: Readonly<Record<string, ConflictRule>> = {}): Partial<Conflicts> {
  return { policy: 'MERGE', rule, rules: new Map(Object.entries(rules)) };
}

export function decide(
  { types, conflicts, base, current, incoming }: Case,
  more: Partial<UpdateConflict> = {},
): Decision {
  return resolveUpdate({
    conflicts: { ...NO_CONFLICTS, ...conflicts },
    types: new Map(Object.entries(types)),
    base,
    current,
    incoming: given(types, incoming),
    handler: null,
    ...more,
  });
}

/** The row after the decision; a refused write leaves it as it is. */
export function rowAfter(types: Types, current: Row, decision: Decision): Row {
  if (decision.kind === 'reject') return current;
  return {
    ...current,
    ...Object.fromEntries(
      [...decision.values].map(([column, value]) => [column, asRead(types[column] as SqlType, value)]),
    ),
  };
}

/** One value under a rule: what it comes to; null where the write is refused. */
export function settle(
  rule: ConflictRule,
  of: SqlType,
  [was, theirs, mine]: readonly [unknown, unknown, unknown],
): { readonly value: unknown } | null {
  const types = { it: of };
  const decision = decide({
    types,
    conflicts: merging(rule),
    base: { it: was },
    current: { it: theirs },
    incoming: { it: mine },
  });
  return decision.kind === 'reject' ? null : { value: rowAfter(types, { it: theirs }, decision)['it'] };
}
