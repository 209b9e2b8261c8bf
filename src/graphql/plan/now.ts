/** Owns the synchronous execution of a plan from the process's own cache. */
import { type GraphQLSchema } from 'graphql';
import { type Operation } from '../operation.ts';
import { type Answered } from './plan.ts';
import { type Kept } from './plans.ts';
import { Run } from './run.ts';

export interface NowInput {
  readonly kept: Kept;
  readonly schema: GraphQLSchema;
  readonly operation: Operation;
  /** Coerced to the operation's variable types. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Called when everything has been read and before it is reported. */
  readonly whenRead?: () => void;
}

/**
 * The data of the answer. Null where a value is not cached or an error occurs: nothing has been reported then, and the
 * asynchronous execution finds the error again.
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
