/** Owns the loader of one list or connection with one set of arguments: one statement for all parents of a batch. */
import DataLoader from 'dataloader';
import { rowsCodec } from '../../cache/row-codec.ts';
import { type Caching, type Row } from '../../model/model.ts';
import { badInput, isDataException } from '../input.ts';
import { type Executor, type Statement } from '../ports.ts';
import { readRow } from '../sql/columns.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { selectSlice, selectSlices, slicesOf, type Slice } from '../sql/select-many.ts';
import { halving } from './halving.ts';
import {
  keyContent,
  keyText,
  tagOfKey,
  throughCache,
  variants,
  type CacheScope,
  type LoaderCaching,
  type Variants,
} from './through-cache.ts';

export interface SliceLoaderOptions {
  readonly slice: Slice;
  readonly executor: Executor;
  /** Null disables caching. */
  readonly caching: LoaderCaching | null;
  /** The caching settings of the field. */
  readonly keeping: Caching;
  readonly maxBatch: number;
  readonly onRow: (row: Row) => void;
}

/**
 * Runs a statement. If the server rejects a value that passed our checks, the error is rephrased in the client's terms.
 */
export async function queryWithInput(executor: Pick<Executor, 'query'>, statement: Statement): Promise<readonly Row[]> {
  try {
    return await executor.query(statement);
  } catch (error) {
    if (isDataException(error))
      throw badInput('A value of a key or among the arguments (a cursor or a filter) does not fit its column.', error);
    throw error;
  }
}

export class SliceLoader {
  readonly #options: SliceLoaderOptions;
  readonly #loader: DataLoader<KeyValues, readonly Row[], string>;
  readonly #caching: LoaderCaching | null;
  readonly #variants: Variants | null;

  constructor(options: SliceLoaderOptions) {
    this.#options = options;
    const { slice, caching, keeping } = options;
    this.#caching = keeping.off === null ? caching : null;
    this.#variants = this.#caching && sliceVariants(slice, this.#caching.scope);
    // At the root every load has the same empty key, so the same selection is read once.
    this.#loader = new DataLoader((parents) => this.#load(parents), {
      maxBatchSize: options.maxBatch,
      cacheKeyFn: keyText,
    });
  }

  load(parent: KeyValues): Promise<readonly Row[]> {
    return this.#loader.load(parent);
  }

  async #load(parents: readonly KeyValues[]): Promise<readonly (readonly Row[] | Error)[]> {
    const { slice } = this.#options;
    const slices = await halving(keyColumnsOf(slice), parents, (some) => this.#loadTogether(some));
    // Errors are removed from the memo (R9).
    for (const [i, parent] of parents.entries()) if (slices[i] instanceof Error) this.#loader.clear(parent);
    return slices;
  }

  async #loadTogether(parents: readonly KeyValues[]): Promise<readonly (readonly Row[])[]> {
    const { executor, onRow } = this.#options;
    const slices =
      this.#caching === null ? await this.#read(parents, executor) : await this.#readThrough(parents, this.#caching);
    for (const rows of slices) rows.forEach(onRow);
    return slices;
  }

  #readThrough(parents: readonly KeyValues[], { cache, tags }: LoaderCaching): Promise<readonly (readonly Row[])[]> {
    const { slice, executor, keeping } = this.#options;
    const { entity } = slice;
    const key = keyColumnsOf(slice);
    return throughCache({
      executor,
      cache,
      keys: parents.map((parent) => ({
        tags: [tagOfKey(tags, key, parent)],
        variant: this.#variants?.of(parent) ?? '',
      })),
      keeping,
      codec: rowsCodec(entity),
      load: (places, via) =>
        this.#read(
          places.map((place) => parents[place] as KeyValues),
          via,
        ),
    });
  }

  async #read(parents: readonly KeyValues[], via: Pick<Executor, 'query'>): Promise<readonly (readonly Row[])[]> {
    const { slice } = this.#options;
    const root = slice.joinColumns.length === 0;
    const answer = await queryWithInput(via, root ? selectSlice(slice) : selectSlices(slice, parents));
    return root ? [answer.map((row) => readRow(slice.entity, row))] : slicesOf(slice.entity, answer, parents.length);
  }
}

/** The cache variants of the slice, one per parent, for one viewer. */
export function sliceVariants(slice: Slice, scope: CacheScope): Variants {
  return variants({
    kind: 'slice',
    entity: slice.entity,
    scope,
    content: () => contentOf(slice),
    owner: slice,
    name: '',
  });
}

function keyColumnsOf({ entity, joinColumns: columns, comparisons }: Slice): KeyColumns {
  return { entity, columns, comparisons };
}

/** Distinguishes two slices of one parent: the whole text and values of the statement, including the limit. */
function contentOf(slice: Slice): unknown {
  const { text, values } = selectSlice(slice);
  return [keyContent(slice.joinColumns, slice.comparisons), text, values];
}
