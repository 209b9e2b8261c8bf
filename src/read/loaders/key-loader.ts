/** Owns one entity's loader by one unique key: one statement per batch, whatever the number of keys. */
import DataLoader from 'dataloader';
import { rowCodec } from '../../cache/row-codec.ts';
import { type Row, type SqlType } from '../../model/model.ts';
import { isUnsure, normalizeValue, type SqlParam } from '../../model/values.ts';
import { badInput, isDataException } from '../input.ts';
import { type Executor } from '../ports.ts';
import { keyType } from '../sql/comparing.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { rowsByKey } from '../sql/rows-by-key.ts';
import { keyContent, tagOfKey, throughCache, variants, type LoaderCaching } from './through-cache.ts';

/**
 * Canonical key values, or null where one is NULL or cannot be a value of its type: such a key has no row. Throws `BAD_USER_INPUT` for a
 * number that may have lost digits before it came here: it could name another row than the one that was meant.
 */
export function keyOf({ entity, columns, comparisons }: KeyColumns, values: readonly unknown[]): KeyValues | null {
  const key: SqlParam[] = [];
  for (const [i, column] of columns.entries()) {
    const type = keyType(entity, columns, comparisons, i);
    const normalized = normalizeValue(type, asRead(type, values[i]));
    if ('problem' in normalized && isUnsure(values[i])) throw badInput(`The key "${column}" of ${entity.name} must be ${normalized.problem}.`);
    if ('problem' in normalized || normalized.value === null) return null;
    key.push(normalized.value);
  }
  return key;
}

const BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;
const NUMBERS: ReadonlySet<string> = new Set(['int', 'bigint', 'numeric', 'float']);

/** PostgreSQL reads numbers with blanks around them, and NaN and infinity in any case: such a key of a representation has the row of that number. */
function asRead({ kind, array }: SqlType, value: unknown): unknown {
  if (!NUMBERS.has(kind) || array || typeof value !== 'string') return value;
  const text = value.replace(BLANKS, '');
  if (kind === 'int' || kind === 'bigint') return text;
  if (/^nan$/i.test(text)) return 'NaN';
  return /^[+-]?inf(?:inity)?$/i.test(text) ? `${text.startsWith('-') ? '-' : ''}Infinity` : text;
}

export interface KeyLoaderOptions extends KeyColumns {
  readonly executor: Executor;
  /** Null: nothing is cached. */
  readonly caching: LoaderCaching | null;
  readonly maxBatch: number;
  /** Is told of each row that was read, so that the entity's other keys know it too. */
  readonly onRow: (row: Row) => void;
}

export class KeyLoader {
  readonly #options: KeyLoaderOptions;
  readonly #loader: DataLoader<KeyValues, Row | null, string>;
  readonly #caching: LoaderCaching | null;
  readonly #variant: (key: KeyValues) => string;

  constructor(options: KeyLoaderOptions) {
    this.#options = options;
    const { entity, columns, comparisons, caching } = options;
    this.#caching = entity.caching.off === null ? caching : null;
    this.#variant = this.#caching === null ? () => '' : variants({ kind: 'row', entity, scope: this.#caching.scope, content: keyContent(columns, comparisons) });
    // A batch that throws is forgotten by DataLoader itself, so the memo never holds an error (R9).
    this.#loader = new DataLoader((keys) => this.#load(keys), { maxBatchSize: options.maxBatch, cacheKeyFn: (key) => JSON.stringify(key) });
  }

  async load(values: readonly unknown[]): Promise<Row | null> {
    const key = keyOf(this.#options, values);
    return key === null ? null : this.#loader.load(key);
  }

  /** Remembers a row that was read by other means. A row already known stays. */
  prime(row: Row): void {
    const key = keyOf(this.#options, this.#options.columns.map((column) => row[column]));
    if (key !== null) this.#loader.prime(key, row);
  }

  async #load(keys: readonly KeyValues[]): Promise<readonly (Row | null)[]> {
    const rows = this.#caching === null ? await this.#read(keys) : await this.#readThrough(keys, this.#caching);
    for (const row of rows) if (row !== null) this.#options.onRow(row);
    return rows;
  }

  async #readThrough(keys: readonly KeyValues[], { cache, tags }: LoaderCaching): Promise<readonly (Row | null)[]> {
    const { entity, executor } = this.#options;
    try {
      return await throughCache({
        executor,
        cache,
        keys: keys.map((key) => ({ tags: [tagOfKey(tags, this.#options, key)], variant: this.#variant(key) })),
        keeping: entity.caching,
        codec: rowCodec(entity),
        load: (places, via) => this.#query(places.map((place) => keys[place] as KeyValues), via),
      });
    } catch (error) {
      // "No such row" is kept as of a position, and a statement that failed has none: such a batch goes past the cache.
      if (!isDataException(error)) throw error;
      return this.#readHalves(keys);
    }
  }

  /** A text that its type refuses fails the statement: the batch is halved until that key stands alone, without a row. */
  async #read(keys: readonly KeyValues[]): Promise<readonly (Row | null)[]> {
    try {
      return await this.#query(keys, this.#options.executor);
    } catch (error) {
      if (!isDataException(error)) throw error;
      return this.#readHalves(keys);
    }
  }

  async #readHalves(keys: readonly KeyValues[]): Promise<readonly (Row | null)[]> {
    if (keys.length === 1) return [null];
    const middle = keys.length >> 1;
    return [...(await this.#read(keys.slice(0, middle))), ...(await this.#read(keys.slice(middle)))];
  }

  async #query(keys: readonly KeyValues[], via: Pick<Executor, 'query'>): Promise<readonly (Row | null)[]> {
    const batch = rowsByKey(this.#options, keys);
    return batch.rowsOf(await via.query(batch.statement));
  }
}
