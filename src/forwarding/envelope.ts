/** Owns the text form of a forwarded mutation and its answer, and their strict parsing. */
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import { JsonNumber, parseJson } from '../base/json.ts';
import { type Viewer } from '../base/viewer.ts';

export const FORWARD_PATH = '/forward';

/** A forwarded mutation: everything that its execution depends on. */
export interface ForwardedMutation {
  /** The operation's text, even if the client sent only its hash. */
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly viewer: Viewer | null;
  /** The client's headers that matter at the other end. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ForwardedAnswer {
  /** HTTP status that the client would get there. */
  readonly status: number;
  readonly token: string | null;
  /** The GraphQL answer; its errors are already formatted. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Passed through unchanged: a copy would lose a variable called `__proto__`. */
const anyObject = z.custom<Readonly<Record<string, unknown>>>(isObject);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

const envelopeSchema = z.strictObject({
  query: z.string(),
  operationName: z.string().nullable(),
  variables: anyObject,
  extensions: anyObject,
  // An application's own hook may add fields to the viewer that its resolvers use.
  viewer: z.looseObject({ id: z.string(), tenant: z.string().nullable(), roles: z.array(z.string()) }).nullable(),
  headers: z.record(z.string(), z.string()),
});

/** Null if the viewer, or anything else, cannot be written as JSON. */
export function writeEnvelope(mutation: ForwardedMutation): string | null {
  try {
    return JSON.stringify(mutation);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * Parses an envelope; a returned string describes the error. Numbers in the variables keep the client's digits; numbers
 * in the viewer are JavaScript numbers, as on the sending server.
 */
export function readEnvelope(body: string): ForwardedMutation | string {
  try {
    const parsed = envelopeSchema.safeParse(parseJson(body));
    return parsed.success
      ? { ...parsed.data, viewer: plain(parsed.data.viewer) }
      : `it is wrong at ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}`;
  } catch (error) {
    return `it is no JSON (${messageOf(error)})`;
  }
}

/** The viewer's numbers were JavaScript numbers on the sending server, so they are converted back. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Null if it is not a JSON object. Its numbers are returned to the client unchanged. */
export function readAnswer(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = parseJson(body);
    return isObject(parsed) ? parsed : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
