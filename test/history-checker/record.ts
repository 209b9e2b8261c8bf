/**
 * Owns the record of a history: what was asked, what each answer showed, and between which positions it has to have
 * been true.
 */
import { type Lsn } from '../../src/base/lsn.ts';
import { type Asking } from './plan.ts';
import { type TableName } from './tables.ts';

export interface Term {
  readonly column: string;
  readonly descending?: boolean;
}

/** The rows that a read is about, in their order. */
export interface Selection {
  readonly table: TableName;
  /** Rows whose column has this value; '' is every row of the table. */
  readonly column: string;
  readonly value: string;
  readonly where?: (row: Readonly<Record<string, string | null>>) => boolean;
  /** What `where` says, for people. */
  readonly whereText?: string;
  readonly order: readonly Term[];
  readonly first?: number;
  /** The page begins after the row with these values of the order's columns. */
  readonly after?: readonly string[];
}

/** One thing that an answer showed: all of it must have been true at one position. */
export interface Sight {
  readonly selection: Selection;
  readonly what: 'rows' | 'page' | 'count';
  /** Columns that were asked for; none with a count. */
  readonly columns: readonly string[];
  /** JSON of what was shown: rows as arrays in the order of `columns`; a page with whether there is more; a count. */
  readonly shown: string;
}

/** What a write has left behind, by which it is found in the true history. */
export type Trace =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'deleted'; readonly table: TableName; readonly id: string };

export interface Answered {
  readonly n: number;
  readonly client: string;
  readonly region: string;
  /** Which of the region's processes. */
  readonly server: string;
  readonly what: string;
  readonly asking: Asking;
  /** Monotonic milliseconds. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** What the token that was sent names; zero without one. */
  readonly sent: Lsn;
  /** Commits that anybody was told of by then, monotonic milliseconds, its level promises to show; null: none. */
  readonly promisedMs: number | null;
  /** What the answer's token names; null where it had none. */
  readonly token: Lsn | null;
  readonly servedBy: Readonly<Record<'cache' | 'replica' | 'primary', number>> | null;
  readonly sights: readonly Sight[];
  readonly trace: Trace | null;
}

export function selectionText({ table, column, value, whereText, order, first, after }: Selection): string {
  const terms = order.map((term) => `${term.column}${term.descending ? ' desc' : ''}`).join(', ');
  return [
    `${table}${column === '' ? '' : ` with ${column} = ${value}`}`,
    whereText,
    terms === '' || column === 'id' ? '' : `by ${terms}`,
    first === undefined ? '' : `first ${first}`,
    after === undefined ? '' : `after ${after.join('/')}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** Where everybody is known to have been: the highest position that any answer had named by a time. */
export class Witness {
  readonly #times: { readonly ms: number; readonly lsn: Lsn }[] = [];

  saw(lsn: Lsn): void {
    const last = this.#times.at(-1);
    if (last === undefined || lsn > last.lsn) this.#times.push({ ms: performance.now(), lsn });
  }

  /** The highest position that was named by `ms`; zero before the first. */
  by(ms: number): Lsn {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle]?.ms ?? Infinity) <= ms) low = middle + 1;
      else high = middle;
    }
    return this.#times[low - 1]?.lsn ?? (0n as Lsn);
  }
}
