/**
 * Owns the decision whether a request may be answered before Fastify and Apollo: its answer must depend only on body,
 * viewer and tokens.
 */
import { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { KEY_HEADER, LEVEL_HEADER } from '../../protocol/headers.ts';
import { acceptedType } from '../accept.ts';
import { GRAPHQL_PATH } from '../requests.ts';

export interface EarlyRules {
  /** Maximum length of the body in bytes. */
  readonly maxBytes: number;
  /** Further headers that exclude a request, besides `ALWAYS_EXCEPT`. */
  readonly exceptWith: readonly string[];
}

export interface EarlyRequest {
  /** Length of the body in bytes. */
  readonly length: number;
  /** Media type of the answer. */
  readonly contentType: string;
}

/** With this header a gateway requests a trace of the execution. */
export const TRACE_HEADER = 'apollo-federation-include-trace';
/** Headers whose effect on the answer is determined later. */
const ALWAYS_EXCEPT = [
  LEVEL_HEADER,
  KEY_HEADER,
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  TRACE_HEADER,
];
const JSON_TYPE = /^application\/json(?:;\s*charset="?utf-?8"?)?$/i;

/** Null where the request must be handled in the usual way. */
export function eligible(
  { method, url, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  { maxBytes, exceptWith }: EarlyRules,
): EarlyRequest | null {
  if (method !== 'POST' || url !== GRAPHQL_PATH) return null;
  const length = lengthOf(headers);
  if (length === null || length > maxBytes || !isJson(headers['content-type'])) return null;
  for (const name of ALWAYS_EXCEPT) if (headers[name] !== undefined) return null;
  for (const name of exceptWith) if (headers[name] !== undefined) return null;
  const contentType = acceptedType(headers.accept);
  return contentType === null ? null : { length, contentType };
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && (type === 'application/json' || JSON_TYPE.test(type));
}

/** Null where the header is missing or its value is not a positive integer. */
function lengthOf({ 'content-length': text }: IncomingHttpHeaders): number | null {
  const length = Number(text);
  return Number.isSafeInteger(length) && length > 0 ? length : null;
}
