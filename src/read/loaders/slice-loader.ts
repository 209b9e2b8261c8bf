/** Owns the loader of one list or connection with one set of arguments: one statement for all parents of a batch. */
import DataLoader from 'dataloader';
import { type Row } from '../../model/model.ts';
import { badInput, isDataException } from '../input.ts';
import { type Executor, type Statement } from '../ports.ts';
import { readRow } from '../sql/columns.ts';
import { type KeyValues } from '../sql/parents.ts';
import { selectSlice, selectSlices, slicesOf, type Slice } from '../sql/select-many.ts';

export interface SliceLoaderOptions {
  readonly slice: Slice;
  readonly executor: Executor;
  readonly maxBatch: number;
  readonly onRow: (row: Row) => void;
}

/** The client's values passed our checks and failed the server's: say so in the client's terms. */
export async function queryWithInput(executor: Executor, statement: Statement): Promise<readonly Row[]> {
  try {
    return await executor.query(statement);
  } catch (error) {
    if (isDataException(error)) throw badInput('A value among the arguments (a cursor or a filter) does not fit its column.', error);
    throw error;
  }
}

export class SliceLoader {
  readonly #options: SliceLoaderOptions;
  readonly #loader: DataLoader<KeyValues, readonly Row[], string>;

  constructor(options: SliceLoaderOptions) {
    this.#options = options;
    // At the root every load has the same empty key, so that the same selection is read once.
    this.#loader = new DataLoader((parents) => this.#load(parents), { maxBatchSize: options.maxBatch, cacheKeyFn: (key) => JSON.stringify(key) });
  }

  load(parent: KeyValues): Promise<readonly Row[]> {
    return this.#loader.load(parent);
  }

  async #load(parents: readonly KeyValues[]): Promise<readonly (readonly Row[])[]> {
    const { slice, executor, onRow } = this.#options;
    const root = slice.joinColumns.length === 0;
    const answer = await queryWithInput(executor, root ? selectSlice(slice) : selectSlices(slice, parents));
    const slices = root ? [answer.map((row) => readRow(slice.entity, row))] : slicesOf(slice.entity, answer, parents.length);
    for (const rows of slices) rows.forEach(onRow);
    return slices;
  }
}
