/**
 * Owns the true history: every row that ever was, with the positions between which it was, and what any read had to
 * show at any of them.
 */
import { type Lsn } from '../../src/base/lsn.ts';
import { type Selection, type Sight } from './record.ts';
import { compareValues, LOOKED_UP, shownValue, TABLE_NAMES, type TableName, type TruthRow } from './tables.ts';

/** What one commit did to one row. */
export interface Touch {
  readonly table: TableName;
  readonly id: string;
  /** Null: it was not there. */
  readonly before: TruthRow | null;
  /** Null: it is not there any more. */
  readonly after: TruthRow | null;
}

export interface Commit {
  /**
   * The lowest position that names it: one byte into its commit record, since a server that was just applying a record
   * is said to be one byte into it.
   */
  readonly lsn: Lsn;
  /** End of the commit record: whoever has replayed up to here shows it. */
  readonly endLsn: Lsn;
  /** The low 32 bits of the transaction's id. */
  readonly xid: number;
  readonly touches: readonly Touch[];
  /** When somebody was told of it, monotonic milliseconds; Infinity until then. */
  toldAtMs: number;
}

interface Version {
  readonly lsn: Lsn;
  readonly row: TruthRow | null;
}

/** The rows that ever had a value in a column, and where they changed. */
interface Listing {
  readonly ids: Set<string>;
  readonly lsns: Lsn[];
}

const START = 0n as Lsn;

export class Truth {
  readonly commits: Commit[] = [];
  readonly #versions = new Map<string, Version[]>();
  readonly #listings = new Map<string, Listing>();
  /** Values of text columns, with the commit that first wrote them. */
  readonly #written = new Map<string, Lsn>();
  readonly #byXid = new Map<number, Commit>();
  #reached = START;

  /** Everything up to here is known. */
  get reached(): Lsn {
    return this.#reached;
  }

  /** Somebody was told of the transaction; false: it is not known (yet). */
  tell(xid: number, ms: number): boolean {
    const commit = this.#byXid.get(xid);
    if (commit === undefined) return false;
    commit.toldAtMs = Math.min(commit.toldAtMs, ms);
    return true;
  }

  commitAt(lsn: Lsn): Commit | undefined {
    const found = this.commits[countUpTo(this.commits, (commit) => commit.lsn <= lsn) - 1];
    return found?.lsn === lsn ? found : undefined;
  }

  /** The last commit that touched the selection and that somebody had been told of by `ms`; undefined without one. */
  toldBy(selection: Selection, ms: number, to: Lsn): Lsn | undefined {
    return this.positions(selection, START, to).find((lsn) => (this.commitAt(lsn)?.toldAtMs ?? Infinity) <= ms);
  }

  reach(lsn: Lsn): void {
    if (lsn > this.#reached) this.#reached = lsn;
  }

  /** The rows before the first commit. */
  begin(table: TableName, rows: readonly TruthRow[]): void {
    for (const row of rows) this.#touch(START, { table, id: row['id'] ?? '', before: null, after: row });
  }

  /** In the order of commits. */
  add(commit: Commit): void {
    this.commits.push(commit);
    this.#byXid.set(commit.xid, commit);
    for (const touch of commit.touches) this.#touch(commit.lsn, touch);
    this.reach(commit.lsn);
  }

  /**
   * The floor as commits have it. One in the middle of a commit record, where half of it was flushed, does not ask for
   * that commit.
   */
  floor(lsn: Lsn): Lsn {
    const last = this.commits[countUpTo(this.commits, (commit) => commit.lsn <= lsn) - 1];
    return last !== undefined && lsn !== last.lsn && lsn < last.endLsn ? ((last.lsn - 1n) as Lsn) : lsn;
  }

  rowAt(table: TableName, id: string, lsn: Lsn): TruthRow | null {
    const versions = this.#versions.get(`${table} ${id}`) ?? [];
    return versions[countUpTo(versions, ({ lsn: at }) => at <= lsn) - 1]?.row ?? null;
  }

  /** The newest state of a table, by id. */
  tip(table: TableName): Map<string, TruthRow> {
    const rows = new Map<string, TruthRow>();
    const prefix = `${table} `;
    for (const [key, versions] of this.#versions) {
      const row = key.startsWith(prefix) ? versions.at(-1)?.row : null;
      if (row) rows.set(key.slice(prefix.length), row);
    }
    return rows;
  }

  /** Ids of every row that ever was. */
  everIds(table: TableName): string[] {
    const prefix = `${table} `;
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** The commit that first wrote a value; undefined where none did. */
  writtenAt(value: string): Lsn | undefined {
    return this.#written.get(value);
  }

  /**
   * Positions at which the selection may have changed, newest first, and `from` itself: between two of them it stayed
   * as it was.
   */
  positions({ table, column, value }: Selection, from: Lsn, to: Lsn): Lsn[] {
    const lsns = this.#listings.get(listingKey(table, column, value))?.lsns ?? [];
    const [first, last] = [countUpTo(lsns, (lsn) => lsn <= from), countUpTo(lsns, (lsn) => lsn <= to)];
    return [...lsns.slice(first, last).reverse(), from];
  }

  /** What the sight had to be at a position. */
  expected({ selection, what, columns }: Sight, lsn: Lsn): string {
    const rows = this.#select(selection, lsn);
    if (what === 'count') return String(rows.length);
    const page = rows
      .slice(0, selection.first ?? rows.length)
      .map((row) => columns.map((column) => shownValue(column, row[column] ?? null)));
    return JSON.stringify(what === 'page' ? { rows: page, more: rows.length > page.length } : page);
  }

  #select({ table, column, value, where, order, after }: Selection, lsn: Lsn): TruthRow[] {
    const found: TruthRow[] = [];
    for (const id of this.#listings.get(listingKey(table, column, value))?.ids ?? []) {
      const row = this.rowAt(table, id, lsn);
      if (
        row !== null &&
        (column === '' || row[column] === value) &&
        (where === undefined || where(row)) &&
        (after === undefined || compare(order, row, after) > 0)
      )
        found.push(row);
    }
    return found.sort((a, b) =>
      compare(
        order,
        a,
        order.map((term) => b[term.column] ?? ''),
      ),
    );
  }

  #touch(lsn: Lsn, touch: Touch): void {
    const { table, id, before, after } = touch;
    const key = `${table} ${id}`;
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    if (versions.at(-1)?.lsn === lsn) versions.pop();
    versions.push({ lsn, row: after });
    for (const column of LOOKED_UP[table]) {
      for (const value of new Set(
        [before, after].filter((row) => row !== null).map((row) => (column === '' ? '' : row[column])),
      )) {
        if (value !== null && value !== undefined) this.#list(listingKey(table, column, value), id, lsn);
      }
    }
    for (const value of Object.values(after ?? {}))
      if (value !== null && !this.#written.has(value)) this.#written.set(value, lsn);
  }

  #list(key: string, id: string, lsn: Lsn): void {
    const listing = this.#listings.get(key) ?? { ids: new Set(), lsns: [] };
    this.#listings.set(key, listing);
    listing.ids.add(id);
    if (listing.lsns.at(-1) !== lsn) listing.lsns.push(lsn);
  }

  /** Forgets which rows left lists before `lsn`; reads that may be older than that can no longer be judged. */
  forgetUpTo(lsn: Lsn): void {
    for (const [key, { ids }] of this.#listings) {
      const [place = ''] = key.split('=', 1);
      const table = place.slice(0, place.indexOf('.')) as TableName;
      for (const id of ids) {
        const last = this.#versions.get(`${table} ${id}`)?.at(-1);
        if (last !== undefined && last.row === null && last.lsn < lsn) ids.delete(id);
      }
    }
  }
}

export const emptyTables = (): Map<TableName, Map<string, TruthRow>> =>
  new Map(TABLE_NAMES.map((table) => [table, new Map<string, TruthRow>()]));

function listingKey(table: TableName, column: string, value: string): string {
  return `${table}.${column}=${value}`;
}

function compare(order: Selection['order'], row: TruthRow, values: readonly string[]): number {
  for (const [i, { column, descending }] of order.entries()) {
    const difference = compareValues(column, row[column] ?? '', values[i] ?? '');
    if (difference !== 0) return descending ? -difference : difference;
  }
  return 0;
}

/** How many items at the front satisfy what only items at the front do. */
function countUpTo<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
