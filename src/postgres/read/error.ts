/**
 * Owns the classification of the server's errors. Errors are distinguished by SQLSTATE and by the source file and
 * routine that they name, never by their message, which depends on `lc_messages`.
 */
export interface ServerError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly schema?: string;
  readonly column?: string;
  readonly dataType?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly where?: string;
  /** Position in the statement, in characters; only for errors in the statement itself. */
  readonly position?: string;
  /** Location in the server's source; errors of a pooler have none. */
  readonly file?: string;
  readonly routine?: string;
}

export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, severity } = error as ServerError;
  return typeof code === 'string' && severity !== undefined ? code : null;
}

/** RAISE and ASSERT of PL/pgSQL: message, detail and hint were written by the author of the function. */
const RAISING: ReadonlySet<string> = new Set(['exec_stmt_raise', 'exec_stmt_assert']);

export function isRaised({ routine }: ServerError): boolean {
  return routine !== undefined && RAISING.has(routine);
}

/** Classes of PostgreSQL's own conditions (appendix A of its manual). */
const CLASSES: ReadonlySet<string> = new Set([
  '00',
  '01',
  '02',
  '03',
  '08',
  '09',
  '0A',
  '0B',
  '0F',
  '0L',
  '0P',
  '0Z',
  '10',
  '20',
  '21',
  '22',
  '23',
  '24',
  '25',
  '26',
  '27',
  '28',
  '2B',
  '2D',
  '2F',
  '34',
  '38',
  '39',
  '3B',
  '3D',
  '3F',
  '40',
  '42',
  '44',
  '53',
  '54',
  '55',
  '57',
  '58',
  '72',
  'F0',
  'HV',
  'P0',
  'XX',
]);

/**
 * Whether the SQLSTATE is one that an application defined (`AB123`, `PT402`), or one of the class that PL/pgSQL uses
 * for RAISE.
 */
export function isOwnState(state: string): boolean {
  return state.startsWith('P0') || !CLASSES.has(state.slice(0, 2));
}

/**
 * Source files of procedural languages, which raise errors for functions, and of postgres_fdw and dblink, which report
 * errors of other servers.
 */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'pl_exec.c',
  'plpy_elog.c',
  'plpy_plpymodule.c',
  'plperl.c',
  'pltcl.c',
  'connection.c',
  'postgres_fdw.c',
  'dblink.c',
]);
/** Source files whose errors concern the server itself and this connection. */
const OWN: ReadonlySet<string> = new Set([
  'postgres.c',
  'postmaster.c',
  'backend_startup.c',
  'launch_backend.c',
  'auth.c',
  'postinit.c',
  'miscinit.c',
  'pqcomm.c',
  'pqformat.c',
  'proc.c',
  'xact.c',
  'standby.c',
]);

/** Whether the error concerns the server and this connection, rather than a function or another server. */
export function isOfServer({ file, where }: ServerError): boolean {
  if (file === undefined || OWN.has(file)) return true;
  return where === undefined && !ELSEWHERE.has(file);
}

/**
 * `unnamed portal parameter $1 = '…'`: the outermost context is a parameter, in any language. Any other outermost
 * context is a function.
 */
const PARAMETER = /\$\d/;

/**
 * Whether the error was raised within a function, for example a trigger's, and not by the statement's own handling of
 * its values.
 */
export function isWithinFunction({ where }: ServerError): boolean {
  const outermost = where?.trimEnd().split('\n').at(-1);
  return outermost !== undefined && outermost !== '' && !PARAMETER.test(outermost);
}

/** Routines that report that a value has another type than when the session planned the function's expression. */
const OF_ANOTHER_TYPE = /^(plpgsql_param_eval_\w+|ExecEvalParamExtern)$/;

/**
 * Whether a function, for example a trigger's, was planned by the session for columns whose type has changed since. A
 * function that takes values of several types in any session raises the same error, and cannot be distinguished here.
 */
export function isStaleFunction(error: unknown): boolean {
  return sqlStateOf(error) === '42804' && OF_ANOTHER_TYPE.test((error as ServerError).routine ?? '');
}

/**
 * Whether a plan was prepared before a column's type or the columns of `*` changed, in the statement or in a function;
 * or whether the server does not have the prepared statement.
 */
export function isStalePlan(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === '0A000' && (error as ServerError).routine === 'RevalidateCachedQuery') return true;
  return (state === '26000' && !isRaised(error as ServerError)) || isStaleFunction(error);
}

const CONFLICTS: ReadonlySet<string> = new Set([
  'ProcessRecoveryConflictInterrupt',
  'ProcessRecoveryConflictInterrupts',
  'CheckRecoveryConflictDeadlock',
]);

/** A replica cancelled the statement, or ended the connection, because it conflicts with replay. */
export function isRecoveryConflict({ code, routine = '' }: ServerError): boolean {
  // In PostgreSQL 15, ProcessInterrupts raises this SQLSTATE for recovery conflicts only.
  return (
    (code === '40001' && routine === 'ProcessInterrupts') ||
    ((code === '40001' || code === '40P01') && CONFLICTS.has(routine))
  );
}
