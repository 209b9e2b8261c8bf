/** Owns the bytes of requests and answers, as texts of one character for each: what a body asks for, and how it is sent. */
import { isDeeper } from '../../base/json-depth.ts';
import { JsonNumber, parseJson } from '../../base/json.ts';

export interface RequestText {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Record<string, unknown>;
}

const BEYOND_ASCII = /[\u0080-\uffff]/;
const REPLACED = '\ufffd';

/** The UTF-8 of a text, one character for each byte. */
export function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

/** What a body asks for; null for one that has to be looked at more closely: it is wrong, or has more to it. */
export function requestIn(body: string, maxDepth: number): RequestText | null {
  const text = BEYOND_ASCII.test(body) ? Buffer.from(body, 'latin1').toString() : body;
  // Such a body may not be UTF-8.
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
