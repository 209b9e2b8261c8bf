/** Owns what a catalog says of tables beyond what the model needs: for people who read it, and for who writes SDL of it. */

/** Which rows and columns of which table a view shows, as far as its definition says. */
export interface ViewOrigin {
  /** `schema.name` of the table that each row of the view is one row of; null where it is of none. */
  readonly table: string | null;
  /** Columns of the view that show a column of that table as it is: the view's → the table's. */
  readonly columns: ReadonlyMap<string, string>;
  /** Columns of the view that it groups by, all of them; null where it does not group, or hides one. */
  readonly grouped: readonly string[] | null;
}

export interface TableNotes {
  readonly comment: string | null;
  readonly columnComments: ReadonlyMap<string, string>;
  /** Columns that the role may not read. */
  readonly hidden: readonly string[];
  readonly partitions: number;
  /** Tables of an extension are the extension's. */
  readonly extension: string | null;
  /** Of views. */
  readonly origin: ViewOrigin | null;
}

export interface CatalogNotes {
  /** By `schema.name`, as in `Catalog.tables`. */
  readonly tables: ReadonlyMap<string, TableNotes>;
  /** Comments on types, by the type as SQL spells it. */
  readonly typeComments: ReadonlyMap<string, string>;
  readonly database: string;
  /** Foreign keys that are NOT VALID, or have their triggers off: `schema.name` of the table and the constraint. */
  readonly unproven: ReadonlySet<string>;
}
