/**
 * Owns the errors that clients see: known errors have a code, `retryable` and details; unexpected errors are masked
 * with an id that is also in the log.
 */
import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { perSecond } from '../telemetry/log.ts';
import { boundedLabel } from '../telemetry/metrics.ts';
import { type Options } from '../config/options.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { traceFields } from '../telemetry/trace.ts';

export type FormatError = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

const UNEXPECTED = 'INTERNAL_SERVER_ERROR';
/** Custom resolvers may use any text as code: the metric keeps this many codes and counts the rest as `other`. */
const MAX_CODES = 100;
const MAX_QUEUES = 50;
/** Errors not caused by the client. They are logged with their cause, which the client does not see. */
const FOR_OPERATORS: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'DATABASE_ERROR',
  'DATABASE_NOT_READY',
  'AUTHENTICATION_UNAVAILABLE',
  'WRITE_OUTCOME_UNKNOWN',
  'NULL_VALUE',
]);

/**
 * Details that are removed for clients, since they reveal how rows are stored, which the published schema does not show
 * either.
 */
const STORAGE: ReadonlySet<string> = new Set(['table', 'constraint', 'refused', 'raised']);

/** Explains an error of GraphQL execution in terms of the schema; null where it has nothing to add. */
export type ExplainError = (error: Error, path: readonly (string | number)[] | undefined) => MeridianError | null;

/** Makes Apollo's `formatError`; it also counts and logs, since every error of an answer passes here exactly once. */
export function errorFormatter(
  telemetry: Telemetry,
  { maxErrorLogs, maxQueryTokens }: Pick<Options, 'maxErrorLogs' | 'maxQueryTokens'>,
  explain: ExplainError = () => null,
): FormatError {
  const { log, metrics } = telemetry;
  const codeLabel = boundedLabel(MAX_CODES);
  const queueLabel = boundedLabel(MAX_QUEUES);
  const mayLog = perSecond(maxErrorLogs);
  return (formatted, error) => {
    const original = innermost(error, Error);
    const explained =
      original === null || original instanceof MeridianError ? original : explain(original, formatted.path);
    const known = explained ?? tooManyTokens(formatted, maxQueryTokens);
    const given = formatted.extensions?.['code'];
    const code: string = known?.code ?? (typeof given === 'string' ? given : UNEXPECTED);
    metrics.errors.inc({ code: codeLabel(code) });
    if (known) {
      if (code.startsWith('CONSISTENCY_TOKEN_')) metrics.tokenErrors.inc({ code });
      const { what } = known.details;
      if (code === 'OVERLOADED')
        metrics.overloaded.inc({ what: queueLabel(typeof what === 'string' ? what : 'unnamed') });
      if (FOR_OPERATORS.has(code) && mayLog(code))
        log.error({ err: known, path: formatted.path, ...traceFields() }, known.message);
      else log.debug({ code, details: known.details, path: formatted.path, ...traceFields() }, known.message);
      const details = Object.fromEntries(Object.entries(known.details).filter(([name]) => !STORAGE.has(name)));
      return answer(formatted, known.message, {
        code,
        retryable: known.retryable,
        ...(Object.keys(details).length > 0 ? { details } : {}),
      });
    }
    if (code !== UNEXPECTED || original === null || original instanceof GraphQLError) return formatted;
    const errorId = randomUUID();
    log.error({ err: original, errorId, path: formatted.path, ...traceFields() }, 'unexpected error');
    return answer(formatted, `Something went wrong on the server; its log has more under ${errorId}.`, {
      code,
      errorId,
    });
  };
}

/**
 * Converts an error thrown while the context was built into a GraphQL error with status 200, since gateways drop the
 * error code of any other status. Apollo would use 500.
 */
export function contextError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError && error.extensions['http'] !== undefined) return error;
  const message = error instanceof Error ? error.message : String(error);
  const extensions = error instanceof GraphQLError ? error.extensions : {};
  return new GraphQLError(message, {
    originalError: error instanceof Error ? error : new Error(message),
    extensions: { ...extensions, http: { status: 200 } },
  });
}

/**
 * Translates the parser's error for a document that is too long, which has no code of its own and does not name the
 * option.
 */
function tooManyTokens({ message, extensions }: GraphQLFormattedError, limit: number): MeridianError | null {
  if (
    extensions?.['code'] !== 'GRAPHQL_PARSE_FAILED' ||
    !message.includes(`Document contains more that ${limit} tokens`)
  )
    return null;
  const what = `The document has more than ${limit} lexical tokens, which is the limit`;
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `${what}; send values as variables, split the operation, or raise maxQueryTokens.`,
  });
}

function answer(
  formatted: GraphQLFormattedError,
  message: string,
  extensions: Record<string, unknown>,
): GraphQLFormattedError {
  return {
    message,
    ...(formatted.locations ? { locations: formatted.locations } : {}),
    ...(formatted.path ? { path: formatted.path } : {}),
    extensions,
  };
}

/** GraphQL may wrap the error of a resolver several times. Returns the innermost error if it is of the given class. */
function innermost<E extends Error>(error: unknown, type: abstract new (...args: never[]) => E): E | null {
  let current: unknown = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return current instanceof type ? current : null;
}
