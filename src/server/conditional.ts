/**
 * Owns conditional GET requests for GraphQL: each answer has an ETag of its bytes, and a client that already has them
 * gets 304.
 */
import { hash } from 'node:crypto';
import { type FastifyInstance, type FastifyReply } from 'fastify';
import { FLOOR_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { TRACE_HEADER } from './early/eligible.ts';
import { GRAPHQL_PATH } from './requests.ts';

export interface ConditionalRules {
  /** Whether a hook determines the viewer, from headers that only the hook knows. */
  readonly hasHook: boolean;
  /** Whether tokens are taken from cookies. */
  readonly readsCookies: boolean;
}

/** Headers that may change the answer. */
const ALWAYS_VARY = ['accept', 'authorization', TOKEN_HEADER, FLOOR_HEADER, LEVEL_HEADER, TRACE_HEADER];
/** The start of an answer without errors; Apollo writes errors before data. */
const WITHOUT_ERRORS = '{"data":';

/**
 * Adds ETags and answers with 304. The operation is executed in any case, under this request's token: 304 means that
 * the new answer has the same bytes as the one that the client has. The headers, including the token, are those of the
 * new answer.
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
 * A strong ETag of the whole body with `extensions`, so equal ETags mean equal texts. The media type is included,
 * because it is another representation.
 */
function etagOf(contentType: string, body: string): string {
  return `"${hash('sha256', `${contentType}\n${body}`, 'base64url')}"`;
}

/** Whether the header names the ETag. `*` does not match, since it does not say which answer the client has. */
function names(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

function addVary(reply: FastifyReply, vary: string): void {
  const before = reply.getHeader('vary');
  void reply.header('vary', before === undefined ? vary : `${String(before)}, ${vary}`);
}
