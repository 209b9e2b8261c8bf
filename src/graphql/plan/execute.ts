/** Owns carrying an operation out by its plan; where that comes to nothing, execution begins anew and says why. */
import { HeaderMap, type GraphQLRequestContext, type GraphQLResponse } from '@apollo/server';
import { getVariableValues, OperationTypeNode } from 'graphql';
import { type RequestContext } from '../context.ts';
import { dataNow } from './now.ts';
import { type Plans } from './plans.ts';
import { Run } from './run.ts';

type Request = GraphQLRequestContext<RequestContext>;

/** Null for an operation that execution has to carry out: none of it has a plan, or the plan has come to nothing. */
export async function respondByPlan(plans: Plans, request: Request): Promise<GraphQLResponse | null> {
  const { schema, document, operation, contextValue } = request;
  if (!document || operation?.operation !== OperationTypeNode.QUERY || !contextValue.started || isWatched(request))
    return null;
  const { coerced: variables } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    request.request.variables ?? {},
  );
  // What is wrong with them, execution says.
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
    // Nobody hears the answer, and to read everything once more would be for nobody.
    if (contextValue.signal?.aborted)
      return answer({ errors: [{ message: 'The client has left.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
    // Execution finds the error again, and says it where it belongs.
    trial.failed();
    plans.ended('repeated');
    return null;
  }
}

/**
 * Whether somebody wants to be told of each field: a gateway that asks for traces, or whoever reads the schema's hints
 * for HTTP caches.
 */
function isWatched({ schema, metrics }: Request): boolean {
  return metrics.captureTraces === true || Boolean(schema.getDirective('cacheControl'));
}

function answer(singleResult: Extract<GraphQLResponse['body'], { kind: 'single' }>['singleResult']): GraphQLResponse {
  return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } };
}
