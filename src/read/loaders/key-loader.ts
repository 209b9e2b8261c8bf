/** Owns one entity's loader by one unique key: one statement per batch, whatever the number of keys. */
import DataLoader from 'dataloader';
import { type Entity, type Row } from '../../model/model.ts';
import { normalizeValue, type SqlParam } from '../../model/values.ts';
import { isDataException } from '../input.ts';
import { type Executor } from '../ports.ts';
import { columnType } from '../sql/identifiers.ts';
import { type KeyValues } from '../sql/parents.ts';
import { rowsByKey } from '../sql/rows-by-key.ts';

/** Canonical key values, or null where one is NULL or cannot be a value of its column: such a key has no row. */
export function keyOf(entity: Entity, columns: readonly string[], values: readonly unknown[]): KeyValues | null {
  const key: SqlParam[] = [];
  for (const [i, column] of columns.entries()) {
    const normalized = normalizeValue(columnType(entity, column), values[i]);
    if ('problem' in normalized || normalized.value === null) return null;
    key.push(normalized.value);
  }
  return key;
}

export interface KeyLoaderOptions {
  readonly entity: Entity;
  readonly columns: readonly string[];
  readonly executor: Executor;
  readonly maxBatch: number;
  /** Is told of each row that was read, so that the entity's other keys know it too. */
  readonly onRow: (row: Row) => void;
}

export class KeyLoader {
  readonly #options: KeyLoaderOptions;
  readonly #loader: DataLoader<KeyValues, Row | null, string>;

  constructor(options: KeyLoaderOptions) {
    this.#options = options;
    // A batch that throws is forgotten by DataLoader itself, so the memo never holds an error (R9).
    this.#loader = new DataLoader((keys) => this.#load(keys), { maxBatchSize: options.maxBatch, cacheKeyFn: (key) => JSON.stringify(key) });
  }

  async load(values: readonly unknown[]): Promise<Row | null> {
    const key = keyOf(this.#options.entity, this.#options.columns, values);
    return key === null ? null : this.#loader.load(key);
  }

  /** Remembers a row that was read by other means. A row already known stays. */
  prime(row: Row): void {
    const { entity, columns } = this.#options;
    const key = keyOf(entity, columns, columns.map((column) => row[column]));
    if (key !== null) this.#loader.prime(key, row);
  }

  async #load(keys: readonly KeyValues[]): Promise<readonly (Row | null)[]> {
    const rows = await this.#read(keys);
    for (const row of rows) if (row !== null) this.#options.onRow(row);
    return rows;
  }

  /** A text that its type refuses fails the statement: the batch is halved until that key stands alone, without a row. */
  async #read(keys: readonly KeyValues[]): Promise<readonly (Row | null)[]> {
    const { entity, columns, executor } = this.#options;
    const batch = rowsByKey(entity, columns, keys);
    try {
      return batch.rowsOf(await executor.query(batch.statement));
    } catch (error) {
      if (!isDataException(error)) throw error;
      if (keys.length === 1) return [null];
      const middle = keys.length >> 1;
      return [...(await this.#read(keys.slice(0, middle))), ...(await this.#read(keys.slice(middle)))];
    }
  }
}
