/** Owns how a forwarded mutation and its answer are written down between servers, and read with suspicion. */
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import { JsonNumber, parseJson } from '../base/json.ts';
import { type Viewer } from '../base/viewer.ts';

export const FORWARD_PATH = '/forward';

/** A mutation as it crosses: everything that its execution depends on. */
export interface ForwardedMutation {
  /** The operation's text, also where the client sent only its hash. */
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly viewer: Viewer | null;
  /** Of the client's headers those that matter at the other end. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ForwardedAnswer {
  /** HTTP status that the client would have got there. */
  readonly status: number;
  readonly token: string | null;
  /** The GraphQL answer, its errors formatted already. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** As it is: a copy would lose a variable called `__proto__`, and with it what the request was. */
const anyObject = z.custom<Readonly<Record<string, unknown>>>(isObject);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

const envelopeSchema = z.strictObject({
  query: z.string(),
  operationName: z.string().nullable(),
  variables: anyObject,
  extensions: anyObject,
  // An application's own hook may add fields that its resolvers look at.
  viewer: z.looseObject({ id: z.string(), tenant: z.string().nullable(), roles: z.array(z.string()) }).nullable(),
  headers: z.record(z.string(), z.string()),
});

/** Null where the viewer, or anything else, cannot be written as JSON. */
export function writeEnvelope(mutation: ForwardedMutation): string | null {
  try {
    return JSON.stringify(mutation);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * Text: what is wrong with it. Numbers of the variables are as the client sent them; those of the viewer are as its
 * server knows them.
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

/** As the other server's code has it: a `JsonNumber` there was a JavaScript number here. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Null where it is no JSON object. Its numbers go to the client as they are. */
export function readAnswer(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = parseJson(body);
    return isObject(parsed) ? parsed : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
