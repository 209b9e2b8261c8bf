/**
 * Owns the conversion of a driver's error to Meridian's: its code, and a message that never contains SQL or a
 * parameter's value.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { raisedReason } from '../../write/refusal.ts';
import {
  isOfServer,
  isOwnState,
  isRaised,
  isRecoveryConflict,
  isWithinFunction,
  sqlStateOf,
  type ServerError,
} from '../read/error.ts';

export interface ErrorPlace {
  readonly region: string;
}

/** SQLSTATEs of a server that is shutting down, restarting or refusing connections; another server may answer. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '08000', '08001', '08003', '08004', '08006', '08P01']);
const CONNECT = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|ENOENT)/;
const LOST =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|Query read timeout|timeout exceeded when trying to connect|There was an error establishing an SSL connection)/;

/** Whether the connection failed, and not the statement. */
export function isConnectionFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== null)
    return UNAVAILABLE.has(state) && !isRaised(error as ServerError) && isOfServer(error as ServerError);
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.every(isConnectionFailure);
  const { code } = error as ServerError;
  return (typeof code === 'string' && CONNECT.test(code)) || LOST.test(error.message);
}

/** Whether repeating the whole transaction may succeed: serialization failure or deadlock. */
export function isConflict(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/**
 * The error context while waiting for a row: `while locking tuple (0,1) in relation "tasks"`. The tuple's position is
 * the same in every language of messages. Quoted text is excluded, because it may be SQL of the application.
 */
const AT_ROW = /^[^"\n]*\(\d+,\d+\)/;

/** Whether the statement was cancelled by its time limit while another transaction held the row's lock. */
function isLockedOut({ code, where }: ServerError): boolean {
  return code === '55P03' || (code === '57014' && where !== undefined && AT_ROW.test(where));
}

/** Converts anything that the driver threw to a `MeridianError`; a `MeridianError` is returned unchanged. */
export function toMeridianError(error: unknown, { region }: ErrorPlace): MeridianError {
  if (isMeridianError(error)) return error;
  const state = sqlStateOf(error);
  if (state !== null && isRecoveryConflict(error as ServerError)) {
    return new MeridianError({
      code: 'TRANSACTION_CONFLICT',
      message: `The replica of region ${region} cancelled the statement so that replay could go on; try again.`,
      details: { region, recoveryConflict: true },
      cause: error,
    });
  }
  if (isConnectionFailure(error))
    return new MeridianError({
      code: 'REGION_UNAVAILABLE',
      message: `The database of region ${region} cannot be reached; try again shortly.`,
      details: { region },
      cause: error,
    });
  if (state === null)
    return new MeridianError({
      code: 'DATABASE_ERROR',
      message: `The database of region ${region} could not be asked.`,
      details: { region },
      cause: error,
    });
  return fromState(state, error as ServerError, region);
}

/**
 * The error of a failed attempt to connect. Whatever the reason (a password, `pg_hba.conf`, a missing database), the
 * statement is not at fault, and another server may answer. The cause has the details for operators.
 */
export function connectError(error: unknown, place: ErrorPlace): MeridianError {
  const found = toMeridianError(error, place);
  if (found.code === 'OVERLOADED' || found.code === 'REGION_UNAVAILABLE') return found;
  return new MeridianError({
    code: 'REGION_UNAVAILABLE',
    message: `The database of region ${place.region} refuses connections; try again shortly.`,
    details: { region: place.region },
    cause: error,
  });
}

function fromState(state: string, error: ServerError, region: string): MeridianError {
  const facts = { region, sqlState: state };
  if (state === '40001' || state === '40P01')
    return new MeridianError({
      code: 'TRANSACTION_CONFLICT',
      message: 'The transaction was in conflict with another one that ran at the same time; try again.',
      details: facts,
      cause: error,
    });
  if (isRaised(error) || isOwnState(state)) return raised(state, error);
  if (state.startsWith('23') || state === '44000') return constraint(state, error);
  const refused = raisedReason(state, error.message);
  if (refused !== null)
    return new MeridianError({
      code: 'CONSTRAINT_VIOLATION',
      message: 'A condition of the write does not hold; nothing was written.',
      details: { refused },
      cause: error,
    });
  // The relation's name is the same in every language of messages.
  const missing = state === '42P01' ? /\bmeridian\.[a-z_]+/.exec(error.message)?.[0] : undefined;
  if (missing !== undefined)
    return new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `The database has no table ${missing}, which this write needs; run \`meridian setup\`.`,
      details: facts,
      cause: error,
    });
  if (isLockedOut(error))
    return new MeridianError({
      code: 'TRANSACTION_CONFLICT',
      message: 'A row is locked by another transaction; try again.',
      details: facts,
      cause: error,
    });
  if (state === '57014')
    return new MeridianError({
      code: 'DATABASE_ERROR',
      message: `A statement in region ${region} ran longer than its time limit and was cancelled; raise statementMs or ask for less.`,
      details: { ...facts, timeout: true },
      cause: error,
    });
  if (state === '42501' && error.routine === 'ExecWithCheckOptions')
    return new MeridianError({
      code: 'FORBIDDEN',
      message: 'A policy of row-level security refuses the row that the write would leave; nothing was written.',
      details: facts,
      cause: error,
    });
  if (state === '42501')
    return new MeridianError({
      code: 'FORBIDDEN',
      message: 'The database refuses this to the role that Meridian uses; grant it, or run `meridian check`.',
      details: facts,
      cause: error,
    });
  if (state === '53300')
    return new MeridianError({
      code: 'OVERLOADED',
      message: `The database of region ${region} has no connection left; raise its max_connections or lower poolSize.`,
      details: facts,
      cause: error,
    });
  if (state === '54000') return tooLarge(error, region, []);
  if (isWithinFunction(error))
    return new MeridianError({
      code: 'DATABASE_ERROR',
      message: `A function or trigger of the database failed in region ${region} with SQLSTATE ${state}.`,
      details: facts,
      cause: error,
    });
  if (NOT_TEXT.has(state))
    return new MeridianError({
      code: 'BAD_USER_INPUT',
      message: "A text holds a character that cannot be converted between UTF-8 and the database's encoding.",
      details: facts,
      cause: error,
    });
  if (state === '25006')
    return new MeridianError({
      code: 'DATABASE_ERROR',
      message:
        'A statement tried to write where only reading is allowed; run it in a transaction, and do not end that transaction by a COMMIT or ROLLBACK of your own.',
      details: facts,
      cause: error,
    });
  if (state.startsWith('22') || isMalformedValue(error))
    return new MeridianError({
      code: 'BAD_USER_INPUT',
      message: "A value does not fit its column's type: it is out of range or written in another form.",
      details: facts,
      cause: error,
    });
  return new MeridianError({
    code: 'DATABASE_ERROR',
    message: `A statement failed in region ${region} with SQLSTATE ${state}.`,
    details: facts,
    cause: error,
  });
}

/**
 * Input functions such as those of `tsquery`, `jsonpath` or `hstore` report malformed text with the SQLSTATE of an SQL
 * syntax error. Only a real syntax error has a position in the statement, or is raised by `exec_parse_message`
 * (several commands in a prepared statement).
 */
function isMalformedValue({ code, position, routine }: ServerError): boolean {
  return code === '42601' && position === undefined && routine !== 'exec_parse_message';
}

/**
 * Text that cannot be converted to or from the database's encoding: `untranslatable_character`,
 * `character_not_in_repertoire`.
 */
export const NOT_TEXT: ReadonlySet<string> = new Set(['22P05', '22021']);

const OF_CONSTRAINTS: ReadonlySet<string> = new Set(['23000', '23001', '23502', '23503', '23505', '23514', '23P01']);

/**
 * An error that the application's own code in the database raised. A message of RAISE is written for users and is
 * passed on; any other message may reveal internals and is replaced.
 */
function raised(state: string, error: ServerError): MeridianError {
  const words = isRaised(error) ? error.message : `The database's own code refuses this with SQLSTATE ${state}.`;
  const { detail = null, hint = null } = isRaised(error) ? error : {};
  const told = { sqlState: state, ...(detail === null ? {} : { detail }), ...(hint === null ? {} : { hint }) };
  if (OF_CONSTRAINTS.has(state)) {
    const { constraint = null, table = null, column } = error;
    return new MeridianError({
      code: 'CONSTRAINT_VIOLATION',
      message: words,
      details: { ...told, constraint, table, columns: column === undefined ? [] : [column], raised: true },
      cause: error,
    });
  }
  return new MeridianError({
    code: state === '42501' ? 'FORBIDDEN' : 'RAISED_BY_DATABASE',
    message: words,
    details: told,
    cause: error,
  });
}

const CONSTRAINTS: Readonly<Record<string, string>> = {
  23502: 'A required value is missing',
  23503: 'The row refers to one that does not exist, or is referred to by another',
  23505: 'A row with this key exists already',
  23514: 'A value breaks a rule of the table',
  '23P01': 'The row overlaps with another one',
  44000: 'The row is not one that the view shows',
};

/**
 * `Key (email)=(a@b.c) already exists.` contains columns and values; only the columns may be disclosed. Names and
 * punctuation are the same in every language of messages, the words around them are not.
 */
const KEY = /^[^(]*\(([^=]*)\)=\(/;
/**
 * SQLSTATEs whose detail has that form. The detail of other violations is the whole row, in which a value could
 * imitate it.
 */
const OF_KEYS: ReadonlySet<string> = new Set(['23001', '23503', '23505', '23P01']);

/**
 * Null if the detail names no columns, or names an expression of an index, which would disclose how rows are stored.
 */
function keyColumns(state: string, detail: string | undefined): readonly string[] | null {
  const named = OF_KEYS.has(state) ? KEY.exec(detail ?? '')?.[1] : undefined;
  return named === undefined || named.includes('(')
    ? null
    : named.split(', ').map((name) => name.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
}

function constraint(state: string, error: ServerError): MeridianError {
  const columns = keyColumns(state, error.detail) ?? (error.column === undefined ? [] : [error.column]);
  return violation(state, error, columns);
}

export function tooLarge(error: ServerError, region: string, columns: readonly string[]): MeridianError {
  const where = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `A value is too large for its table, or for an index of it${where}; send a shorter one.`,
    details: { region, sqlState: '54000', ...(columns.length === 0 ? {} : { columns }) },
    cause: error,
  });
}

/** `columns`: columns of the table that the constraint concerns, as far as they are known. */
export function violation(state: string, error: ServerError, columns: readonly string[]): MeridianError {
  // The message goes to clients: it names the columns concerned and nothing about storage. The details are for code in
  // this process.
  const where = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  const what =
    error.routine === 'ExecFindPartition'
      ? 'No partition of the table takes the row'
      : (CONSTRAINTS[state] ?? 'A constraint of the database refuses the write');
  return new MeridianError({
    code: 'CONSTRAINT_VIOLATION',
    message: `${what}${where}.`,
    details: { sqlState: state, constraint: error.constraint ?? null, table: error.table ?? null, columns },
    cause: error,
  });
}
