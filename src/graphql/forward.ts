/**
 * Owns how a mutation leaves GraphQL for another region's server and how that server's answer comes back as if it were
 * this one's.
 */
import { HeaderMap, type GraphQLRequestContext, type GraphQLResponse } from '@apollo/server';
import { OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { type ErrorCode } from '../base/errors.ts';
import { type ForwardedAnswer } from '../protocol/envelope.ts';
import { forwardUnconfirmed } from '../write/forward.ts';
import { type Forwarding } from '../write/forwarding.ts';
import { type RequestContext } from './context.ts';

/**
 * Decides where a mutation runs, and sends it there if that is another region, with its variables as the client sent
 * them; a mutation that was sent here goes no further.
 */
export async function takeMutation(
  forwarding: Pick<Forwarding, 'take'>,
  { contextValue, operation, request, source }: GraphQLRequestContext<RequestContext>,
  variables: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (operation?.operation !== OperationTypeNode.MUTATION || source === undefined) return;
  // Made when it is asked for, which queries do not.
  const { carried, viewer } = contextValue;
  if (carried === null) return;
  const extensions = { ...request.extensions };
  // The other server need not have met the operation's hash: its text goes along.
  delete extensions['persistedQuery'];
  contextValue.taken = await forwarding.take({
    query: source,
    operationName: request.operationName ?? null,
    variables,
    extensions,
    viewer,
    headers: carried,
  });
}

/** Errors in it were formatted where they happened, and are not again. */
export function responseOf({ status, body }: ForwardedAnswer): GraphQLResponse {
  return { http: { status, headers: new HeaderMap() }, body: { kind: 'single', singleResult: body } };
}

/** `writes` in `extensions.consistency`: where the mutation ran, seen from the server that the client has asked. */
export function writesOf(request: RequestContext): { readonly writes?: 'local' | 'forwarded' | 'direct' } {
  if (request.taken !== null) return { writes: request.taken.way };
  return request.operation.edge.isMutation && request.carried === null ? { writes: 'forwarded' } : {};
}

/**
 * Errors that say no more than that this try came to nothing, which is not enough where an earlier one may have come to
 * something, or may still: they are not kept as outcomes, so that it would not meet them.
 */
const SAYING_NOTHING: ReadonlySet<unknown> = new Set<ErrorCode>([
  'PRIMARY_UNAVAILABLE',
  'REGION_UNAVAILABLE',
  'OVERLOADED',
  'WRITE_OUTCOME_UNKNOWN',
  'TRANSACTION_CONFLICT',
  'DATABASE_ERROR',
  'DURABILITY_UNAVAILABLE',
]);

export function unconfirmedErrors(
  errors: readonly GraphQLFormattedError[],
  region: string,
): readonly GraphQLFormattedError[] {
  return errors.map((error) => {
    if (!SAYING_NOTHING.has(error.extensions?.['code'])) return error;
    const { message, code, retryable, details } = forwardUnconfirmed(
      region,
      'its answer did not come, and the primary could not be asked otherwise',
    );
    return { ...error, message, extensions: { code, retryable, details } };
  });
}
