/** Owns the HTTP status of GraphQL answers, and their count and duration in the metrics. */
import { type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { ApolloServerPluginCacheControl } from '@apollo/server/plugin/cacheControl';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { OperationTypeNode, type GraphQLSchema } from 'graphql';
import { type Options } from '../config/options.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { prefersStrict } from './accept.ts';

/** The request was a GraphQL request, but its document or variables were invalid. */
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
]);

/**
 * GraphQL errors are answered with status 200, since gateways drop the error code of any other status. A request that
 * is not GraphQL keeps its 4xx. Clients that prefer `application/graphql-response+json` get the status 400 of that
 * media type for an invalid document.
 */
export function answerPlugin(telemetry: Telemetry): ApolloServerPlugin<BaseContext> {
  const { metrics } = telemetry;
  return {
    async requestDidStart() {
      const startedMs = performance.now();
      return {
        async willSendResponse({ operation, request, response }) {
          const type = operation?.operation ?? 'invalid';
          metrics.operations.inc({ type });
          metrics.operationSeconds.observe({ type }, (performance.now() - startedMs) / 1_000);
          if (response.body.kind !== 'single' || response.body.singleResult.errors === undefined) return;
          const codes = response.body.singleResult.errors.map((error) => error.extensions?.['code']);
          const strict = prefersStrict(request.http?.headers.get('accept'));
          if (statusHidesCode(response.http.status, codes, strict)) response.http.status = 200;
        },
      };
    },
  };
}

/**
 * The cache headers of answers. Where the schema has `@cacheControl`, Apollo sets them. Otherwise the option
 * `cacheControl` applies to answers without errors to queries by GET, and all other answers are `no-store`; Apollo's
 * plugin is disabled, because it wraps the resolver of every field. A header that has already been set, for an answer
 * to one viewer or under a token, is kept.
 */
export function cacheControl(
  schema: GraphQLSchema,
  options: Pick<Options, 'cacheControl'>,
): ApolloServerPlugin<BaseContext>[] {
  if (schema.getDirective('cacheControl')) return [ApolloServerPluginCacheControl()];
  const byOption: ApolloServerPlugin<BaseContext> = {
    async requestDidStart() {
      return {
        async willSendResponse({ request, operation, response: { http, body } }) {
          if (http.headers.has('cache-control')) return;
          const mayBeKept =
            request.http?.method === 'GET' &&
            operation?.operation === OperationTypeNode.QUERY &&
            body.kind === 'single' &&
            body.singleResult.errors === undefined;
          http.headers.set('cache-control', (mayBeKept && options.cacheControl) || 'no-store');
        },
      };
    },
  };
  return [ApolloServerPluginCacheControlDisabled(), byOption];
}

function statusHidesCode(status: number | undefined, codes: readonly unknown[], strict: boolean): boolean {
  if (codes.length === 0) return false;
  // Apollo answers an error from a plugin without a status with 500; our plugins set none.
  if (status === 500) return true;
  return status === 400 && !strict && codes.every((code) => REQUEST_ERRORS.has(code));
}
