/**
 * Owns what the database holds of a run when it is over: every version there ever was, the rows, the audit and the kept
 * history.
 */
import { type TestApp } from '../app.ts';
import { ENTITIES, TABLES, type Kind, type Target, type Values } from './edits.ts';

export interface Record {
  readonly viewer: string;
  readonly policy: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly winner: string;
  readonly seenVersion: number;
  readonly version: number;
  readonly newVersion: number;
  readonly base: Values | null;
  readonly current: Values;
  readonly incoming: Values;
  readonly result: Values | null;
  readonly fields: readonly { readonly column: string; readonly rule: string | null; readonly taken: string }[];
}

/** All of one row. */
export interface Evidence {
  readonly target: Target;
  /** In the order in which they were written: the first one is as the run found it. */
  readonly versions: readonly Values[];
  readonly row: Values;
  readonly audit: readonly Record[];
  /** Older versions, as Meridian keeps them; none where the policy needs none. */
  readonly history: readonly Values[];
}

/** PostgreSQL's JSON has numbers where rows have text: exact ones come as text. */
const EXACT = (alias: string): string =>
  `(SELECT jsonb_object_agg(k, CASE WHEN jsonb_typeof(v) = 'number' THEN to_jsonb(v::text) ELSE v END) FROM jsonb_each(${alias}) AS e (k, v))`;

export async function gatherEvidence(
  { cluster }: Pick<TestApp, 'cluster'>,
  targets: readonly Target[],
): Promise<readonly Evidence[]> {
  const query = <R extends Values>(sql: string, values: readonly unknown[]): Promise<R[]> =>
    cluster.query<R>(cluster.primary.name, sql, values);
  const gathered: Evidence[] = [];
  for (const kind of Object.keys(TABLES) as Kind[]) {
    const own = targets.filter((target) => target.kind === kind);
    const [table, ids] = [TABLES[kind], own.map(({ id }) => id)];
    const truth = await query<{ id: string; row: Values }>(
      `SELECT row_now ->> 'id' AS id, ${EXACT('row_now')} AS row FROM truth WHERE relation = $1 AND row_now ->> 'id' = ANY ($2::text[]) ORDER BY at`,
      [table, ids],
    );
    const rows = await query<{ id: string; row: Values }>(
      `SELECT id::text, ${EXACT('to_jsonb(t)')} AS row FROM ${table} AS t WHERE id = ANY ($1::bigint[])`,
      [ids],
    );
    const history = await query<{ id: string; row: Values }>(
      `SELECT key ->> 'id' AS id, ${EXACT(`to_jsonb(jsonb_populate_record(NULL::${table}, row_then - ''))`)} AS row FROM meridian.history WHERE relation = $1 AND key ->> 'id' = ANY ($2::text[]) ORDER BY version`,
      [`public.${table}`, ids],
    );
    const audit = await query<Record & Values & { id: string }>(
      `SELECT row_id AS id, viewer, policy, outcome, reason, winner, seen_version::int AS "seenVersion", version::int, new_version::int AS "newVersion", base, current, incoming, result, fields
         FROM meridian.conflicts WHERE entity = $1 AND row_id = ANY ($2::text[]) ORDER BY meridian.conflicts.id`,
      [ENTITIES[kind], ids],
    );
    const of = <T extends { readonly id: string }>(all: readonly T[], { id }: Target): readonly T[] =>
      all.filter((one) => one.id === id);
    for (const target of own) {
      gathered.push({
        target,
        versions: of(truth, target).map(({ row }) => row),
        row: of(rows, target)[0]?.row ?? {},
        audit: of(audit, target),
        history: of(history, target).map(({ row }) => row),
      });
    }
  }
  return gathered;
}
