/** Owns the way from a driver's error to Meridian's: which code, which sentence, and never SQL or a parameter's value. */
import { isMeridianError, MeridianError, type ErrorCode } from '../base/errors.ts';
import { raisedReason } from '../write/refusal.ts';

/** What the server says of an error, as far as it may be passed on. */
interface ServerError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly schema?: string;
  readonly column?: string;
  readonly detail?: string;
  readonly where?: string;
}

export interface ErrorPlace {
  readonly region: string;
}

/** Errors of the server itself going away, restarting or refusing connections: another server may answer. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '08000', '08001', '08003', '08004', '08006', '08P01']);
const CONNECT = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|ENOENT)/;
const LOST = /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|Query read timeout|timeout exceeded when trying to connect|There was an error establishing an SSL connection)/;

export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, severity } = error as ServerError;
  return typeof code === 'string' && severity !== undefined ? code : null;
}

/** Whether the connection, not the statement, failed. */
export function isConnectionFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== null) return UNAVAILABLE.has(state);
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
 * What the server says of where it stood while it waited for a row: `while locking tuple (0,1) in relation "tasks"`. The row's place is the same
 * in every language of its messages; within quotes stands SQL, which is somebody else's.
 */
const AT_ROW = /^[^"\n]*\(\d+,\d+\)/;

/** Ended by its time limit while another transaction had the row. */
function isLockedOut({ code, where }: ServerError): boolean {
  return code === '55P03' || (code === '57014' && where !== undefined && AT_ROW.test(where));
}

/** A replica cancelled the statement, or ended the connection, so that replay can go on. */
function isRecoveryConflict(error: ServerError): boolean {
  return (error.code === '40001' || error.code === '57014' || error.code === '57P01' || error.code === '40P01') && /conflict with recovery/.test(error.message);
}

/** Turns anything that the driver threw into a `MeridianError`; one that is one already passes. */
export function toMeridianError(error: unknown, { region }: ErrorPlace): MeridianError {
  if (isMeridianError(error)) return error;
  const state = sqlStateOf(error);
  if (state !== null && isRecoveryConflict(error as ServerError)) {
    return make('TRANSACTION_CONFLICT', `The replica of region ${region} cancelled the statement so that replay could go on; try again.`, { region, recoveryConflict: true }, error);
  }
  if (isConnectionFailure(error)) return make('REGION_UNAVAILABLE', `The database of region ${region} cannot be reached; try again shortly.`, { region }, error);
  if (state === null) return make('DATABASE_ERROR', `The database of region ${region} could not be asked.`, { region }, error);
  return fromState(state, error as ServerError, region);
}

function fromState(state: string, error: ServerError, region: string): MeridianError {
  const facts = { region, sqlState: state };
  if (state.startsWith('23')) return constraint(state, error);
  const refused = raisedReason(state, error.message);
  if (refused !== null) return make('CONSTRAINT_VIOLATION', 'A condition of the write does not hold; nothing was written.', { refused }, error);
  if (state === '40001' || state === '40P01') return make('TRANSACTION_CONFLICT', 'The transaction was in conflict with another one that ran at the same time; try again.', facts, error);
  const missing = state === '42P01' ? /\bmeridian\.[a-z_]+/.exec(error.message)?.[0] : undefined;
  if (missing !== undefined) return make('DATABASE_NOT_READY', `The database has no table ${missing}, in which writing keeps its books; run \`meridian setup\`.`, facts, error);
  if (isLockedOut(error)) return make('TRANSACTION_CONFLICT', 'A row is locked by another transaction; try again.', facts, error);
  if (state === '57014') return make('DATABASE_ERROR', `A statement in region ${region} ran longer than its time limit and was cancelled; raise statementMs or ask for less.`, { ...facts, timeout: true }, error);
  if (state === '42501') return make('FORBIDDEN', 'The database refuses this to the role that Meridian uses; grant it, or run `meridian check`.', facts, error);
  if (state === '53300') return make('OVERLOADED', `The database of region ${region} has no connection left; raise its max_connections or lower poolSize.`, facts, error);
  if (state === '25006') return make('DATABASE_ERROR', 'A statement that only may read tried to write; use a transaction for it.', facts, error);
  if (NOT_TEXT.has(state)) return make('BAD_USER_INPUT', 'A text holds a character that the database\'s encoding does not have.', facts, error);
  if (state.startsWith('22')) return make('BAD_USER_INPUT', 'A value does not fit its column\'s type: it is out of range or written in another form.', facts, error);
  return make('DATABASE_ERROR', `A statement failed in region ${region} with SQLSTATE ${state}.`, facts, error);
}

/** A text could not be converted to the database's encoding, or from it: `untranslatable_character`, `character_not_in_repertoire`. */
export const NOT_TEXT: ReadonlySet<string> = new Set(['22P05', '22021']);

const CONSTRAINTS: Readonly<Record<string, string>> = {
  23502: 'A required value is missing',
  23503: 'The row refers to one that does not exist, or is referred to by another',
  23505: 'A row with this key exists already',
  23514: 'A value breaks a rule of the table',
  '23P01': 'The row overlaps with another one',
};

/** `Key (email)=(a@b.c) already exists.` names columns and values; only the columns may go out. */
const KEY = /^Key \(([^=]*)\)=\(/;

function constraint(state: string, error: ServerError): MeridianError {
  const named = error.detail === undefined ? null : KEY.exec(error.detail);
  const columns = named?.[1] !== undefined ? named[1].split(', ').map((name) => name.replace(/^"(.*)"$/, '$1')) : error.column !== undefined ? [error.column] : [];
  // The sentence goes to clients: which of their values it is about, and not how they are stored. The details are for code here.
  const where = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  return make('CONSTRAINT_VIOLATION', `${CONSTRAINTS[state] ?? 'A constraint of the database refuses the write'}${where}.`, { sqlState: state, constraint: error.constraint ?? null, table: error.table ?? null, columns }, error);
}

function make(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>>, cause: unknown): MeridianError {
  return new MeridianError({ code, message, details, cause });
}
