/**
 * Owns conditional GET requests for GraphQL: each answer has an ETag of its bytes, and a client that has these very
 * bytes is told so instead of being sent them.
 */
import { hash } from 'node:crypto';
import { type FastifyInstance, type FastifyReply } from 'fastify';
import { FLOOR_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { TRACE_HEADER } from './early/eligible.ts';
import { GRAPHQL_PATH } from './requests.ts';

export interface ConditionalRules {
  /** Whether a hook finds the viewer, in headers that only it knows. */
  readonly hasHook: boolean;
  /** Whether tokens are taken from cookies. */
  readonly readsCookies: boolean;
}

/** Each of them may change the answer. */
const ALWAYS_VARY = ['accept', 'authorization', TOKEN_HEADER, FLOOR_HEADER, LEVEL_HEADER, TRACE_HEADER];
/** Of an answer without errors, which Apollo puts first. */
const WITHOUT_ERRORS = '{"data":';

/**
 * The operation is executed all the same, under the token of this request: 304 says that the answer which was just
 * decided is byte for byte the one that the client has. Its headers, the token among them, are those of the new answer.
 */
export function answerConditionally(app: FastifyInstance, { hasHook, readsCookies }: ConditionalRules): void {
  const vary = hasHook ? '*' : [...ALWAYS_VARY, ...(readsCookies ? ['cookie'] : [])].join(', ');
  app.addHook<unknown>('onSend', (request, reply, payload, done) => {
    if (request.method !== 'GET' || request.routeOptions.url !== GRAPHQL_PATH) return done(null, payload);
    addVary(reply, vary);
    if (reply.statusCode !== 200 || typeof payload !== 'string' || !payload.startsWith(WITHOUT_ERRORS))
      return done(null, payload);
    const etag = etagOf(String(reply.getHeader('content-type')), payload);
    void reply.header('etag', etag);
    if (!names(request.headers['if-none-match'], etag)) return done(null, payload);
    void reply.code(304).removeHeader('content-type').removeHeader('content-length');
    done(null, '');
  });
}

/**
 * Strong: of the whole body, `extensions` included, so that two answers with the same ETag are the same text. The media
 * type is another representation.
 */
function etagOf(contentType: string, body: string): string {
  return `"${hash('sha256', `${contentType}\n${body}`, 'base64url')}"`;
}

/** Of `*`, which names whatever there is, nobody can tell what the client has. */
function names(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

function addVary(reply: FastifyReply, vary: string): void {
  const before = reply.getHeader('vary');
  void reply.header('vary', before === undefined ? vary : `${String(before)}, ${vary}`);
}
