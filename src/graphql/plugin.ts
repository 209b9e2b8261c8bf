/**
 * Owns Meridian's Apollo plugin: it decides level and floor before execution and adds the token to the answer after it.
 */
import {
  type ApolloServerPlugin,
  type GraphQLRequestContext,
  type GraphQLRequestContextWillSendResponse,
  type GraphQLRequestListener,
} from '@apollo/server';
import { GraphQLError, OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { readLevel } from '../consistency/level-text.ts';
import { type ConsistencyLevel } from '../consistency/requirement.ts';
import { strongestLevel } from '../consistency/strength.ts';
import { type ConsistencyToken, type TokenCodec } from '../consistency/token.ts';
import { joinedHeader, type RefusedToken, type TokenCookies } from '../consistency/token-cookies.ts';
import { type Model } from '../model/model.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { type UncachedNotes } from '../read/custom/read.ts';
import { type ReadSession } from '../read/session/engine.ts';
import { type LoaderLimits } from '../read/loaders/preparations.ts';
import { settingsKey, type CacheScope, type LoaderCaching } from '../read/loaders/through-cache.ts';
import { type Setting } from '../read/ports.ts';
import { Tenancy } from '../read/sql/tenant.ts';
import { type Forwarding } from '../forwarding/forwarding.ts';
import { type IdempotencyVerdict } from '../write/idempotency/outcomes.ts';
import { consistencyOf } from './answers/consistency-extension.ts';
import { type AnswerCollector } from './answers/collector.ts';
import { bytesOfData, type OperationCache } from './answers/operation-cache.ts';
import { type PlannedAnswers } from './answers/planned.ts';
import { type AskedHeaders, type RequestContext } from './context.ts';
import { limitCost, type CostLimits } from './cost.ts';
import { decideAtEdge, levelAfterWrite } from './edge.ts';
import { responseOf, takeMutation, unconfirmedErrors, writesOf } from './forwarded-mutation.ts';
import { idempotentRequestOf, type IdempotencyLimits } from './idempotent.ts';
import { Operation } from './operation.ts';
import { respondByPlan } from './plan/execute.ts';
import { type Plans } from './plan/plans.ts';
import { fittedVariables } from './variables.ts';

const NEEDS_STREAM =
  'A subscription is answered again and again: send it over WebSocket (graphql-transport-ws), or by POST with the header accept: text/event-stream.';
const REFUSALS: readonly RefusedToken[] = ['CONSISTENCY_LOST', 'CONSISTENCY_TOKEN_FUTURE'];

export interface PluginDeps {
  readonly model: Model;
  readonly limits: LoaderLimits & CostLimits & IdempotencyLimits;
  readonly codec: TokenCodec;
  readonly region: string;
  readonly boundedLagMs: number;
  /** Called with custom reads that are not cached; null if nobody wants to know. */
  readonly notes: UncachedNotes | null;
  /** Called with the outcome of each transaction of a request with an idempotency key. */
  readonly onVerdict?: (verdict: IdempotencyVerdict) => void;
  /** Plans of the operations that need no resolver; null where graphql-js executes all of them. */
  readonly plans: Plans | null;
  /** The region's cache for one viewer; null if nothing is cached. */
  cachingFor(scope: CacheScope): LoaderCaching | null;
  /** Keeps answers of whole operations; null if none are kept. */
  readonly answers: Pick<OperationCache, 'begin' | 'keep'> | null;
  /** Knows what would change the answer of an operation; null if nothing is cached. */
  readonly collector: AnswerCollector | null;
  /** Told of documents that a plan has carried out; null where nobody wants to know. */
  readonly planned: Pick<PlannedAnswers, 'learn'> | null;
  /** Decides where mutations run. */
  readonly forwarding: Pick<Forwarding, 'take'>;
  /** Starts the reads of one operation with these headers. */
  openSession(
    asked: Pick<AskedHeaders, 'token' | 'floor'>,
    settings: readonly Setting[],
    signal: AbortSignal | undefined,
  ): ReadSession;
}

export function meridianPlugin(deps: PluginDeps): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart(): Promise<GraphQLRequestListener<RequestContext>> {
      return {
        async didResolveOperation(request) {
          const sent = request.request.variables ?? {};
          begin(deps, request, sent);
          // Done in this hook, where a failure becomes an answer; in the next hook it would be an internal error of the
          // server.
          await takeMutation(deps.forwarding, request, sent).catch((error: unknown) => rethrow(error));
        },
        async responseForOperation(request) {
          const { taken } = request.contextValue;
          if (taken?.way === 'forwarded') return responseOf(taken.answer);
          const response = deps.plans === null ? null : await respondByPlan(deps.plans, request);
          if (response !== null && request.source !== undefined && request.document)
            deps.planned?.learn(request.source, request.document);
          return response;
        },
        async willSendResponse(request) {
          if (request.contextValue.started) await finish(deps, request);
          tellCookies(deps, request);
        },
      };
    },
  };
}

/**
 * `sent`: the variables as the client sent them, to which an idempotency key belongs. Execution gets the coerced ones.
 */
function begin(deps: PluginDeps, request: GraphQLRequestContext<RequestContext>, sent: Record<string, unknown>): void {
  const { contextValue, document, operation, schema } = request;
  if (!document || !operation) return;
  // Execution would report this too, but as its own error.
  if (!schema.getRootType(operation.operation))
    throw new GraphQLError(`This graph serves no ${operation.operation}s.`, {
      nodes: [operation],
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 200 } },
    });
  if (operation.operation === OperationTypeNode.SUBSCRIPTION && contextValue.watched === null)
    throw new GraphQLError(NEEDS_STREAM, {
      nodes: [operation],
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 200 } },
    });
  const headers = contextValue.asked;
  const asked = answering(() => readLevel(headers.level));
  const token = answering(() => withCookies(headers.token, contextValue.cookies));
  const session = answering(() =>
    deps.openSession({ token, floor: headers.floor }, contextValue.settings, contextValue.signal),
  );
  const variables = answering(() => fittedVariables(schema, operation, sent), 400);
  request.request.variables = variables;
  answering(() => limitCost({ schema, model: deps.model, document, operation, variables, limits: deps.limits }));
  const edge = answering(() =>
    decideAtEdge({
      schema,
      document,
      operation,
      variables,
      headerPresent: headers.token !== undefined,
      asked,
      floor: session.floor,
      hasToken: session.hasToken,
      defaultMaxLagMs: deps.boundedLagMs,
    }),
  );
  // Browsers and proxies keep answers only to GET. They do not know about viewers, tokens or levels.
  const isForAll =
    contextValue.viewer === null && token === undefined && headers.floor === undefined && !edge.wantsExtensions;
  if (request.request.http?.method === 'GET' && !isForAll)
    request.response.http.headers.set('cache-control', 'no-store');
  const { source = '', operationName } = request;
  const idempotency = answering(() =>
    idempotentRequestOf({
      schema,
      document,
      operation,
      source,
      operationName: operationName ?? null,
      sent,
      variables,
      contextValue,
      limits: deps.limits,
      ...(deps.onVerdict ? { onVerdict: deps.onVerdict } : {}),
    }),
  );
  // A client that sends a text with its hash has been told that the hash is unknown; the hash is stored only where the
  // text is executed.
  if (deps.answers !== null && contextValue.answerName !== null && request.metrics.persistedQueryRegister !== true)
    deps.answers.begin(contextValue.answerName, { document, operation, session });
  const { collector } = deps;
  if (contextValue.watched !== null && collector?.mayCollect({ document, operation })) collector.collect({ session });
  const tenancy = Tenancy.of(contextValue.viewer?.tenant ?? null);
  const caching = deps.cachingFor({ tenancy, settingsKey: settingsKey(contextValue.settings) });
  contextValue.begin(
    new Operation({
      model: deps.model,
      limits: deps.limits,
      tenancy,
      session,
      edge,
      caching,
      notes: deps.notes,
      idempotency,
    }),
  );
}

/**
 * Gateways drop the error code of any answer but 200, so errors of a well-formed request are reported as GraphQL errors
 * with status 200.
 */
function answering<T>(work: () => T, status = 200): T {
  try {
    return work();
  } catch (error) {
    return rethrow(error, status);
  }
}

/**
 * `status`: 400 becomes 200 in the server's other plugin if the client's media type requires it, as for GraphQL's own
 * errors.
 */
function rethrow(error: unknown, status = 200): never {
  if (!isMeridianError(error)) throw error;
  throw new GraphQLError(error.message, { originalError: error, extensions: { code: error.code, http: { status } } });
}

/** The token is created when every read is done: it covers everything that the answer shows (R6). */
async function finish(deps: PluginDeps, request: GraphQLRequestContextWillSendResponse<RequestContext>): Promise<void> {
  const { operation, taken } = request.contextValue;
  await operation.session.close();
  // The other server has done the reads and writes: token and extensions are that server's.
  if (taken?.way === 'forwarded') {
    if (taken.answer.token !== null) request.response.http.headers.set(TOKEN_HEADER, taken.answer.token);
    return;
  }
  const report = operation.session.report();
  const { watched } = request.contextValue;
  if (watched !== null) {
    watched.positions = report.positions;
    watched.dependencies = operation.session.dependencies();
  }
  const token: ConsistencyToken | null = deps.codec.encode(report.positions);
  if (token !== null) request.response.http.headers.set(TOKEN_HEADER, token);
  const { body } = request.response;
  keepAnswer(deps, request);
  if (taken?.uncertain && body.kind === 'single' && body.singleResult.errors)
    body.singleResult.errors = unconfirmedErrors(body.singleResult.errors, taken.uncertain);
  if (!operation.edge.wantsExtensions || body.kind !== 'single') return;
  body.singleResult.extensions = {
    ...body.singleResult.extensions,
    consistency: {
      ...consistencyOf({ token, level: reportedLevel(operation), region: deps.region, report }),
      ...(operation.idempotency?.replayed === true ? { replayed: true } : {}),
      ...writesOf(request.contextValue),
    },
  };
}

/** An answer with errors is not kept: a failure may be temporary. */
function keepAnswer(
  { answers }: PluginDeps,
  {
    contextValue: { answerName, operation },
    response: { body, http },
  }: GraphQLRequestContextWillSendResponse<RequestContext>,
): void {
  // Another plugin has set by now how long others may keep the answer.
  const cacheControl = http.headers.get('cache-control');
  if (answers === null || answerName === null || cacheControl === undefined || body.kind !== 'single') return;
  const { data, errors, extensions } = body.singleResult;
  if (data != null && errors === undefined && extensions === undefined)
    answers.keep(answerName, operation.session, { body: bytesOfData(data), cacheControl });
}

/** The tokens of the header and the cookies. Throws `CONSISTENCY_TOKEN_MALFORMED` if not all cookies can be read. */
function withCookies(header: string | undefined, cookies: TokenCookies | null): string | undefined {
  if (cookies === null) return header;
  if (cookies.problem !== null)
    throw new MeridianError({
      code: 'CONSISTENCY_TOKEN_MALFORMED',
      message: `The request's cookies cannot be honoured: ${cookies.problem}. They are expired with this answer: check what you see, and go on without them.`,
    });
  return joinedHeader(header, cookies.tokens);
}

/** For every answer, including those that failed before any read. */
function tellCookies(
  { codec }: PluginDeps,
  { contextValue, response }: GraphQLRequestContextWillSendResponse<RequestContext>,
): void {
  const { cookies } = contextValue;
  if (cookies === null) return;
  const errors = response.body.kind === 'single' ? (response.body.singleResult.errors ?? []) : [];
  const written = contextValue.started ? contextValue.operation.session.written : null;
  cookies.answered({
    token: response.http.headers.get(TOKEN_HEADER) ?? null,
    refused: refusedToken(errors),
    written: written === null ? null : codec.encode(new Map([[written.cluster, written]])),
  });
}

/** A write that was lost after its commit is not an error of a token. */
function refusedToken(errors: readonly GraphQLFormattedError[]): RefusedToken | null {
  const codes = errors
    .filter(({ extensions }) => (extensions?.['details'] as { committed?: unknown } | undefined)?.committed !== true)
    .map(({ extensions }) => extensions?.['code']);
  return REFUSALS.find((code) => codes.includes(code)) ?? null;
}

/**
 * The strongest level that any part of the operation asked for; after a write, the level of its reads, which see that
 * write.
 */
function reportedLevel({ edge, session }: Operation): ConsistencyLevel {
  const asked = [edge.root, ...edge.fields.values()].map(({ level }) => level);
  return strongestLevel(session.written === null ? asked : asked.map(levelAfterWrite));
}
