/**
 * Owns what every session relies on, whatever the role, the database or the URL has as its default: settings that a
 * connection opens with, and the proof that they hold. They travel as start-up options, which a connection pooler may
 * drop.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Row } from '../../model/model.ts';
import { sqlStateOf } from '../read/error.ts';

export interface SessionLimits {
  /** Time limit of one statement, and of an open transaction between two of them, milliseconds; 0 for none. */
  readonly statementMs: number;
  /** Refuse writes outside of transactions that ask for them. */
  readonly readOnly: boolean;
}

/** How values are written and read as text, which parsers and statements depend on. */
const VALUES = {
  datestyle: 'ISO',
  timezone: 'UTC',
  intervalstyle: 'iso_8601',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmloption: 'content',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
} as const;

/**
 * What statements do: none of it may end a session, cut an answer, make a replica refuse a transaction, or make a table
 * under row-level security refuse every statement instead of showing the rows that its policies let through. Nor may a
 * statement of a few rows be compiled for seconds, since the planner thinks much of what it may cost.
 */
const BEHAVIOUR = {
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  gin_fuzzy_search_limit: '0',
  row_security: 'on',
  jit: 'off',
  // By its warning COMMIT tells that it has stopped waiting for standbys.
  client_min_messages: 'warning',
} as const;

/** Stands among the start-up options: where it is missing, so are they. */
const MARK = 'meridian.session';
const MARKED = 'on';

/** The sessions' start-up options, as libpq's `options` has them. */
export function sessionOptions({ statementMs, readOnly }: SessionLimits): string {
  const settings = {
    ...VALUES,
    ...BEHAVIOUR,
    default_transaction_read_only: readOnly ? 'on' : 'off',
    statement_timeout: String(statementMs),
    lock_timeout: '0',
    // An interactive transaction whose process hangs must not hold its locks for ever.
    idle_in_transaction_session_timeout: String(statementMs),
    idle_session_timeout: '0',
    [MARK]: MARKED,
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
}

const PROVED = { ...VALUES, ...BEHAVIOUR, client_encoding: 'UTF8' };

/**
 * The first statement of every session: what it has. PostgreSQL before 17 refuses connections that name
 * `transaction_timeout`, so it is set here. The schema `meridian`, which "$user" names for a role of that name, holds
 * what writing keeps: no name of the application's is looked up there. As text without parameters, since a replication
 * connection takes no other statement.
 */
export const SESSION_PROOF = `SELECT current_setting('${MARK}', true) AS "${MARK}", ${Object.keys(PROVED)
  .map((name) => `current_setting('${name}') AS "${name}"`)
  .join(', ')},
  CASE WHEN current_setting('transaction_timeout', true) <> '0' THEN set_config('transaction_timeout', '0', false) END AS unlimited,
  CASE WHEN 'meridian' = ANY (current_schemas(false)) OR (current_user = 'meridian' AND current_setting('search_path') LIKE '%$user%')
    THEN set_config('search_path', array_to_string(ARRAY(SELECT quote_ident(s) FROM unnest(current_schemas(false)) AS s WHERE s <> 'meridian'), ', '), false) END AS "path"`;

/**
 * The session's settings, on which whoever has the connection next relies: asked for at first, and behind each
 * transaction that may have changed them.
 */
export const SESSION_COLUMN = '$session';
const KEPT = [
  ...Object.keys(PROVED),
  'role',
  'session_authorization',
  'search_path',
  'default_transaction_read_only',
  'statement_timeout',
  'lock_timeout',
  'synchronous_commit',
  'session_replication_role',
];
export const SESSION = `concat_ws(' ', ${KEPT.map((name) => `current_setting('${name}')`).join(', ')}) AS "${SESSION_COLUMN}"`;

const FIX =
  'Give the address of PostgreSQL itself: servers keep a bounded number of connections of their own (poolSize).';

/** Throws `DATABASE_NOT_READY`, with `details.fix`, where the session is not as it was asked for. */
export function demandSession(proof: Row | undefined): void {
  if (proof?.[MARK] !== MARKED) throw throughPooler('drops the settings that a connection opens with');
  for (const [name, wanted] of Object.entries(PROVED)) {
    const found = String(proof[name]);
    // The style's second part is about input only, which is always in ISO form.
    if ((name === 'datestyle' ? found.split(',')[0] : found) === wanted) continue;
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `A new session has ${name} = ${found}, although ${wanted} was asked for.`,
      details: { fix: 'Find what changes it, such as a login trigger.' },
    });
  }
}

/** A pooler's refusal of a connection, told as one; null for every other error. */
export function poolerRefusal(error: unknown): MeridianError | null {
  const state = sqlStateOf(error);
  const message = error instanceof Error ? error.message : '';
  if (state === '08P01' && /startup parameter/i.test(message))
    return throughPooler(`refuses the settings that a connection opens with (${message})`, error);
  // RDS Proxy's words.
  if (state === '0A000' && /command-line options/i.test(message))
    return throughPooler('refuses the settings that a connection opens with', error);
  return null;
}

function throughPooler(what: string, cause?: unknown): MeridianError {
  return new MeridianError({
    code: 'DATABASE_NOT_READY',
    message: `The database is reached through a connection pooler, such as PgBouncer, that ${what}: values would be read wrong, and limits would not hold.`,
    details: { fix: FIX },
    cause,
  });
}
