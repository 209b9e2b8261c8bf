/** Owns the `conflicts` query: the outcomes of conflicting writes, for administrators. */
import { type GraphQLFieldResolver } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import { type SiblingConflict } from '../http/sibling-answers.ts';
import { type Asker, type ConflictArguments, type Siblings } from '../http/siblings.ts';
import { type Row } from '../model/model.ts';
import { badInput } from '../read/input.ts';
import { conflictsStatement } from '../write/audit.ts';
import { requireAdmin, type AdminDeps } from './admin.ts';
import { type RequestContext } from './context.ts';

export interface ConflictsDeps extends AdminDeps {
  /** Maximum number of records in one answer. */
  readonly maxPageSize: number;
  /** Name of this server's subgraph; null if it has none. */
  readonly subgraph: string | null;
  readonly siblings: Siblings | null;
  /** The positions of a token, so that the answer's token covers what another subgraph's server has shown (R6). */
  readonly positionsIn: (token: string) => Iterable<Position>;
}

interface ConflictsArguments {
  readonly subgraph?: string | null;
  readonly entity?: string | null;
  readonly id?: string | null;
  readonly since?: string | null;
  readonly before?: string | null;
  readonly first?: number | null;
}

const FIRST = 50;
const WHOLE = /^\d{1,18}$/;

export function conflictsResolver(
  deps: ConflictsDeps,
): GraphQLFieldResolver<unknown, RequestContext, ConflictsArguments> {
  return async (
    _parent,
    { subgraph = null, entity = null, id = null, since = null, before = null, first },
    context,
    info,
  ) => {
    await requireAdmin(deps, context.viewer, info.fieldName);
    // What the schema gives a client that names no number is not the client's to be refused for.
    const isGiven = first == null || first === FIRST;
    const limit = isGiven ? Math.min(FIRST, deps.maxPageSize) : first;
    if (limit < 0 || limit > deps.maxPageSize)
      throw badInput(`"first" must be from 0 to ${deps.maxPageSize} (maxPageSize).`);
    if (id !== null && entity === null) throw badInput('"id" names a row of an entity; give "entity" as well.');
    if (before !== null && !WHOLE.test(before)) throw badInput('"before" must be the id of a record.');
    if (isElsewhere(deps, subgraph, context.asker))
      return askedOf({ deps, subgraph, args: { entity, id, since, before, first: isGiven ? FIRST : limit }, context });
    // If fewer than the schema's default may be shown, one more record is read to tell whether these are all.
    const most = isGiven && limit < FIRST ? limit + 1 : limit;
    const rows = await context.operation
      .at(info)
      .executor.query(conflictsStatement({ entity, rowId: id, since, before, limit: most }));
    if (rows.length > limit)
      throw new MeridianError({
        code: 'LIST_TOO_LONG',
        message: `There are more than ${limit} conflicts, which is the most that one answer shows here: ask for the first ${limit} with "first", and for older ones with "before".`,
        details: { limit },
      });
    return rows.map((row) => ({ ...shown(row), subgraph: deps.subgraph }));
  };
}

/**
 * Whether another subgraph's records are asked for. A gateway may ask any subgraph, so in a graph of several subgraphs
 * the query must name one: each has its own ids and pages. Throws `BAD_USER_INPUT`.
 */
function isElsewhere(deps: ConflictsDeps, subgraph: string | null, asker: Asker | null): subgraph is string {
  // Another subgraph's server has already determined the subgraph.
  if (asker === null) return false;
  const others = deps.siblings?.names ?? [];
  const names = [...(deps.subgraph === null ? [] : [deps.subgraph]), ...others];
  if (subgraph === null && others.length > 0)
    throw badInput(
      `Each subgraph of this graph keeps its own conflicts; name one: "subgraph" is ${names.join(' or ')}.`,
    );
  if (subgraph === null || subgraph === deps.subgraph) return false;
  if (!others.includes(subgraph))
    throw badInput(
      `There is no subgraph ${JSON.stringify(subgraph)} known to this server${names.length > 0 ? `; it knows ${names.join(', ')}` : ', whose option "siblings" names none'}.`,
    );
  return true;
}

interface AskedOfInput {
  readonly deps: ConflictsDeps;
  readonly subgraph: string;
  readonly args: ConflictArguments;
  readonly context: RequestContext;
}

async function askedOf({
  deps: { siblings, positionsIn },
  subgraph,
  args,
  context: { asker, operation },
}: AskedOfInput): Promise<readonly SiblingConflict[]> {
  const answer = siblings === null || asker === null ? null : await siblings.conflicts(subgraph, args, asker);
  if (!answer?.ok)
    throw new MeridianError({
      code: 'REGION_UNAVAILABLE',
      message: `The conflicts of subgraph ${subgraph} cannot be shown: its server ${answer?.why ?? 'is not known here'}. Try again, or ask that server itself.`,
      details: { subgraph, ...(answer?.code ? { refusedWith: answer.code } : {}) },
    });
  for (const position of answer.token === null ? [] : positionsIn(answer.token)) operation.session.saw(position);
  return answer.rows;
}

function shown({
  row_id: rowId,
  seen_version: seenVersion,
  new_version: newVersion,
  ...rest
}: Row): Record<string, unknown> {
  return { ...rest, rowId, seenVersion, newVersion };
}
