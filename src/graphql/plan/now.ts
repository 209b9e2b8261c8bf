/** Owns carrying a plan out at once, where the process's own cache has all that it reads. */
import { type GraphQLSchema } from 'graphql';
import { type Operation } from '../operation.ts';
import { type Answered } from './plan.ts';
import { type Kept } from './plans.ts';
import { Run } from './run.ts';

export interface NowInput {
  readonly kept: Kept;
  readonly schema: GraphQLSchema;
  readonly operation: Operation;
  /** As the operation's types take them. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Called when all has been read, and before anybody is told of it. */
  readonly whenRead?: () => void;
}

/**
 * The data of the answer. Null where something is not there, or goes wrong: nothing has been done then, and whoever
 * reads it in another way finds the error again.
 */
export function dataNow({ kept, schema, operation, variables, whenRead }: NowInput): Answered | null {
  const { plan, presence } = kept;
  if (plan === null || !presence.isLikely()) return null;
  const now = operation.now();
  if (now === null) return null;
  try {
    const data = new Run({ plan, schema, loaders: now.loaders, variables }).dataNow(now.loaders);
    whenRead?.();
    if (!now.reads.tell()) return null;
    presence.found();
    return data;
  } catch {
    presence.missed();
    return null;
  }
}
