/**
 * Owns the audit of conflicts: the record of each, written in the transaction that resolves it, and the query by which
 * admins read them.
 */
import { type ConflictReason, type FieldDecision, type Winner } from '../conflict/resolve.ts';
import { type ConflictPolicy, type Row } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { Params, statement } from '../read/sql/statement.ts';

export type ConflictOutcome =
  'MERGED' | 'OVERWRITTEN' | 'HANDLED' | 'DELETED' | 'RESTORED' | 'UPDATED' | 'KEPT' | 'REJECTED';

export interface ConflictRecord {
  readonly entity: string;
  /** Values of the primary key, joined by commas; null where no row was found. */
  readonly rowId: string | null;
  /** Field of `Mutation`. */
  readonly mutation: string;
  readonly policy: ConflictPolicy;
  readonly outcome: ConflictOutcome;
  /** Null unless it was rejected. */
  readonly reason: ConflictReason | null;
  readonly winner: Winner;
  readonly viewer: string | null;
  readonly tenant: string | null;
  /** The region whose server resolved the conflict. */
  readonly region: string;
  /** The version that the client saw, the version that was found, and the resulting version. */
  readonly seenVersion: SqlParam;
  readonly version: SqlParam;
  readonly newVersion: SqlParam;
  /** The row as the client saw it and as it was found, the values that the client gave, and the resulting row. */
  readonly base: Row | null;
  readonly current: Row | null;
  readonly incoming: Row;
  readonly result: Row | null;
  readonly fields: readonly FieldDecision[];
}

const COLUMNS: readonly (readonly [column: string, type: string, value: (record: ConflictRecord) => unknown])[] = [
  ['entity', 'text', (r) => r.entity],
  ['row_id', 'text', (r) => r.rowId],
  ['mutation', 'text', (r) => r.mutation],
  ['policy', 'text', (r) => r.policy],
  ['outcome', 'text', (r) => r.outcome],
  ['reason', 'text', (r) => r.reason],
  ['winner', 'text', (r) => r.winner],
  ['viewer', 'text', (r) => r.viewer],
  ['tenant', 'text', (r) => r.tenant],
  ['region', 'text', (r) => r.region],
  ['seen_version', 'bigint', (r) => r.seenVersion],
  ['version', 'bigint', (r) => r.version],
  ['new_version', 'bigint', (r) => r.newVersion],
  ['base', 'json', (r) => r.base],
  ['current', 'json', (r) => r.current],
  ['incoming', 'json', (r) => r.incoming],
  ['result', 'json', (r) => r.result],
  ['fields', 'jsonb', (r) => r.fields],
];

/** Written in the transaction that resolves the conflict. */
export function recordStatement(record: ConflictRecord): Statement {
  const params = new Params();
  const values = COLUMNS.map(([, type, of]) => {
    const value = of(record);
    return params.raw(
      type,
      value === null ? null : type.startsWith('json') ? JSON.stringify(value) : (value as SqlParam),
    );
  });
  return statement(
    `INSERT INTO meridian.conflicts (${COLUMNS.map(([name]) => name).join(', ')}) VALUES (${values.join(', ')})`,
    params,
  );
}

export interface ConflictQuery {
  readonly entity: string | null;
  readonly rowId: string | null;
  /** ISO 8601. */
  readonly since: string | null;
  /** Only records older than this one, for the next page. */
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export function conflictsStatement({ entity, rowId, since, before, limit }: ConflictQuery): Statement {
  const params = new Params();
  const tests = [
    ...(entity === null ? [] : [`entity = ${params.raw('text', entity)}`]),
    ...(rowId === null ? [] : [`row_id = ${params.raw('text', rowId)}`]),
    ...(since === null ? [] : [`at >= ${params.raw('timestamptz', since)}`]),
    ...(before === null ? [] : [`id < ${params.raw('bigint', before)}`]),
  ];
  const columns = ['id', 'seen_version', 'version', 'new_version'].map((name) => `${name}::text AS ${name}`);
  const plain = [
    'entity',
    'row_id',
    'mutation',
    'policy',
    'outcome',
    'reason',
    'winner',
    'viewer',
    'tenant',
    'region',
    'base',
    'current',
    'incoming',
    'result',
    'fields',
  ];
  const at = `to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`;
  return statement(
    `SELECT ${[...columns, ...plain, at].join(', ')} FROM meridian.conflicts${tests.length > 0 ? ` WHERE ${tests.join(' AND ')}` : ''} ORDER BY id DESC LIMIT ${params.raw('int', limit)}`,
    params,
  );
}
