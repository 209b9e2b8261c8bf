/** Owns batches of keys whose text the database may refuse: the batch is halved until the refused key stands alone. */
import { isMeridianError, type MeridianError } from '../../base/errors.ts';
import { isDataException } from '../input.ts';
import { keyType } from '../sql/comparing.ts';
import { type KeyColumns } from '../sql/parents.ts';

/** Whether values of the columns can pass our checks and still be no value of their type: what a type of the database's own takes, it alone knows. */
export function mayBeRefused({ entity, columns, comparisons }: KeyColumns): boolean {
  // A cast to the type that both sides are compared as may find a value out of its range.
  return columns.some((_, i) => keyType(entity, columns, comparisons, i).kind === 'other' || comparisons?.[i]?.exact === false);
}

/** What `load` gives for each key, or the error of a key that was refused; any other error is thrown. */
export async function halving<K, V>(keys: readonly K[], load: (keys: readonly K[]) => Promise<readonly V[]>): Promise<readonly (V | MeridianError)[]> {
  try {
    return await load(keys);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (keys.length === 1) return [error];
    const middle = keys.length >> 1;
    return [...(await halving(keys.slice(0, middle), load)), ...(await halving(keys.slice(middle), load))];
  }
}

function isRefusal(error: unknown): error is MeridianError {
  return isMeridianError(error, 'BAD_USER_INPUT') && isDataException(error.cause);
}
