/**
 * Owns the bytes of requests and answers as texts with one character per byte: the parsing of bodies and their
 * encoding.
 */
import { isDeeper } from '../../base/json-depth.ts';
import { JsonNumber, parseJson } from '../../base/json.ts';

export interface RequestText {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Record<string, unknown>;
}

const BEYOND_ASCII = /[\u0080-\uffff]/;
const REPLACED = '\ufffd';

/** The UTF-8 encoding of a text, with one character per byte. */
export function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

/** Parses a body; null for one that is invalid or has other properties, which the usual execution handles. */
export function requestIn(body: string, maxDepth: number): RequestText | null {
  const text = BEYOND_ASCII.test(body) ? Buffer.from(body, 'latin1').toString() : body;
  // A replacement character may come from a body that is not UTF-8.
  if (text !== body && text.includes(REPLACED)) return null;
  const parsed = parsedOrNull(text);
  if (!isPlainObject(parsed) || isDeeper(parsed, maxDepth)) return null;
  for (const name of Object.keys(parsed))
    if (name !== 'query' && name !== 'variables' && name !== 'operationName') return null;
  const { query, operationName = null, variables = null } = parsed;
  if (typeof query !== 'string' || (operationName !== null && typeof operationName !== 'string')) return null;
  if (variables !== null && !isPlainObject(variables)) return null;
  return { query, operationName, variables: variables ?? {} };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

function parsedOrNull(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
