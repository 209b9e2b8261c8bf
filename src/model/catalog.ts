/**
 * Owns what the model needs to know of a database's catalog: tables with their columns, keys, references and indexes.
 */
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Column, type Table } from './model.ts';

export interface CatalogColumn extends Column {
  /** Labels of an enum type (or of the elements of an array of one), in the type's order; null for other types. */
  readonly labels: readonly string[] | null;
  /** Name of the type for `Catalog.compare`. */
  readonly typeId: string;
  /**
   * The type whose operators compare its values, and its indexes by default serve: its own, or the one that it is a
   * spelling of, as `text` of `varchar`.
   */
  readonly comparedAs: string | null;
  /** The collation, where values that it holds to be equal may differ in their text; null where they may not. */
  readonly looseCollation: string | null;
  /** The database alone writes it: generated, or an identity that is `GENERATED ALWAYS`. */
  readonly readOnly: boolean;
  /**
   * A CHECK of its own keeps out what NOT NULL lets in: NULL among the entries of an array, JSON's null as a document.
   */
  readonly keepsNullOut?: boolean;
}

/** Rows of the table hold, in `columns`, the values of `toColumns` of a row of `toTable`. */
export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly toTable: Table;
  readonly toColumns: readonly string[];
  /** How the key itself compares `toColumns[i]` with `columns[i]`; left out where that is not known. */
  readonly operators?: readonly PairOperator[];
}

/** An operator between two types. */
export interface PairOperator {
  /** As SQL spells it. */
  readonly sql: string;
  /** Types that it takes, which operands of others are cast to; null: operands of one type each, whatever it is. */
  readonly left: string | null;
  readonly right: string | null;
  /** Its answer depends on settings of the session, such as the time zone. */
  readonly isUnstable: boolean;
}

/** What kind of thing a table of the catalog is. */
export type Relation = 'table' | 'partitioned' | 'foreign' | 'view' | 'materialized';

/** How the publication shows a table. */
export interface Publishing {
  /** Which of insert, update, delete and truncate it leaves out. */
  readonly omits: readonly string[];
  /** Only some of the table's rows or columns. */
  readonly filtered: boolean;
  /** Another one as soon as the publication has taken the table in anew, or was itself changed. */
  readonly revision?: string;
}

/** A policy of row-level security that decides which rows a SELECT sees. */
export interface Policy {
  readonly name: string;
  /** As the database spells it. */
  readonly condition: string;
}

export interface CatalogTable extends Table {
  /** Views have no keys, and what may be null in them is not known. */
  readonly kind: 'table' | 'view';
  readonly relation: Relation;
  /** False for what is unlogged or temporary: its changes are not in the WAL. */
  readonly isLogged: boolean;
  /** Other tables, which are no partitions, inherit from it: a SELECT shows their rows as well. */
  readonly isInherited: boolean;
  /** REPLICA IDENTITY FULL: changes carry the old row whole. */
  readonly keepsOldRows: boolean;
  /** Null: the publication does not have it, or none was asked about. */
  readonly publishing: Publishing | null;
  /** Null: row-level security is off. */
  readonly policies: readonly Policy[] | null;
  /** Another one as soon as its columns, its policies or itself are altered. */
  readonly revision?: string;
  readonly columns: ReadonlyMap<string, CatalogColumn>;
  readonly primaryKey: readonly string[] | null;
  /**
   * Column sets that no two rows share, the primary key first; columns may be nullable. Partial and expression indexes
   * do not count.
   */
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Key columns of each index over plain columns, in order; partial ones are left out. */
  readonly indexes: readonly (readonly string[])[];
  /** A row trigger runs before each insert and may fill columns that the insert leaves out. */
  readonly fillsOnInsert: boolean;
}

export interface Catalog {
  /** Tables and views by `schema.name`. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** The schemas that were read, in the order in which unqualified names are looked up. */
  readonly searchPath: readonly string[];
  /** The publication that was asked about. */
  readonly publication: { readonly name: string; readonly exists: boolean } | null;
  /** How the database compares two columns of different types, by their `typeId`s; null where it cannot. */
  compare(left: string, right: string): PairOperator | null;
}

/** `public.tasks`; a name with a dot or a quote in it stands in quotes, so that no two tables share a key. */
export function tableKey({ schema, name }: Table): string {
  const part = (text: string): string => (/[."]/.test(text) ? quoteIdentifier(text) : text);
  return `${part(schema)}.${part(name)}`;
}

/** The table of that name: in `schema`, or in the first schema of the search path that has it. */
export function findTable(catalog: Catalog, name: string, schema: string | null): CatalogTable | null {
  for (const candidate of schema === null ? catalog.searchPath : [schema]) {
    const table = catalog.tables.get(tableKey({ schema: candidate, name }));
    if (table) return table;
  }
  return null;
}

/** Whether `columns`, in any order, contain a unique key. */
export function coversUniqueKey(table: CatalogTable, columns: readonly string[]): boolean {
  return table.uniqueKeys.some((key) => key.every((column) => columns.includes(column)));
}

/** Whether some index begins with exactly `columns`, in any order: a lookup by them is then one descent. */
export function hasIndexOn(table: CatalogTable, columns: readonly string[]): boolean {
  return table.indexes.some(
    (index) =>
      index.length >= columns.length && index.slice(0, columns.length).every((column) => columns.includes(column)),
  );
}
