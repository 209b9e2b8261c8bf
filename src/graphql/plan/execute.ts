/**
 * Owns the execution of an operation by its plan. If the plan fails, graphql-js executes the operation and reports the
 * error.
 */
import { HeaderMap, type GraphQLRequestContext, type GraphQLResponse } from '@apollo/server';
import { getVariableValues, OperationTypeNode } from 'graphql';
import { type RequestContext } from '../context.ts';
import { dataNow } from './now.ts';
import { type Plans } from './plans.ts';
import { Run } from './run.ts';

type Request = GraphQLRequestContext<RequestContext>;

/** Null for an operation that graphql-js must execute: it has no plan, or the plan has failed. */
export async function respondByPlan(plans: Plans, request: Request): Promise<GraphQLResponse | null> {
  const { schema, document, operation, contextValue } = request;
  if (!document || operation?.operation !== OperationTypeNode.QUERY || !contextValue.started || isWatched(request))
    return null;
  const { coerced: variables } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    request.request.variables ?? {},
  );
  // Execution reports errors of the variables.
  const kept = variables && plans.of({ schema, document, operation, variables });
  const trial = kept?.plan && kept.trials.begin();
  if (!variables || !kept?.plan || !trial) return null;
  try {
    const { operation: run } = contextValue;
    const now = dataNow({ kept, schema, operation: run, variables });
    const data = now ?? (await new Run({ plan: kept.plan, schema, loaders: run.root.loaders, variables }).data());
    trial.succeeded();
    plans.ended(now === null ? 'answered' : 'cached');
    return answer({ data });
  } catch {
    // The client has disconnected, so nothing is read again.
    if (contextValue.signal?.aborted)
      return answer({ errors: [{ message: 'The client has left.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
    // Execution finds the error again and reports it at its path.
    trial.failed();
    plans.ended('repeated');
    return null;
  }
}

/** Whether each field must be observed: a gateway requests traces, or the schema has cache hints for HTTP caches. */
function isWatched({ schema, metrics }: Request): boolean {
  return metrics.captureTraces === true || Boolean(schema.getDirective('cacheControl'));
}

function answer(singleResult: Extract<GraphQLResponse['body'], { kind: 'single' }>['singleResult']): GraphQLResponse {
  return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } };
}
