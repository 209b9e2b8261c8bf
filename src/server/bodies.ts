/** Owns how the JSON of requests is read: every number with its digits, and a key like `__proto__` as data. */
import { type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { errorCodes, type FastifyInstance } from 'fastify';
import { JsonNumber, needsCare, parseJson } from '../base/json.ts';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Keys that Fastify's own parser refuses are properties like any other here: nothing of a body is ever merged into an
 * object.
 */
export function readBodies(app: FastifyInstance): void {
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body.length === 0) return done(new errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY());
    try {
      return done(null, parsed(body.startsWith(BYTE_ORDER_MARK) ? body.slice(1) : body));
    } catch {
      return done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY());
    }
  });
}

/**
 * A number where an object or a text belongs stays a plain one, so that nobody takes it for an object; so do those of
 * the protocol's extensions, where `"version": 1.0` is 1.
 */
function parsed(text: string): unknown {
  const body = parseJson(text);
  if (body instanceof JsonNumber) return Number(body.text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  if (!('extensions' in body) && !Object.values(body).some((value) => value instanceof JsonNumber)) return body;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      name === 'extensions' || value instanceof JsonNumber ? plain(value) : value,
    ]),
  );
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/**
 * The JSON that a GET request has in its address, as far as it may nest deeper than `limit`: a text with fewer brackets
 * does not. What is no JSON is left to Apollo, which refuses it.
 */
export function deepSearch(query: unknown, limit: number): readonly unknown[] {
  const { variables, extensions } = query as Readonly<Record<string, unknown>>;
  return [variables, extensions].map((text) => {
    if (typeof text !== 'string' || (text.match(/[[{]/g)?.length ?? 0) <= limit) return null;
    try {
      return parseJson(text);
    } catch {
      return null;
    }
  });
}

/** Variables of a GET request stand in its address, where Apollo has read them with `JSON.parse`. */
export function exactSearch(): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart({ request }) {
      const text = request.http?.method === 'GET' ? new URLSearchParams(request.http.search).get('variables') : null;
      if (text !== null && needsCare(text)) request.variables = parseJson(text) as Record<string, unknown>;
    },
  };
}
