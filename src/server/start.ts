/** Owns the server: GraphQL over HTTP with its limits, the health and metrics endpoints, and the drain at its end. */
import { type RequestListener } from 'node:http';
import { ApolloServer, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type GraphQLSchema } from 'graphql';
import { MeridianError, messageOf } from '../base/errors.ts';
import { sleep } from '../base/clock.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Options } from '../config/options.ts';
import { type TokenCookies } from '../consistency/token-cookies.ts';
import { type EarlyAnswers } from '../graphql/answers/early-answers.ts';
import { type Watched } from '../graphql/context.ts';
import { floatLiterals } from '../graphql/literals.ts';
import { type ForwardedMutation } from '../forwarding/envelope.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { arrivedWith } from './early/arrived.ts';
import { headersBeside } from './early/beside.ts';
import { earlyListener } from './early/listener.ts';
import { answerPlugin, cacheControl } from './answers.ts';
import { createApp } from './app.ts';
import { exactSearch } from './bodies.ts';
import { answerConditionally } from './conditional.ts';
import { depthLimit } from './depth.ts';
import { contextError, errorFormatter, type ExplainError } from './errors.ts';
import { registerForward, type ForwardSettings } from './forward-receiver.ts';
import { LiveOperations, type LiveRequest, type LiveServing } from './live/operations.ts';
import { LiveServer, type LiveHttpLimits } from './live/serve.ts';
import { registerHealth, type Readiness } from './health.ts';
import { GRAPHQL_METHODS, GRAPHQL_PATH } from './requests.ts';
import { createStores, textOfHash, type Stores } from './stores.ts';
import { keepToOneClient, requestCookies, type TokenCookieRules } from './token-cookies.ts';
import { joinedHeaders, type Headers, type Viewers } from './viewer.ts';

/**
 * Headers that browsers send to another origin only after a preflight request. A request with one of them cannot be a
 * CSRF attack.
 */
const PREFLIGHTED = ['apollo-require-preflight', 'x-apollo-operation-name', TOKEN_HEADER] as const;

/** One GraphQL request, from which the context is built. */
export interface IncomingRequest {
  /** Names in lower case; repeated headers joined by commas. */
  readonly headers: Headers;
  /** Null for a request without credentials. */
  readonly viewer: Viewer | null;
  /** The tokens in its cookies, and the update of those cookies; null where cookies are not used. */
  readonly cookies: TokenCookies | null;
  /** The bytes of the body as text; null where the whole answer must not be cached. */
  readonly body: string | null;
  /** Unique; log lines about the request carry it. */
  readonly id: string;
  /** Aborts when the client disconnects before it has its answer. */
  readonly signal: AbortSignal;
  /** Whether another region's server forwarded it; viewer and headers are then those that this server has verified. */
  readonly forwarded: boolean;
  /** Receives what the answer shows and depends on; null for requests. */
  readonly watched: Watched | null;
}

export type ServerOptions = Pick<
  Options,
  | 'port'
  | 'host'
  | 'drainDelayMs'
  | 'drainMs'
  | 'readyMs'
  | 'receiveMs'
  | 'keepAliveMs'
  | 'forwardMs'
  | 'maxRequestBytes'
  | 'maxRequestDepth'
  | 'maxQueryDepth'
  | 'maxQueryTokens'
  | 'documentBytes'
  | 'persistedQueryBytes'
  | 'corsOrigins'
  | 'corsCredentials'
  | 'cacheControl'
  | 'introspection'
  | 'maxErrorLogs'
  | 'operationCacheRequestBytes'
> &
  LiveHttpLimits;

export interface ServerSettings<C extends BaseContext> {
  readonly schema: GraphQLSchema;
  /** Builds the context of resolvers. An error thrown here answers the request with 200 and its code. */
  readonly context: (request: IncomingRequest) => Promise<C> | C;
  readonly plugins?: readonly ApolloServerPlugin<C>[];
  readonly viewers: Viewers;
  /** Whether requests can be answered; the server itself adds whether it is draining. */
  readonly health: { readonly ready: () => Promise<Readiness> };
  /** Cached answers of whole operations; without it every request is executed. */
  readonly answers?: Pick<EarlyAnswers, 'answer'>;
  /** Serves live queries; without it there are no subscriptions. */
  readonly live?: LiveServing;
  /** Accepts mutations that other regions' servers forward; without it there is no such endpoint. */
  readonly forward?: ForwardSettings;
  /** Explains errors of GraphQL execution; without it, such errors are masked. */
  readonly explain?: ExplainError;
  /** Reads tokens from cookies and writes them back; without it cookies are ignored. */
  readonly tokenCookies?: TokenCookieRules;
  readonly options: ServerOptions;
  readonly telemetry: Telemetry;
}

export interface RunningServer {
  /** The URL of GraphQL, as in `http://127.0.0.1:4001/graphql`. */
  readonly url: string;
  readonly port: number;
  /**
   * Drains: readiness fails, requests in flight finish within `drainMs`, then connections close. Later calls wait for
   * the first.
   */
  close(): Promise<void>;
}

/** Starts listening. Throws `CONFIG_INVALID` when the address cannot be used. */
export async function startServer<C extends BaseContext>(settings: ServerSettings<C>): Promise<RunningServer> {
  const { options, telemetry } = settings;
  const state = { draining: false };
  const stores = createStores(options);
  const apollo = createApollo(settings, stores);
  await apollo.start();
  const app = await createApp({ options, telemetry, draining: () => state.draining });
  if (settings.answers) answerEarly(app, { ...settings, answers: settings.answers, draining: () => state.draining });
  const live = settings.live && createLive(settings, settings.live, { apollo, stores, draining: () => state.draining });
  const handler = fastifyApolloHandler(apollo, {
    context: (request, reply) => buildContext(settings, request, reply),
  });
  app.route({
    method: [...GRAPHQL_METHODS],
    url: GRAPHQL_PATH,
    handler: live
      ? async function answer(request, reply) {
          return (await live.answer(request, reply)) ? reply : handler.call(app, request, reply);
        }
      : handler,
  });
  live?.listen(app);
  answerConditionally(app, {
    hasHook: settings.viewers.now({ headers: {} }) === undefined,
    readsCookies: settings.tokenCookies !== undefined,
  });
  keepToOneClient(app);
  if (settings.forward)
    registerForward(app, {
      ...settings.forward,
      apollo,
      options,
      telemetry,
      context: (mutation, id) => contextOf(settings, async () => forwardedRequest(mutation, id, options.forwardMs)),
    });
  registerHealth(app, {
    ready: settings.health.ready,
    readyMs: options.readyMs,
    draining: () => state.draining,
    telemetry,
  });
  try {
    await listen(app, options);
  } catch (error) {
    await apollo.stop();
    await app.close();
    throw error;
  }
  const port = portOf(app);
  const host = ['0.0.0.0', '::'].includes(options.host) ? 'localhost' : options.host;
  let closed: Promise<void> | null = null;
  const drain = async (): Promise<void> => {
    state.draining = true;
    telemetry.log.info('draining');
    await sleep(options.drainDelayMs);
    live?.close();
    const cut = setTimeout(() => {
      live?.terminate();
      telemetry.log.warn(
        { drainMs: options.drainMs },
        'requests did not finish within drainMs; their connections are cut',
      );
      app.server.closeAllConnections();
    }, options.drainMs);
    await app.close();
    clearTimeout(cut);
    await apollo.stop();
    telemetry.log.info('drained');
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${GRAPHQL_PATH}`,
    port,
    close: () => (closed ??= drain()),
  };
}

/**
 * Answers requests whose answer depends only on rows, viewer and tokens before Fastify. Requests with cookies or an
 * origin are excluded where these have an effect.
 */
function answerEarly<C extends BaseContext>(
  app: FastifyInstance,
  {
    viewers,
    options,
    tokenCookies,
    telemetry,
    answers,
    draining,
  }: ServerSettings<C> & Required<Pick<ServerSettings<C>, 'answers'>> & { readonly draining: () => boolean },
): void {
  const exceptWith = [...(tokenCookies ? ['cookie'] : []), ...(options.corsOrigins === '' ? [] : ['origin'])];
  const [usual] = app.server.listeners('request') as RequestListener[];
  if (usual === undefined) throw new TypeError('the server has no listener for requests');
  app.server.off('request', usual);
  app.server.on(
    'request',
    earlyListener(
      {
        answers,
        viewers,
        rules: { maxBytes: Math.min(options.operationCacheRequestBytes, options.maxRequestBytes), exceptWith },
        telemetry,
        draining,
        beside: headersBeside(options, tokenCookies ?? null),
      },
      usual,
    ),
  );
}

function createApollo<C extends BaseContext>(
  { schema, plugins, options, telemetry, explain }: ServerSettings<C>,
  stores: Stores,
): ApolloServer<C> {
  const log = telemetry.log.child({ part: 'apollo' });
  return new ApolloServer<C>({
    schema,
    plugins: [
      exactSearch(),
      ...(plugins ?? []),
      answerPlugin(telemetry),
      ...cacheControl(schema, options),
      options.introspection ? ApolloServerPluginLandingPageLocalDefault() : ApolloServerPluginLandingPageDisabled(),
    ],
    introspection: options.introspection,
    hideSchemaDetailsFromClientErrors: !options.introspection,
    validationRules: [depthLimit(options.maxQueryDepth), floatLiterals],
    parseOptions: { maxTokens: options.maxQueryTokens },
    ...stores,
    csrfPrevention: { requestHeaders: [...PREFLIGHTED] },
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    // The process handles signals in one place, which drains this server.
    stopOnTerminationSignals: false,
    formatError: errorFormatter(telemetry, options, explain),
    logger: {
      debug: (text: string) => log.debug(text),
      info: (text: string) => log.info(text),
      warn: (text: string) => log.warn(text),
      error: (text: string) => log.error(text),
    },
  });
}

async function buildContext<C extends BaseContext>(
  settings: ServerSettings<C>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<C> {
  const headers = joinedHeaders(request.headers);
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  const cookies = settings.tokenCookies ? requestCookies(settings.tokenCookies, request.headers.cookie, reply) : null;
  const arrived = arrivedWith(request.raw);
  return contextOf(settings, async () => ({
    headers,
    viewer: await (arrived?.viewer ?? settings.viewers.of({ headers })),
    cookies,
    body: arrived?.body ?? null,
    id: request.id,
    signal: left.signal,
    forwarded: false,
    watched: null,
  }));
}

function createLive<C extends BaseContext>(
  settings: ServerSettings<C>,
  serving: LiveServing,
  {
    apollo,
    stores,
    draining,
  }: { readonly apollo: ApolloServer<C>; readonly stores: Stores; readonly draining: () => boolean },
): LiveServer<C> {
  const { schema, viewers, options, telemetry } = settings;
  const context = (request: LiveRequest): Promise<C> =>
    contextOf(settings, async () => ({
      ...request,
      cookies: null,
      body: null,
      // A live operation is shared by several clients, so one client's disconnect must not abort it.
      signal: new AbortController().signal,
      forwarded: false,
    }));
  const operations = new LiveOperations({
    apollo,
    serving,
    context,
    maxTokens: options.maxQueryTokens,
    log: telemetry.log,
    textOf: textOfHash(stores),
  });
  return new LiveServer({ operations, schema, viewers, limits: options, telemetry, draining });
}

/**
 * The sending server gives up after `forwardMs`. A broken connection before that does not abort the mutation, because
 * the client has requested it.
 */
function forwardedRequest({ headers, viewer }: ForwardedMutation, id: string, forwardMs: number): IncomingRequest {
  return {
    headers,
    viewer,
    cookies: null,
    body: null,
    id,
    signal: AbortSignal.timeout(forwardMs),
    forwarded: true,
    watched: null,
  };
}

async function contextOf<C extends BaseContext>(
  settings: ServerSettings<C>,
  request: () => Promise<IncomingRequest>,
): Promise<C> {
  try {
    return await settings.context(await request());
  } catch (error) {
    throw contextError(error);
  }
}

async function listen(app: FastifyInstance, { port, host }: ServerOptions): Promise<void> {
  try {
    await app.listen({ port, host });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const place = `port ${port} on ${host}`;
    const message =
      code === 'EADDRINUSE'
        ? `The server cannot listen: ${place} is in use; stop what uses it, or choose another with --port.`
        : code === 'EACCES'
          ? `The server cannot listen: this user may not use ${place}; choose a port above 1023 with --port.`
          : `The server cannot listen on ${place}: ${messageOf(error)}; choose an address of this machine with --host.`;
    throw new MeridianError({ code: 'CONFIG_INVALID', message, cause: error });
  }
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server has no TCP port');
  return address.port;
}
