/**
 * Owns the endpoint for mutations that servers of other regions forward: their sender is verified, then they run like
 * any other.
 */
import { HeaderMap, type ApolloServer, type BaseContext } from '@apollo/server';
import { type FastifyInstance, type FastifyReply } from 'fastify';
import { isDeeper } from '../base/json-depth.ts';
import { type Options } from '../config/options.ts';
import { FORWARD_PATH, readEnvelope, type ForwardedMutation } from '../forwarding/envelope.ts';
import { ANSWERED_HEADER, SIGNATURE_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type ForwardGate } from '../forwarding/signature.ts';
import { perSecond } from '../telemetry/log.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { tooDeep } from './app.ts';
import { refuse } from './requests.ts';

export interface ForwardSettings {
  readonly gate: ForwardGate;
  /** Whether this region is known to be the primary's; otherwise no mutation is run. */
  readonly isPrimary: () => boolean;
  /** Called when another region considered this one the primary's. */
  readonly onMistaken: () => void;
}

export interface ForwardRoute<C extends BaseContext> extends ForwardSettings {
  readonly apollo: ApolloServer<C>;
  readonly context: (mutation: ForwardedMutation, id: string) => Promise<C>;
  readonly options: Pick<Options, 'maxRequestBytes' | 'maxRequestDepth' | 'maxErrorLogs'>;
  readonly telemetry: Telemetry;
}

/** Bytes for the other parts of the envelope: the viewer and the forwarded headers. */
const ENVELOPE_BYTES = 64 << 10;

export function registerForward<C extends BaseContext>(app: FastifyInstance, route: ForwardRoute<C>): void {
  const mayLog = perSecond(route.options.maxErrorLogs);
  const refuseStranger = (reply: FastifyReply, why: string): FastifyReply => {
    if (mayLog('refused')) route.telemetry.log.warn({ why }, `A forwarded mutation was refused: ${why}.`);
    return refuse(reply, {
      status: 401,
      code: 'UNAUTHENTICATED',
      message: `A forwarded mutation must come from a server of this graph: ${why}.`,
    });
  };
  void app.register(async (scope) => {
    // The body is kept as text, so that its signature is verified before it is parsed.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: 2 * route.options.maxRequestBytes + ENVELOPE_BYTES },
      (_request, body, done) => done(null, body),
    );
    scope.get(FORWARD_PATH, async (_request, reply) => reply.code(204).header('cache-control', 'no-store').send());
    scope.post<{ Body: string }>(
      FORWARD_PATH,
      {
        // A request without a valid signature header is rejected before its body is received.
        onRequest: async (request, reply) => {
          const why = route.gate.refusal(request.headers[SIGNATURE_HEADER]);
          return why === null ? undefined : refuseStranger(reply, why);
        },
      },
      async (request, reply) => {
        const admitted = route.gate.admit(request.headers[SIGNATURE_HEADER], request.body);
        if (!admitted.ok && admitted.kind === 'full')
          return refuse(reply, {
            status: 429,
            code: 'OVERLOADED',
            message: `This server takes no more forwarded mutations now: ${admitted.why}.`,
          });
        if (!admitted.ok) return refuseStranger(reply, admitted.why);
        if (!route.isPrimary()) {
          route.onMistaken();
          return refuse(reply, {
            status: 421,
            code: 'PRIMARY_UNAVAILABLE',
            message: "This region is not the primary's; nothing was run.",
          });
        }
        const mutation = readEnvelope(request.body);
        if (typeof mutation === 'string')
          return refuse(reply, {
            status: 400,
            code: 'BAD_USER_INPUT',
            message: `The forwarded mutation cannot be read: ${mutation}; run one version of the server in every region.`,
          });
        if (isDeeper([mutation.variables, mutation.extensions], route.options.maxRequestDepth))
          return answer(reply, 400, JSON.stringify(tooDeep(route.options.maxRequestDepth)));
        route.telemetry.metrics.mutations.inc({ way: 'received' });
        return run(route, { mutation, id: request.id, reply });
      },
    );
  });
}

async function run<C extends BaseContext>(
  { apollo, context }: ForwardRoute<C>,
  { mutation, id, reply }: { readonly mutation: ForwardedMutation; readonly id: string; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const { query, operationName, variables, extensions, headers } = mutation;
  const accept = headers['accept'];
  const {
    status,
    headers: answered,
    body,
  } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      search: '',
      headers: new HeaderMap([
        ['content-type', 'application/json'],
        ...(accept === undefined ? [] : [['accept', accept] as const]),
      ]),
      body: { query, ...(operationName === null ? {} : { operationName }), variables, extensions },
    },
    context: () => context(mutation, id),
  });
  if (body.kind !== 'complete') throw new TypeError('a forwarded mutation was answered in parts');
  const token = answered.get(TOKEN_HEADER);
  if (token !== undefined) void reply.header(TOKEN_HEADER, token);
  return answer(reply, status ?? 200, body.string);
}

/** `status` is the status that a client of this server would have received. */
function answer(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply
    .code(200)
    .header(ANSWERED_HEADER, String(status))
    .header('content-type', 'application/json; charset=utf-8')
    .send(body);
}
