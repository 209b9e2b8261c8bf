/**
 * Owns the part of a database's catalog that the model is built from: tables with their columns, keys, references and
 * indexes.
 */
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Column, type Table } from './model.ts';

export interface CatalogColumn extends Column {
  /** Labels of an enum type (or of the elements of an array of one), in the type's order; null for other types. */
  readonly labels: readonly string[] | null;
  /** Name of the type for `Catalog.compare`. */
  readonly typeId: string;
  /**
   * The type whose operators compare its values and whose default operator class its indexes use: its own type, or the
   * type that it is binary-coercible to, as `varchar` is to `text`.
   */
  readonly comparedAs: string | null;
  /**
   * The column's collation if it is nondeterministic, so that equal values may differ in their text; null otherwise.
   */
  readonly looseCollation: string | null;
  /** Only the database writes it: a generated column, or an identity column that is `GENERATED ALWAYS`. */
  readonly readOnly: boolean;
  /** A CHECK constraint excludes nulls that NOT NULL does not: NULL elements of an array, or JSON null as a document. */
  readonly keepsNullOut?: boolean;
}

/** A row's `columns` hold the values of `toColumns` of a row of `toTable`. */
export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly toTable: Table;
  readonly toColumns: readonly string[];
  /**
   * The operators with which the constraint compares `toColumns[i]` with `columns[i]`; left out where they are not
   * known.
   */
  readonly operators?: readonly PairOperator[];
}

/** An operator between two types. */
export interface PairOperator {
  /** The operator as SQL spells it. */
  readonly sql: string;
  /**
   * Type of the left operand, to which an operand of another type is cast; null: the operator is polymorphic and takes
   * two operands of the same type.
   */
  readonly left: string | null;
  readonly right: string | null;
  /** The result depends on settings of the session, such as the time zone. */
  readonly isUnstable: boolean;
}

/** The kind of relation that a table of the catalog is. */
export type Relation = 'table' | 'partitioned' | 'foreign' | 'view' | 'materialized';

/** What the publication contains of a table. */
export interface Publishing {
  /** Those of insert, update, delete and truncate that are not published. */
  readonly omits: readonly string[];
  /** The publication has a row filter or a column list for the table. */
  readonly filtered: boolean;
  /** Changes when the table is added to the publication again, and when the publication is altered. */
  readonly revision?: string;
}

/** A policy of row-level security that decides which rows a SELECT sees. */
export interface Policy {
  readonly name: string;
  /** The expression as the database prints it. */
  readonly condition: string;
}

export interface CatalogTable extends Table {
  /** Views have no keys, and whether their columns can be null is not known. */
  readonly kind: 'table' | 'view';
  readonly relation: Relation;
  /** False for unlogged and temporary tables: their changes are not in the WAL. */
  readonly isLogged: boolean;
  /** Tables that are not partitions inherit from it: a SELECT returns their rows as well. */
  readonly isInherited: boolean;
  /** REPLICA IDENTITY FULL: a change in the WAL contains all columns of the old row. */
  readonly keepsOldRows: boolean;
  /** Null: the table is not in the publication, or no publication was given. */
  readonly publishing: Publishing | null;
  /** Null: row-level security is off. */
  readonly policies: readonly Policy[] | null;
  /** Changes when the table, its columns or its policies are altered. */
  readonly revision?: string;
  readonly columns: ReadonlyMap<string, CatalogColumn>;
  readonly primaryKey: readonly string[] | null;
  /**
   * Column sets with a unique index, the primary key first; columns may be nullable. Partial indexes and indexes on
   * expressions are left out.
   */
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Key columns of each index on plain columns, in index order; partial indexes are left out. */
  readonly indexes: readonly (readonly string[])[];
  /** The table has a BEFORE INSERT row trigger, which may set columns that the insert leaves out. */
  readonly fillsOnInsert: boolean;
}

export interface Catalog {
  /** Tables and views by `schema.name`. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** The schemas that were read, in the order of the search path. */
  readonly searchPath: readonly string[];
  /** The publication that the catalog was read for. */
  readonly publication: { readonly name: string; readonly exists: boolean } | null;
  /** How the database compares columns of two different types, given their `typeId`s; null if it cannot. */
  compare(left: string, right: string): PairOperator | null;
}

/**
 * `public.tasks`; a name that contains a dot or a double quote is quoted, so that two tables never have the same key.
 */
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

/**
 * Whether the first columns of some index are exactly `columns`, in any order, so that a lookup by them is one index
 * scan.
 */
export function hasIndexOn(table: CatalogTable, columns: readonly string[]): boolean {
  return table.indexes.some(
    (index) =>
      index.length >= columns.length && index.slice(0, columns.length).every((column) => columns.includes(column)),
  );
}
