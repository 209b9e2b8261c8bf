/** Owns what an answer says about tokens: which ones it carries, and whether the ones that were sent are refused. */
import { splitTokens } from '../protocol/token-text.ts';

/** Error codes that say that a token is no longer usable, or not yet. */
const REFUSALS = [
  'CONSISTENCY_LOST',
  'CONSISTENCY_TOKEN_MALFORMED',
  'CONSISTENCY_TOKEN_FORGED',
  'CONSISTENCY_TOKEN_FOREIGN',
  'CONSISTENCY_TOKEN_FUTURE',
] as const;
export type RefusalCode = (typeof REFUSALS)[number];

export interface Refusal {
  readonly code: RefusalCode;
  /** The server's message. */
  readonly message: string;
}

/** An answer from the network, or one part of it. */
export interface Answer {
  /** The `consistency-token` header, if the browser lets it be read. */
  readonly header?: string | null | undefined;
  /** The body: a GraphQL result, a part of one that comes in parts, or several in a list. */
  readonly result?: unknown;
}

export interface Told {
  readonly tokens: readonly string[];
  /** The first refusal; null if no token is refused. */
  readonly refusal: Refusal | null;
}

/** Results nest at most so deep: a list of results, whose payload has incremental parts. */
const MAX_DEPTH = 4;

export function readAnswer({ header, result }: Answer): Told {
  const parts = partsOf(result, MAX_DEPTH);
  const tokens = parts.flatMap(({ extensions }) => {
    const consistency = isObject(extensions) ? extensions['consistency'] : null;
    const token = isObject(consistency) ? consistency['token'] : null;
    return typeof token === 'string' ? splitTokens(token) : [];
  });
  return {
    tokens: [...new Set([...splitTokens(header), ...tokens])],
    refusal: parts.flatMap(({ errors }) => refusalsIn(errors))[0] ?? null,
  };
}

/** A gateway returns the code as one error among others, next to valid data. */
function refusalsIn(errors: unknown): Refusal[] {
  if (!Array.isArray(errors)) return [];
  return errors.filter(isObject).flatMap(({ message, extensions }) => {
    const code = REFUSALS.find((one) => isObject(extensions) && extensions['code'] === one);
    return code === undefined ? [] : [{ code, message: typeof message === 'string' ? message : '' }];
  });
}

/** Every part of an answer that may have its own errors and extensions. */
function partsOf(result: unknown, depth: number): Record<string, unknown>[] {
  if (depth === 0 || typeof result !== 'object' || result === null) return [];
  if (Array.isArray(result)) return result.flatMap((one) => partsOf(one, depth - 1));
  const part = result as Record<string, unknown>;
  return [
    part,
    ...partsOf(part['payload'], depth - 1),
    ...partsOf(part['incremental'], depth - 1),
    ...partsOf(part['completed'], depth - 1),
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
