/** Owns the parsing of JSON in requests: numbers keep all digits, and a key like `__proto__` is data. */
import { type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { errorCodes, type FastifyInstance } from 'fastify';
import { JsonNumber, needsCare, parseJson } from '../base/json.ts';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Keys that Fastify's own parser rejects are ordinary properties here, since bodies are never merged into other
 * objects.
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
 * Numbers outside the variables become plain JavaScript numbers: at the top level a `JsonNumber` would pass for an
 * object, and in the protocol's extensions `"version": 1.0` must be 1.
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
 * Parses the JSON in a GET request's query string if it could nest deeper than `limit`; a text with fewer brackets
 * cannot. Apollo rejects text that is not JSON.
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

/**
 * Parses the variables of a GET request again where `JSON.parse`, which Apollo uses for the query string, would change
 * their numbers.
 */
export function exactSearch(): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart({ request }) {
      const text = request.http?.method === 'GET' ? new URLSearchParams(request.http.search).get('variables') : null;
      if (text !== null && needsCare(text)) request.variables = parseJson(text) as Record<string, unknown>;
    },
  };
}
