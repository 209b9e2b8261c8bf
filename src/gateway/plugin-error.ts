/**
 * Owns the form of errors in a gateway's answer: the plugin's own errors look like a subgraph's, and a subgraph's
 * errors are read also if its status was not 200.
 */
import { isMeridianError, type MeridianError } from '../base/errors.ts';

export function errorExtensions({ code, retryable, details }: MeridianError): Readonly<Record<string, unknown>> {
  return { code, retryable, ...(Object.keys(details).length > 0 ? { details } : {}) };
}

/**
 * Runs `work`; a `MeridianError` that it throws gets its code as a GraphQL error's, whichever copy of `graphql` the
 * gateway uses.
 */
export function withExtensions<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isMeridianError(error) ? Object.assign(error, { extensions: errorExtensions(error) }) : error;
  }
}

/** The first error of a GraphQL answer; null if the body is not one. */
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
