/**
 * Owns the HTTP layer below GraphQL: body and time limits, CORS, errors for requests that are not GraphQL, and the
 * request metrics.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server } from 'node:http';
import cors from '@fastify/cors';
import { fastify, type FastifyError, type FastifyInstance } from 'fastify';
import { isDeeper } from '../base/json-depth.ts';
import { listed } from '../config/option.ts';
import { type Options } from '../config/options.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { inTrace, traceOf } from '../telemetry/trace.ts';
import { deepSearch, readBodies } from './bodies.ts';
import { arrivedWith } from './early/arrived.ts';
import { refuse, refuseUnserved, registerRequestRules, unreadable } from './requests.ts';

export interface AppSettings {
  readonly options: Pick<
    Options,
    'maxRequestBytes' | 'maxRequestDepth' | 'receiveMs' | 'keepAliveMs' | 'corsOrigins' | 'corsCredentials'
  >;
  readonly telemetry: Telemetry;
  readonly draining: () => boolean;
}

const PREFLIGHT_CACHED_S = 600;
/** Bounds of the interval between two checks for requests that arrive too slowly. */
const MIN_CHECK_MS = 50;
const MAX_CHECK_MS = 2_000;

export async function createApp({ options, telemetry, draining }: AppSettings): Promise<FastifyInstance> {
  // Requests that arrive on open connections while the server drains are answered normally.
  const app = fastify({
    http: receiving(options.receiveMs),
    bodyLimit: options.maxRequestBytes,
    requestTimeout: options.receiveMs,
    keepAliveTimeout: options.keepAliveMs,
    return503OnClosing: false,
    genReqId: () => randomUUID(),
  });
  await allowOrigins(app, options);
  measure(app, telemetry);
  registerRequestRules(app);
  readBodies(app);
  // In preHandler, after the body was read: callbacks of the connection run in the connection's own async context.
  app.addHook('preHandler', (request, _reply, done) => inTrace(traceOf(request.headers['traceparent']), done));
  // Hooks that do not wait call `done`, because each promise would cost every request a turn of the event loop.
  app.addHook('preHandler', (request, reply, done) => {
    const limit = options.maxRequestDepth;
    // Values in the query string are not enclosed by the body's outer object, so they have one level less.
    const isTooDeep =
      isDeeper(request.body, limit) || deepSearch(request.query, limit).some((value) => isDeeper(value, limit - 1));
    if (isTooDeep) void reply.code(400).send(tooDeep(limit));
    else done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining()) void reply.header('connection', 'close');
    done();
  });
  app.setNotFoundHandler(async (request, reply) => refuseUnserved(request, reply));
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return refuse(reply, { status, code: 'BAD_REQUEST', message: unreadable(error, options) });
    telemetry.log.error(
      { err: error, errorId: request.id, ...traceOf(request.headers['traceparent']) },
      'unexpected error',
    );
    return refuse(reply, {
      status: 500,
      code: 'INTERNAL_SERVER_ERROR',
      message: `Something went wrong on the server; its log has more under ${request.id}.`,
    });
  });
  return app;
}

/**
 * Node checks for connections over their limits only every 30 seconds. It also applies the larger of the two limits to
 * the whole request, and the limit of the headers is a minute by default.
 */
function receiving(receiveMs: number): {
  readonly shouldUpgradeCallback: (this: Server, request: IncomingMessage) => boolean;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
} {
  return {
    shouldUpgradeCallback: isForUpgrade,
    headersTimeout: receiveMs,
    requestTimeout: receiveMs,
    connectionsCheckingInterval: Math.max(MIN_CHECK_MS, Math.min(MAX_CHECK_MS, Math.ceil(receiveMs / 4))),
  };
}

/**
 * Whether a request is upgraded. Clients that offer HTTP/2 in the `upgrade` header (such as Java's) expect a normal
 * answer, so only WebSocket upgrades with a listener are taken.
 */
function isForUpgrade(this: Server, { headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && this.listenerCount('upgrade') > 0;
}

/** Browsers can read the token header only if it is exposed to them. */
async function allowOrigins(
  app: FastifyInstance,
  { corsOrigins, corsCredentials }: Pick<Options, 'corsOrigins' | 'corsCredentials'>,
): Promise<void> {
  const origins = listed(corsOrigins);
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : origins,
    methods: ['GET', 'POST'],
    exposedHeaders: [TOKEN_HEADER],
    credentials: corsCredentials,
    maxAge: PREFLIGHT_CACHED_S,
  });
}

/** Counts at `close`, which follows an answer as well as a disconnect before it. */
function measure(app: FastifyInstance, { log, metrics }: Telemetry): void {
  app.addHook('onRequest', (request, reply, done) => {
    metrics.httpInFlight.inc();
    reply.raw.once('close', () => {
      metrics.httpInFlight.dec();
      const route = request.routeOptions.url ?? 'unmatched';
      // Clients may send any text as method, so only methods of a route become a label.
      const method = route === 'unmatched' ? 'any' : request.method;
      const status = reply.raw.writableFinished ? String(reply.statusCode) : 'aborted';
      metrics.httpRequests.inc({ method, route, status });
      // The early listener may have waited for the body and the viewer before Fastify received the request.
      const startedMs = arrivedWith(request.raw)?.startedMs;
      const tookMs = startedMs === undefined ? reply.elapsedTime : performance.now() - startedMs;
      metrics.httpSeconds.observe({ method, route }, tookMs / 1_000);
      if (log.isLevelEnabled('debug'))
        log.debug(
          { requestId: request.id, method, route, status, tookMs, ...traceOf(request.headers['traceparent']) },
          'answered',
        );
    });
    done();
  });
}

export function tooDeep(limit: number): {
  readonly errors: readonly [{ readonly message: string; readonly extensions: { readonly code: string } }];
} {
  return {
    errors: [
      {
        message: `The request's JSON nests deeper than ${limit} levels, which is the limit (maxRequestDepth).`,
        extensions: { code: 'BAD_REQUEST' },
      },
    ],
  };
}
