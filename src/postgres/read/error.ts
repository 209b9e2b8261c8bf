/**
 * Owns what the server's errors say, and who raised them. They are told apart by SQLSTATE and by the place in the
 * server's source that they name, never by their words, which are in the language of `lc_messages`.
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
  /** Where in the statement, counted in characters; of what is wrong with the statement itself. */
  readonly position?: string;
  /** Of the server's source; a pooler's own errors have neither. */
  readonly file?: string;
  readonly routine?: string;
}

export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, severity } = error as ServerError;
  return typeof code === 'string' && severity !== undefined ? code : null;
}

/** RAISE and ASSERT of PL/pgSQL: their message, detail and hint are the words of whoever wrote the function. */
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
 * A code that somebody has made up for a rule of their own: `AB123`, `PT402`; or one that PL/pgSQL keeps for such
 * rules.
 */
export function isOwnState(state: string): boolean {
  return state.startsWith('P0') || !CLASSES.has(state.slice(0, 2));
}

/**
 * Where procedural languages raise what functions ask for, and where the server reports on servers that it asked
 * itself.
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
/** Where the server speaks of itself and of this connection. */
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

/**
 * Whether the error tells of the server and of this connection, rather than of what a function or another server came
 * to.
 */
export function isOfServer({ file, where }: ServerError): boolean {
  if (file === undefined || OWN.has(file)) return true;
  return where === undefined && !ELSEWHERE.has(file);
}

/**
 * `unnamed portal parameter $1 = '…'`: the outermost place is a parameter, whatever the language; else it is a
 * function.
 */
const PARAMETER = /\$\d/;

/**
 * Whether it came from within a function, a trigger's for example, and not from what a statement does with its values
 * itself.
 */
export function isWithinFunction({ where }: ServerError): boolean {
  const outermost = where?.trimEnd().split('\n').at(-1);
  return outermost !== undefined && outermost !== '' && !PARAMETER.test(outermost);
}

/** Where an expression of a function finds that a value has another type than when the session prepared it. */
const OF_ANOTHER_TYPE = /^(plpgsql_param_eval_\w+|ExecEvalParamExtern)$/;

/**
 * A function, a trigger's for example, that the session has prepared for columns whose type has changed since; or one
 * that takes values of several types in any session, which this cannot tell.
 */
export function isStaleFunction(error: unknown): boolean {
  return sqlStateOf(error) === '42804' && OF_ANOTHER_TYPE.test((error as ServerError).routine ?? '');
}

/**
 * A plan that was prepared before a column's type or the columns of `*` changed, here or in a function; or a prepared
 * statement that the server has not kept.
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

/** A replica cancelled the statement, or ended the connection, so that replay can go on. */
export function isRecoveryConflict({ code, routine = '' }: ServerError): boolean {
  // Where 15 looks for interrupts it gives this code for nothing else.
  return (
    (code === '40001' && routine === 'ProcessInterrupts') ||
    ((code === '40001' || code === '40P01') && CONFLICTS.has(routine))
  );
}
