/** Owns the HTTP status of GraphQL answers, and their count and duration in the metrics. */
import { type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { ApolloServerPluginCacheControl } from '@apollo/server/plugin/cacheControl';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { OperationTypeNode, type GraphQLSchema } from 'graphql';
import { type Options } from '../config/options.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { prefersStrict } from './accept.ts';

/** The request was GraphQL over HTTP, but its document or variables were not right. */
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
]);

/**
 * Errors inside GraphQL answer with 200, since gateways drop the error code of any other status. What is no GraphQL request
 * at all keeps its 4xx, and clients that would rather have `application/graphql-response+json` get that media type's
 * 400 for a document that is not valid.
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
 * Who says how long browsers and proxies may keep an answer: Apollo where the schema has `@cacheControl`. Elsewhere the
 * option `cacheControl` does, of answers without errors to queries by GET, and no other answer may be kept; Apollo,
 * which wraps the resolver of every field to find that out, is not asked. What has been decided of an answer before
 * stays: it is for one viewer, or under a token.
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
  // 500 is what Apollo gives an error from a plugin that names no status: ours name none.
  if (status === 500) return true;
  return status === 400 && !strict && codes.every((code) => REQUEST_ERRORS.has(code));
}
