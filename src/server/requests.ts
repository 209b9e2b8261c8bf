/** Owns the checks of GraphQL requests before GraphQL handles them: method, character set, and lists of operations. */
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

export const GRAPHQL_PATH = '/graphql';
export const GRAPHQL_METHODS = ['GET', 'POST'] as const;

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export function refuse(reply: FastifyReply, { status, code, message }: Refusal): FastifyReply {
  return reply.code(status).send({ errors: [{ message, extensions: { code } }] });
}

export function registerRequestRules(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const charset = charsetOf(request);
    // Decoded as UTF-8, it would be a different text and would be stored as such.
    if (isGraphql(request) && charset !== null && !/^utf-?8$/i.test(charset))
      refuse(reply, {
        status: 415,
        code: 'BAD_REQUEST',
        message: `The request's character set is ${charset.slice(0, 40)}; send its JSON in UTF-8.`,
      });
    else done();
  });
  app.addHook('preHandler', (request, reply, done) => {
    if (isGraphql(request) && Array.isArray(request.body))
      refuse(reply, {
        status: 400,
        code: 'BAD_REQUEST',
        message: 'The request is a list of operations; this server takes one operation in each request.',
      });
    else done();
  });
}

/** Rejects a path that is not served, or a method that GraphQL's path does not have. */
export function refuseUnserved(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? request.url;
  if (path !== GRAPHQL_PATH)
    return refuse(reply, {
      status: 404,
      code: 'NOT_FOUND',
      message: `Nothing is served at ${request.method} ${path}; GraphQL is at ${GRAPHQL_PATH}.`,
    });
  void reply.header('allow', GRAPHQL_METHODS.join(', '));
  return refuse(reply, {
    status: 405,
    code: 'BAD_REQUEST',
    message: `${GRAPHQL_PATH} takes no ${request.method}: send an operation by POST, or a query by GET.`,
  });
}

/** One sentence for a request that could not be read. */
export function unreadable(error: FastifyError, { maxRequestBytes }: { readonly maxRequestBytes: number }): string {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return `The request's body is larger than ${maxRequestBytes} bytes, which is the limit; send less at once, or raise maxRequestBytes.`;
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return "The request's content-type is not one that is read here; send JSON with content-type: application/json.";
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return 'The request has no body; send JSON with a "query".';
    default:
      return error.message;
  }
}

function isGraphql({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url === GRAPHQL_PATH;
}

function charsetOf({ headers }: FastifyRequest): string | null {
  return /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? null;
}
