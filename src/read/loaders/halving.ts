/** Owns batches of keys whose text the database may reject: the batch is halved until the rejected key is alone. */
import { isMeridianError, type MeridianError } from '../../base/errors.ts';
import { type SqlType } from '../../model/model.ts';
import { badKey, isDataException, isUntranslatable, keyField } from '../input.ts';
import { keyType } from '../sql/comparing.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';

/**
 * Whether only the database can validate values of the type, so that a value that passed our checks may still be
 * rejected.
 */
const isJudgedThere = ({ kind }: SqlType): boolean => kind === 'other' || kind === 'enum';

function mayBeRefused(of: KeyColumns): boolean {
  const { columns, comparisons } = of;
  // A cast to the common type of both sides may fail because a value is out of its range.
  return columns.some((_, i) => isJudgedThere(keyType(of, i)) || comparisons?.[i]?.exact === false);
}

/** The results of `load`, with an error in place of each item whose key was rejected. Any other error is thrown. */
export async function halving<K, V>(
  of: KeyColumns,
  items: readonly K[],
  load: (items: readonly K[]) => Promise<readonly V[]>,
): Promise<readonly (V | MeridianError)[]> {
  try {
    return await load(items);
  } catch (error) {
    if (!isRefusal(of, error)) throw error;
    if (items.length === 1) return [error];
    const middle = items.length >> 1;
    return [...(await halving(of, items.slice(0, middle), load)), ...(await halving(of, items.slice(middle), load))];
  }
}

/** Other values in the statement (filters) may be invalid as well. If no key can be invalid, the whole batch fails. */
function isRefusal(of: KeyColumns, error: unknown): error is MeridianError {
  return (
    isMeridianError(error, 'BAD_USER_INPUT') &&
    isDataException(error.cause) &&
    (mayBeRefused(of) || isUntranslatable(error.cause))
  );
}

const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['time with time zone', '13:45:00+01'],
  ['interval', '1 day 02:30:00'],
  ['inet', '192.168.0.1'],
  ['cidr', '192.168.0.0/24'],
  ['macaddr', '08:00:2b:01:02:03'],
  ['macaddr8', '08:00:2b:01:02:03:04:05'],
  ['"bit"', '101'],
  ['bit varying', '101'],
]);

/**
 * The error for one key that the database rejected. It names the columns whose values only the database can validate;
 * where there are several, those whose values appear in the server's message (in any language), or all of them if none
 * does.
 */
export function refusedKey(of: KeyColumns, key: KeyValues, cause: MeridianError): MeridianError {
  const { entity, columns } = of;
  const isText = isUntranslatable(cause);
  const parts = columns.map((column, i) => ({ field: keyField(entity, column), type: keyType(of, i), value: key[i] }));
  const judged = parts.filter(({ type }) => isText || isJudgedThere(type));
  const quoted = judged.filter(
    ({ value }) => cause.cause instanceof Error && cause.cause.message.includes(String(value)),
  );
  const [only, ...others] = judged.length > 1 && quoted.length > 0 ? quoted : judged;
  const wanted = isText
    ? 'text whose characters the encoding of the database has'
    : others.length > 0
      ? 'values as PostgreSQL spells those of their types'
      : wantedOf(only?.type);
  const named = others.length > 0 ? [only, ...others] : [only ?? parts[0]];
  const value = named.length > 1 ? named.map((part) => String(part?.value)).join(', ') : named[0]?.value;
  return badKey({ type: entity.name, field: named.map((part) => part?.field).join(' '), value, wanted, cause });
}

function wantedOf(type: SqlType | undefined): string {
  if (type?.kind === 'enum' && !type.array) return 'one of the labels of its type';
  // A type name with a schema belongs to the application and is not shown to clients.
  if (type === undefined || type.array || type.sql.includes('.'))
    return 'a value as PostgreSQL spells those of its type';
  const example = SPELLINGS.get(type.sql);
  return `a value of type ${type.sql.replaceAll('"', '')}${example === undefined ? ' as PostgreSQL spells it' : ` such as ${example}`}`;
}
