/** Owns how a forwarded mutation and its answer are written down between servers, and read with suspicion. */
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import { type ForwardedMutation } from '../write/forward.ts';

export const FORWARD_PATH = '/forward';
/** Holds the status of the GraphQL answer; without it, whatever answered was no Meridian server that had run something. */
export const ANSWERED_HEADER = 'meridian-answered';
export const TOKEN_HEADER = 'consistency-token';

/** As it is: a copy would lose a variable called `__proto__`, and with it what the request was. */
const anyObject = z.custom<Readonly<Record<string, unknown>>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));

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

/** Text: what is wrong with it. */
export function readEnvelope(body: string): ForwardedMutation | string {
  try {
    const parsed = envelopeSchema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : `it is wrong at ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}`;
  } catch (error) {
    return `it is no JSON (${messageOf(error)})`;
  }
}

/** Null where it is no JSON object. */
export function readAnswer(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
