/**
 * Owns the outcome of writes whose author has not seen the row's latest version: each policy of `@conflict` is a pure
 * decision over the row as it was seen, as it is, and as the writer wants it.
 */
import { type Conflicts, type Row } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import {
  contested,
  rejection,
  typeOf,
  type Clash,
  type Decision,
  type FieldDecision,
  type Rejection,
  type UpdateConflict,
} from './decision.ts';
import { asParam, asRead, changedColumns, isSame } from './equality.ts';
import { askHandler } from './handler.ts';
import { changedElsewhere, merge } from './merge.ts';

export { ruleFits } from './rules.ts';
export type {
  ConflictHandler,
  ConflictReason,
  Decision,
  FieldDecision,
  Rejection,
  UpdateConflict,
  Winner,
  Write,
} from './decision.ts';

/**
 * The columns that the client is told about: its own columns if another writer has changed any of them, otherwise the
 * columns that were changed.
 */
function refuse(conflict: UpdateConflict): Rejection {
  const { base, current, incoming } = conflict;
  if (base === null) return rejection('CHANGED', incoming.keys());
  const changed = changedColumns(contested(conflict), base, current);
  const own = changed.filter((column) => incoming.has(column));
  return rejection('CHANGED', own.length > 0 ? own : changed);
}

/** All columns are written. If the older version is no longer kept, every column that differs counts as overwritten. */
function overwrite(conflict: UpdateConflict): Decision {
  const { types, base, current, incoming } = conflict;
  const fields: FieldDecision[] = [];
  for (const [column, given] of incoming) {
    const type = typeOf(types, column);
    if (isSame(type, asRead(type, given), current[column])) continue;
    const untouched = base !== null && base[column] !== undefined && isSame(type, base[column], current[column]);
    fields.push({ column, rule: untouched ? null : 'LAST_WRITE_WINS', taken: 'incoming' });
  }
  if (base !== null) fields.push(...changedElsewhere(conflict, base));
  return { kind: 'write', values: incoming, winner: 'INCOMING', fields };
}

/** An update whose writer has seen a version that is not the current one. */
export function resolveUpdate(conflict: UpdateConflict): Decision {
  switch (conflict.conflicts.policy) {
    case 'REJECT':
      return refuse(conflict);
    case 'LAST_WRITE_WINS':
      return overwrite(conflict);
    case 'MERGE':
      return merge(conflict);
    case 'HANDLER':
      return askHandler(conflict);
  }
}

/** A delete whose writer has seen a version that is not the current one. */
export function resolveDelete(
  conflicts: Conflicts,
  seen: Omit<Clash, 'conflicts'> & { readonly base: Row | null; readonly current: Row },
): { readonly kind: 'delete' } | Rejection {
  if (conflicts.deleteChanged === 'DELETE') return { kind: 'delete' };
  return rejection('CHANGED', seen.base === null ? [] : changedColumns(contested(seen), seen.base, seen.current));
}

/** Columns that the writer sets to another value than the present one. */
function differing(types: Clash['types'], incoming: ReadonlyMap<string, SqlParam>, row: Row): readonly string[] {
  return [...incoming]
    .filter(([column, given]) => !isSame(typeOf(types, column), asRead(typeOf(types, column), given), row[column]))
    .map(([column]) => column);
}

/**
 * An update of a row that was deleted. With RESTORE, `values` is the whole row as the writer last saw it, including key
 * and version, with the update applied. The caller leaves out columns that the database computes, and gives the row its
 * next version.
 */
export function resolveUpdateOfDeleted(
  conflicts: Conflicts,
  {
    types,
    base,
    incoming,
  }: Omit<Clash, 'conflicts'> & { readonly base: Row | null; readonly incoming: ReadonlyMap<string, SqlParam> },
): Decision {
  if (conflicts.updateDeleted === 'REJECT') return rejection('DELETED', incoming.keys());
  if (base === null) return rejection('VERSION_UNKNOWN', incoming.keys());
  const values = new Map<string, SqlParam>();
  // A column that was added after the version was kept takes its default.
  for (const [column, type] of types) if (base[column] !== undefined) values.set(column, asParam(type, base[column]));
  for (const [column, given] of incoming) values.set(column, given);
  return {
    kind: 'write',
    values,
    winner: 'INCOMING',
    fields: differing(types, incoming, base).map((column) => ({ column, rule: null, taken: 'incoming' })),
  };
}

/** An insert whose key is taken. UPDATE writes the given values over the existing row, KEEP writes none. */
export function resolveInsertOfExisting(
  conflicts: Conflicts,
  {
    types,
    current,
    incoming,
  }: Omit<Clash, 'conflicts'> & { readonly current: Row; readonly incoming: ReadonlyMap<string, SqlParam> },
): Decision {
  const different = differing(types, incoming, current);
  switch (conflicts.insertExisting) {
    case 'REJECT':
      return rejection('EXISTS', different);
    case 'UPDATE':
      return {
        kind: 'write',
        values: incoming,
        winner: 'INCOMING',
        fields: different.map((column) => ({ column, rule: 'LAST_WRITE_WINS', taken: 'incoming' })),
      };
    case 'KEEP':
      return {
        kind: 'write',
        values: new Map(),
        winner: 'CURRENT',
        fields: different.map((column) => ({ column, rule: null, taken: 'current' })),
      };
  }
}
