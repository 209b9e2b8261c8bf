/** Owns sending a mutation to another region's server and returning that server's answer as this server's own. */
import { HeaderMap, type GraphQLRequestContext, type GraphQLResponse } from '@apollo/server';
import { OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { type ErrorCode } from '../base/errors.ts';
import { type ForwardedAnswer } from '../forwarding/envelope.ts';
import { forwardUnconfirmed } from '../forwarding/decision.ts';
import { type Forwarding } from '../forwarding/forwarding.ts';
import { type RequestContext } from './context.ts';

/**
 * Decides where a mutation runs, and sends it there if that is another region, with the variables as the client sent
 * them; a mutation that was forwarded here is not forwarded again.
 */
export async function takeMutation(
  forwarding: Pick<Forwarding, 'take'>,
  { contextValue, operation, request, source }: GraphQLRequestContext<RequestContext>,
  variables: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (operation?.operation !== OperationTypeNode.MUTATION || source === undefined) return;
  // Created when asked for, which queries do not do.
  const { carried, viewer } = contextValue;
  if (carried === null) return;
  const extensions = { ...request.extensions };
  // The other server may not know the operation's hash, so the text is sent.
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

/** Its errors were formatted by the server that executed it, and are not formatted again. */
export function responseOf({ status, body }: ForwardedAnswer): GraphQLResponse {
  return { http: { status, headers: new HeaderMap() }, body: { kind: 'single', singleResult: body } };
}

/** `writes` in `extensions.consistency`: where the mutation ran, as seen from the server that the client asked. */
export function writesOf(request: RequestContext): { readonly writes?: 'local' | 'forwarded' | 'direct' } {
  if (request.taken !== null) return { writes: request.taken.way };
  return request.operation.edge.isMutation && request.carried === null ? { writes: 'forwarded' } : {};
}

/**
 * Errors that only say that this attempt had no effect. An earlier attempt may have had one, or may still, so these
 * errors are not stored as outcomes, which it would find.
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
