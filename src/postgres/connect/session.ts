/**
 * Owns the settings that every session relies on, whatever the defaults of the role, the database or the URL are: the
 * start-up options of a connection, and the proof that they are in effect. A connection pooler may drop start-up
 * options.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Row } from '../../model/model.ts';
import { sqlStateOf } from '../read/error.ts';

export interface SessionLimits {
  /**
   * Time limit of one statement, and of the pause between two statements of a transaction, milliseconds; 0 for none.
   */
  readonly statementMs: number;
  /** Refuse writes outside of transactions that are explicitly READ WRITE. */
  readonly readOnly: boolean;
}

/** The text format of values, which parsers and statements depend on. */
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
 * The behaviour of statements. No default may end a session, cut off an answer, make a replica refuse a transaction,
 * or make a table under row-level security raise an error instead of returning the rows that its policies allow. JIT
 * is off because a high cost estimate would make the server spend seconds on compiling a statement that returns few
 * rows.
 */
const BEHAVIOUR = {
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  gin_fuzzy_search_limit: '0',
  row_security: 'on',
  jit: 'off',
  // A warning reports that COMMIT has stopped waiting for standbys.
  client_min_messages: 'warning',
} as const;

/** One of the start-up options: if it is missing, all of them were dropped. */
const MARK = 'meridian.session';
const MARKED = 'on';

/** The start-up options of a session, in the format of libpq's `options`. */
export function sessionOptions({ statementMs, readOnly }: SessionLimits): string {
  const settings = {
    ...VALUES,
    ...BEHAVIOUR,
    default_transaction_read_only: readOnly ? 'on' : 'off',
    statement_timeout: String(statementMs),
    lock_timeout: '0',
    // An interactive transaction whose process hangs must not hold its locks indefinitely.
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
 * The first statement of every session reads its settings. PostgreSQL before 17 refuses connections that name
 * `transaction_timeout`, so that setting is made here. The schema `meridian`, which "$user" resolves to for a role of
 * that name, contains Meridian's own tables; it is removed from search_path, so that no name of the application is
 * resolved there. The statement has no parameters, because a replication connection accepts only the simple query
 * protocol.
 */
export const SESSION_PROOF = `SELECT current_setting('${MARK}', true) AS "${MARK}", ${Object.keys(PROVED)
  .map((name) => `current_setting('${name}') AS "${name}"`)
  .join(', ')},
  CASE WHEN current_setting('transaction_timeout', true) <> '0' THEN set_config('transaction_timeout', '0', false) END AS unlimited,
  CASE WHEN 'meridian' = ANY (current_schemas(false)) OR (current_user = 'meridian' AND current_setting('search_path') LIKE '%$user%')
    THEN set_config('search_path', array_to_string(ARRAY(SELECT quote_ident(s) FROM unnest(current_schemas(false)) AS s WHERE s <> 'meridian'), ', '), false) END AS "path"`;

/**
 * Settings of the session that the next user of the connection relies on. They are read first when the connection is
 * opened, and again after each transaction that may have changed them.
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

/** Throws `DATABASE_NOT_READY`, with `details.fix`, if the session does not have the requested settings. */
export function demandSession(proof: Row | undefined): void {
  if (proof?.[MARK] !== MARKED) throw throughPooler('drops the settings that a connection opens with');
  for (const [name, wanted] of Object.entries(PROVED)) {
    const found = String(proof[name]);
    // The second part of DateStyle affects only the input of dates, which are always sent in ISO format.
    if ((name === 'datestyle' ? found.split(',')[0] : found) === wanted) continue;
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `A new session has ${name} = ${found}, although ${wanted} was asked for.`,
      details: { fix: 'Find what changes it, such as a login trigger.' },
    });
  }
}

/** The error for a pooler that refuses the connection; null for every other error. */
export function poolerRefusal(error: unknown): MeridianError | null {
  const state = sqlStateOf(error);
  const message = error instanceof Error ? error.message : '';
  if (state === '08P01' && /startup parameter/i.test(message))
    return throughPooler(`refuses the settings that a connection opens with (${message})`, error);
  // The message of RDS Proxy.
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
