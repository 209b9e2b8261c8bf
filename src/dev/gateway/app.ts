/**
 * Owns the development gateway's HTTP server: the limits of Meridian's servers around Hive Gateway with Meridian's
 * plugin, and the drain at its end.
 */
import { createGatewayRuntime, type GatewayConfig, type GatewayRuntime } from '@graphql-hive/gateway-runtime';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { sleep } from '../../base/clock.ts';
import { MeridianError } from '../../base/errors.ts';
import { type Options } from '../../config/options.ts';
import { meridianHive, type CookieOptions } from '../../gateway/hive.ts';
import { createApp } from '../../server/app.ts';
import { registerHealth } from '../../server/health.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';

export interface GatewaySettings {
  /** SDL, with the URLs of the region's own subgraphs. */
  readonly supergraph: string;
  readonly options: Options;
  readonly telemetry: Telemetry;
}

export interface RunningGateway {
  /** Requests in flight finish within `drainMs`, then connections close. Later calls wait for the first. */
  close(): Promise<void>;
}

/** Starts listening once the supergraph is loaded. */
export async function startGateway({ supergraph, options, telemetry }: GatewaySettings): Promise<RunningGateway> {
  const state = { draining: false };
  const gateway = createGatewayRuntime({
    supergraph,
    plugins: () => [
      meridianHive({ tokenSecret: options.tokenSecret, maxTokenBytes: options.maxTokenBytes, ...cookiesOf(options) }),
    ],
    upstreamTimeout: options.subgraphMs,
    logging: options.logLevel === 'silent' ? false : (options.logLevel as Exclude<GatewayConfig['logging'], undefined>),
    // CORS is answered by the app around it, as in Meridian's servers.
    cors: false,
    landingPage: false,
  });
  await tryOut(gateway);
  const app = await createApp({ options, telemetry, draining: () => state.draining });
  // The text is passed on unchanged. Only this content type is accepted, because a browser sends it to another origin
  // only after a preflight.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.route({ method: ['GET', 'POST'], url: '/graphql', handler: (request, reply) => pass(gateway, request, reply) });
  registerHealth(app, {
    ready: async () => ({ ok: true }),
    readyMs: options.readyMs,
    draining: () => state.draining,
    telemetry,
  });
  await app.listen({ host: options.host, port: options.port });
  let closed: Promise<void> | null = null;
  const drain = async (): Promise<void> => {
    state.draining = true;
    await sleep(options.drainDelayMs);
    const cut = setTimeout(() => app.server.closeAllConnections(), options.drainMs);
    await app.close();
    clearTimeout(cut);
    await gateway[Symbol.asyncDispose]();
  };
  return { close: () => (closed ??= drain()) };
}

function cookiesOf({
  tokenCookie: name,
  tokenCookiePath: path,
  tokenCookieDomain: domain,
  tokenCookieSameSite: sameSite,
  tokenCookieSecure: secure,
  tokenCookieMaxAgeS: maxAgeS,
  tokenCookieCount: count,
  tokenCookieBytes: bytes,
}: Options): { readonly cookies?: CookieOptions } {
  return name === '' ? {} : { cookies: { name, path, domain, sameSite, secure, maxAgeS, count, bytes } };
}

/** Hive reads the supergraph at the first request; errors in it should be reported earlier. */
async function tryOut(gateway: GatewayRuntime): Promise<void> {
  const response = await gateway.fetch('http://localhost/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  });
  const body = await response.text();
  if (!response.ok)
    throw new MeridianError({
      code: 'CLUSTER_START_FAILED',
      message: `The gateway cannot serve its supergraph: ${body}`,
    });
}

async function pass(gateway: GatewayRuntime, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const answer = await gateway.fetch(`http://localhost${request.url}`, {
    method: request.method,
    headers,
    ...(typeof request.body === 'string' ? { body: request.body } : {}),
  });
  void reply.code(answer.status);
  for (const [name, value] of answer.headers)
    if (name !== 'set-cookie' && name !== 'content-length') void reply.header(name, value);
  for (const cookie of answer.headers.getSetCookie()) void reply.header('set-cookie', cookie);
  return reply.send(await answer.text());
}
