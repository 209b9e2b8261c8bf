/**
 * Owns naming the argument whose text the database cannot store: the server's error has the value, and the arguments
 * have its name.
 */
import { type GraphQLFieldResolver } from 'graphql';
import { isMeridianError, MeridianError } from '../base/errors.ts';

type Resolver<C> = GraphQLFieldResolver<unknown, C, Record<string, unknown>>;

/** The resolver, with errors that name the argument. */
export function namingTexts<C>(resolve: Resolver<C>): Resolver<C> {
  return (parent, args, context, info) => {
    const result = resolve(parent, args, context, info);
    return result instanceof Promise
      ? result.catch((error: unknown) => {
          throw named(error, args);
        })
      : result;
  };
}

function named(error: unknown, args: Readonly<Record<string, unknown>>): unknown {
  const text =
    isMeridianError(error, 'BAD_USER_INPUT') && error.cause instanceof Error && 'refusedText' in error.cause
      ? error.cause.refusedText
      : undefined;
  if (typeof text !== 'string') return error;
  const path =
    pathOf(args, (value) => value === text) ??
    pathOf(args, (value) => BEYOND_ASCII.test(value) && text.includes(value));
  if (path === null) return error;
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `"${path}" holds a character that the database's encoding does not have; send it without that character.`,
    details: (error as MeridianError).details,
    cause: error,
  });
}

const BEYOND_ASCII = /[\u0080-\uffff]/;

/** `input.title` for the first matching text; null if none matches. */
function pathOf(value: unknown, isMeant: (text: string) => boolean, path = ''): string | null {
  if (typeof value === 'string') return isMeant(value) ? path : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = pathOf(inner, isMeant, path === '' ? name : `${path}.${name}`);
    if (found !== null) return found;
  }
  return null;
}
