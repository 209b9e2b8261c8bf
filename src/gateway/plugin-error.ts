/**
 * Owns how errors look in a gateway's answer: the plugin's own as a subgraph's do, and a subgraph's also where its
 * status was not 200.
 */
import { isMeridianError, type MeridianError } from '../base/errors.ts';

export function errorExtensions({ code, retryable, details }: MeridianError): Readonly<Record<string, unknown>> {
  return { code, retryable, ...(Object.keys(details).length > 0 ? { details } : {}) };
}

/**
 * Runs `work`; what it throws of Meridian's carries its code as GraphQL's errors do, whichever copy of `graphql` the
 * gateway uses.
 */
export function withExtensions<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isMeridianError(error) ? Object.assign(error, { extensions: errorExtensions(error) }) : error;
  }
}

/** The first error of a GraphQL answer; null where the body is none. */
export function firstError(
  body: unknown,
): { readonly message: string; readonly extensions: Readonly<Record<string, unknown>> } | null {
  const errors = (body as { readonly errors?: unknown } | null | undefined)?.errors;
  const first = (Array.isArray(errors) ? errors[0] : undefined) as
    { readonly message?: unknown; readonly extensions?: unknown } | undefined;
  if (typeof first?.message !== 'string') return null;
  return {
    message: first.message,
    extensions:
      typeof first.extensions === 'object' && first.extensions !== null
        ? (first.extensions as Record<string, unknown>)
        : {},
  };
}
