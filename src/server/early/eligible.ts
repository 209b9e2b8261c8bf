/**
 * Owns which requests may be answered before Fastify and Apollo see them: those of which nothing but body, viewer and
 * tokens changes the answer.
 */
import { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { KEY_HEADER, LEVEL_HEADER } from '../../protocol/headers.ts';
import { acceptedType } from '../accept.ts';
import { GRAPHQL_PATH } from '../requests.ts';

export interface EarlyRules {
  /** Longest body, bytes. */
  readonly maxBytes: number;
  /** Headers with which a request takes the usual way, beside the ones that always have it so. */
  readonly exceptWith: readonly string[];
}

export interface EarlyRequest {
  /** Of the body, bytes. */
  readonly length: number;
  /** Media type of the answer. */
  readonly contentType: string;
}

/** With it, a gateway asks for the times of the execution. */
export const TRACE_HEADER = 'apollo-federation-include-trace';
/** Each changes the answer in a way that is decided later. */
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

/** Null: the request takes the usual way. */
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

/** Null: there is none, or nothing that Node would not have refused. */
function lengthOf({ 'content-length': text }: IncomingHttpHeaders): number | null {
  const length = Number(text);
  return Number.isSafeInteger(length) && length > 0 ? length : null;
}
