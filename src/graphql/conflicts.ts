/** Owns the `conflicts` query: how writes ended that met a row which their author had not seen, for administrators. */
import { type GraphQLFieldResolver } from 'graphql';
import { type Row } from '../model/model.ts';
import { badInput } from '../read/input.ts';
import { conflictsStatement } from '../write/audit.ts';
import { requireAdmin, type AdminDeps } from './admin.ts';
import { type RequestContext } from './context.ts';

export interface ConflictsDeps extends AdminDeps {
  /** Records of one answer, at most. */
  readonly maxPageSize: number;
}

interface ConflictsArguments {
  readonly entity?: string | null;
  readonly id?: string | null;
  readonly since?: string | null;
  readonly before?: string | null;
  readonly first?: number | null;
}

const FIRST = 50;
const WHOLE = /^\d{1,18}$/;

export function conflictsResolver(deps: ConflictsDeps): GraphQLFieldResolver<unknown, RequestContext, ConflictsArguments> {
  return async (_parent, { entity = null, id = null, since = null, before = null, first }, context, info) => {
    await requireAdmin(deps, context.viewer, 'conflicts');
    // What the schema gives a client that names no number is not the client's to be refused for.
    const limit = first == null || first === FIRST ? Math.min(FIRST, deps.maxPageSize) : first;
    if (limit < 0 || limit > deps.maxPageSize) throw badInput(`"first" must be from 0 to ${deps.maxPageSize}.`);
    if (id !== null && entity === null) throw badInput('"id" names a row of an entity; give "entity" as well.');
    if (before !== null && !WHOLE.test(before)) throw badInput('"before" must be the id of a record.');
    const rows = await context.operation.at(info).executor.query(conflictsStatement({ entity, rowId: id, since, before, limit }));
    return rows.map(shown);
  };
}

function shown({ row_id: rowId, seen_version: seenVersion, new_version: newVersion, ...rest }: Row): Record<string, unknown> {
  return { ...rest, rowId, seenVersion, newVersion };
}
