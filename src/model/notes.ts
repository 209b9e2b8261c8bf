/**
 * Owns what the catalog says about tables beyond what the model needs: for reports, and for generating SDL from a
 * database.
 */

/** Which table, rows and columns a view shows, as far as its definition reveals it. */
export interface ViewOrigin {
  /** `schema.name` of the table if each row of the view shows one row of it; null otherwise. */
  readonly table: string | null;
  /** Columns of the view that show a column of that table unchanged: view column → table column. */
  readonly columns: ReadonlyMap<string, string>;
  /** All columns of the view's GROUP BY; null if it has none, or if the view does not output one of them. */
  readonly grouped: readonly string[] | null;
}

export interface TableNotes {
  readonly comment: string | null;
  readonly columnComments: ReadonlyMap<string, string>;
  /** Columns that the role may not SELECT. */
  readonly hidden: readonly string[];
  readonly partitions: number;
  /** Name of the extension that owns the table; null if none does. */
  readonly extension: string | null;
  /** Only for views. */
  readonly origin: ViewOrigin | null;
}

export interface CatalogNotes {
  /** By `schema.name`, as in `Catalog.tables`. */
  readonly tables: ReadonlyMap<string, TableNotes>;
  /** Comments on types, by the type as SQL spells it. */
  readonly typeComments: ReadonlyMap<string, string>;
  readonly database: string;
  /**
   * Foreign keys that are NOT VALID or whose triggers are disabled: `schema.name` of the table and the constraint's
   * name.
   */
  readonly unproven: ReadonlySet<string>;
}
