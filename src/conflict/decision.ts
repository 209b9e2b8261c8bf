/** Owns the terms of a conflict's outcome: what is written and which side has won, or why the write is refused. */
import { type Conflicts, type ConflictRule, type Row, type SqlType } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';

export type ConflictReason = 'CHANGED' | 'DELETED' | 'EXISTS' | 'VERSION_UNKNOWN';

/** INCOMING: everything that the writer sets is written. CURRENT: nothing is written. BOTH: anything in between. */
export type Winner = 'INCOMING' | 'CURRENT' | 'BOTH';

/** The outcome for one column that one or both sides have changed. */
export interface FieldDecision {
  readonly column: string;
  /** Null: only one side has changed it. */
  readonly rule: ConflictRule | 'HANDLER' | null;
  readonly taken: 'incoming' | 'current' | 'merged';
}

export interface Rejection {
  readonly kind: 'reject';
  readonly reason: ConflictReason;
  /** Columns in conflict. */
  readonly fields: readonly string[];
}

/** `values` may be empty: then the row stays as it is. */
export interface Write {
  readonly kind: 'write';
  readonly values: ReadonlyMap<string, SqlParam>;
  readonly winner: Winner;
  readonly fields: readonly FieldDecision[];
}

export type Decision = Write | Rejection;

/** The application's own policy: pure and synchronous. `base` is null if that version is no longer kept. */
export type ConflictHandler = (conflict: {
  readonly base: Row | null;
  readonly current: Row;
  readonly incoming: Row;
}) => { readonly set: Readonly<Record<string, unknown>> } | { readonly reject: readonly string[] };

/** The input of every conflict decision about one row. */
export interface Clash {
  readonly conflicts: Conflicts;
  /** Of every mapped column. */
  readonly types: ReadonlyMap<string, SqlType>;
  /**
   * Columns that no writer sets, such as the key and the version: they are not part of a conflict, and no handler sets
   * them.
   */
  readonly fixed?: ReadonlySet<string>;
}

/** An update whose writer has not seen the current version. */
export interface UpdateConflict extends Clash {
  /** The row as the writer saw it; null if that version is no longer kept. */
  readonly base: Row | null;
  readonly current: Row;
  /** Only the columns that the writer sets. */
  readonly incoming: ReadonlyMap<string, SqlParam>;
  readonly handler: ConflictHandler | null;
}

export const rejection = (reason: ConflictReason, fields: Iterable<string>): Rejection => ({
  kind: 'reject',
  reason,
  fields: [...fields],
});

/** The types of the columns that a conflict can concern. */
export function contested({ types, fixed }: Pick<Clash, 'types' | 'fixed'>): ReadonlyMap<string, SqlType> {
  return fixed === undefined ? types : new Map([...types].filter(([column]) => !fixed.has(column)));
}

/** A column that is written must be mapped; another one is an error of the caller. */
export function typeOf(types: ReadonlyMap<string, SqlType>, column: string): SqlType {
  const type = types.get(column);
  if (type === undefined) throw new TypeError(`no type is known of column ${column}`);
  return type;
}
