/** Owns the loader of one entity by one unique key: one statement per batch, independent of the number of keys. */
import DataLoader from 'dataloader';
import { type MeridianError } from '../../base/errors.ts';
import { rowCodec } from '../../cache/row-codec.ts';
import { type Row } from '../../model/model.ts';
import { normalizeValue, type SqlParam } from '../../model/values.ts';
import { badKey, isDataException, keyField } from '../input.ts';
import { type Executor } from '../ports.ts';
import { keyType } from '../sql/comparing.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { rowsByKey } from '../sql/rows-by-key.ts';
import { refusedKey } from './halving.ts';
import {
  keyContent,
  keyName,
  keyText,
  tagOfKey,
  throughCache,
  variants,
  type CacheScope,
  type LoaderCaching,
  type Variants,
} from './through-cache.ts';

/**
 * The canonical key values, or null if one is NULL, since no row has a NULL in a key. Throws `BAD_USER_INPUT` for a
 * value that its column's type cannot hold. Accepts the same values and spellings as arguments and filters.
 */
export function keyOf(of: KeyColumns, values: readonly unknown[]): KeyValues | null {
  const { entity, columns } = of;
  const key: SqlParam[] = [];
  let hasNull = false;
  for (let i = 0; i < columns.length; i += 1) {
    const normalized = normalizeValue(keyType(of, i), values[i]);
    if ('problem' in normalized)
      throw badKey({
        type: entity.name,
        field: keyField(entity, columns[i] as string),
        value: values[i],
        wanted: normalized.problem,
      });
    hasNull ||= normalized.value === null;
    key.push(normalized.value);
  }
  return hasNull ? null : key;
}

/** The key of a row that was read; null where no client value can equal it. */
export function keyInRow(of: KeyColumns, row: Row): KeyValues | null {
  const key: SqlParam[] = [];
  for (const [i, column] of of.columns.entries()) {
    const normalized = normalizeValue(keyType(of, i), row[column]);
    // A column may hold values that no client can send, such as a multidimensional array.
    if ('problem' in normalized || normalized.value === null) return null;
    key.push(normalized.value);
  }
  return key;
}

/** The cache variants of rows by these columns, for one viewer. */
export function rowVariants({ entity, columns, comparisons }: KeyColumns, scope: CacheScope): Variants {
  return variants({
    kind: 'row',
    entity,
    scope,
    content: () => keyContent(columns, comparisons),
    owner: comparisons ?? columns,
    name: keyName(columns, comparisons),
  });
}

export interface KeyLoaderOptions extends KeyColumns {
  readonly executor: Executor;
  /** Null disables caching. */
  readonly caching: LoaderCaching | null;
  readonly maxBatch: number;
  /**
   * Rows of the entity that the operation has read by any means; rows are appended while it runs. Rows in it are not
   * read again by this key.
   */
  readonly known: readonly Row[];
  /** Called for each row that was read, so that the loaders of the entity's other keys can use it. */
  readonly onRow: (row: Row) => void;
}

/**
 * The row of one key; null where there is none; an error where the database rejected the key as a value of its type.
 */
type Found = Row | MeridianError | null;

export class KeyLoader {
  readonly #options: KeyLoaderOptions;
  readonly #loader: DataLoader<KeyValues, Row | null, string>;
  readonly #caching: LoaderCaching | null;
  readonly #variants: Variants | null;
  /** The number of known rows that have been primed. */
  #told = 0;

  constructor(options: KeyLoaderOptions) {
    this.#options = options;
    const { entity, caching } = options;
    this.#caching = entity.caching.off === null ? caching : null;
    this.#variants = this.#caching && rowVariants(options, this.#caching.scope);
    // DataLoader drops a batch that throws, so the memo never holds an error (R9).
    this.#loader = new DataLoader<KeyValues, Row | null, string>((keys) => this.#load(keys), {
      maxBatchSize: options.maxBatch,
      cacheKeyFn: keyText,
    });
  }

  async load(values: readonly unknown[]): Promise<Row | null> {
    this.#learn();
    const key = keyOf(this.#options, values);
    return key === null ? null : this.#loader.load(key);
  }

  /** Primes known rows on the first load by this key: most rows of a list are never loaded by it. */
  #learn(): void {
    const { known } = this.#options;
    for (; this.#told < known.length; this.#told += 1) this.#prime(known[this.#told] as Row);
  }

  /** A row that is already primed is not replaced. */
  #prime(row: Row): void {
    const key = keyInRow(this.#options, row);
    if (key !== null) this.#loader.prime(key, row);
  }

  async #load(keys: readonly KeyValues[]): Promise<readonly Found[]> {
    const found = this.#caching === null ? await this.#read(keys) : await this.#readThrough(keys, this.#caching);
    for (const [i, one] of found.entries()) {
      // Errors are removed from the memo.
      if (one instanceof Error) this.#loader.clear(keys[i] as KeyValues);
      else if (one !== null) this.#options.onRow(one);
    }
    return found;
  }

  async #readThrough(keys: readonly KeyValues[], { cache, tags }: LoaderCaching): Promise<readonly Found[]> {
    const { entity, executor } = this.#options;
    try {
      return await throughCache({
        executor,
        cache,
        keys: keys.map((key) => ({
          tags: [tagOfKey(tags, this.#options, key)],
          variant: this.#variants?.of(key) ?? '',
        })),
        keeping: entity.caching,
        codec: rowCodec(entity),
        load: (places, via) =>
          this.#query(
            places.map((place) => keys[place] as KeyValues),
            via,
          ),
      });
    } catch (error) {
      // The absence of a row is cached with a position, and a failed statement provides none, so such a batch bypasses
      // the cache.
      if (!isDataException(error)) throw error;
      return this.#readHalves(keys, error);
    }
  }

  /** A text that its type rejects fails the whole statement, so the batch is halved until that key is alone. */
  async #read(keys: readonly KeyValues[]): Promise<readonly Found[]> {
    try {
      return await this.#query(keys, this.#options.executor);
    } catch (error) {
      if (!isDataException(error)) throw error;
      return this.#readHalves(keys, error);
    }
  }

  async #readHalves(keys: readonly KeyValues[], error: MeridianError): Promise<readonly Found[]> {
    const [only] = keys;
    if (only !== undefined && keys.length === 1) {
      // With `comparisons` the key comes from another column. A value out of range of the common type is valid there,
      // but no row can equal it.
      return [this.#options.comparisons === undefined ? refusedKey(this.#options, only, error) : null];
    }
    const middle = keys.length >> 1;
    return [...(await this.#read(keys.slice(0, middle))), ...(await this.#read(keys.slice(middle)))];
  }

  async #query(keys: readonly KeyValues[], via: Pick<Executor, 'query'>): Promise<readonly (Row | null)[]> {
    const batch = rowsByKey(this.#options, keys);
    return batch.rowsOf(await via.query(batch.statement));
  }
}
