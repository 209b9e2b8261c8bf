/**
 * Owns the application model: entities, their columns, keys and relations, as plain data without any reference to a
 * database driver.
 */

/** A PostgreSQL type as the catalog spells it. */
export interface SqlType {
  /** Name usable in a cast: `bigint`, `text`, `public.task_status`, `text[]`. */
  readonly sql: string;
  /** The JavaScript shape of values that are read. */
  readonly kind: ScalarKind;
  readonly array: boolean;
  /**
   * How the database compares values of the type. Left out: with the unqualified operators `=`, `<`, `LIKE` and so on.
   */
  readonly operators?: Operators;
}

/**
 * The operators of a type's default operator classes as SQL spells them: `=`, or `OPERATOR("extensions".=)` for an
 * operator outside `pg_catalog`.
 */
export interface Operators {
  /** Null: the type has no equality. */
  readonly equal: string | null;
  /** The operators of the type's ORDER BY order; null: the type has no ordering. */
  readonly order: OrderOperators | null;
  /** The operator that matches against a text pattern; null: the type has none. */
  readonly like: string | null;
  /** Values are of a domain, or of an array of a domain, and are cast to the base type before they are compared. */
  readonly ofDomain: boolean;
}

export interface OrderOperators {
  readonly less: string;
  readonly lessOrEqual: string;
  readonly greaterOrEqual: string;
  readonly greater: string;
}

/** How values of one type are compared with a column of another one. */
export interface Comparison {
  readonly type: SqlType;
  /** The operator, as SQL spells it, with the column on its left. */
  readonly equal: string;
  /** Type to which the column is cast before it is compared; null: none. */
  readonly columnCast: string | null;
  /** Type to which the values are cast; null: none. */
  readonly valueCast: string | null;
  /**
   * Equal values have the same text on both sides, so that a row cached under a value of one side is found by the
   * equal value of the other.
   */
  readonly exact: boolean;
}

/** One comparison for each column of a key; null if the values have the column's own type. */
export type Comparisons = readonly (Comparison | null)[];

/**
 * The JavaScript representation of a column's values. A value that a JavaScript number cannot hold exactly is text.
 * `int` (int2, int4) and `float` are numbers, `bool` is a boolean, `json` is the parsed value; all others are strings:
 * `bigint` and `numeric` in digits, `date` as `2026-01-31`, `timestamptz` as ISO 8601 in UTC with microseconds.
 */
export type ScalarKind =
  | 'int'
  | 'float'
  | 'bigint'
  | 'numeric'
  | 'text'
  | 'uuid'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'time'
  | 'json'
  | 'enum'
  | 'bytea'
  | 'other';

export interface Column {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  /** The database fills it when an insert leaves it out (default, identity, generated). */
  readonly hasDefault: boolean;
  /** Equal values have the same text, and changes in the WAL carry the column, so that values can be cached by it. */
  readonly exact: boolean;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
}

/** The place of a definition in the SDL, for messages. */
export interface SourceSpot {
  readonly file: string;
  readonly line: number;
}

/** A federated object and the table that holds its rows. */
export interface Entity {
  readonly name: string;
  readonly table: Table;
  /** Every mapped column, by column name, in the order in which statements select them. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Every field that Meridian resolves, by GraphQL field name. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Columns of the primary key, or of the first unique key if the table has no primary key. */
  readonly primaryKey: readonly string[];
  /** Column sets that the catalog declares unique and not null, the primary key first. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Field sets of the federation `@key`s, as column names. */
  readonly federationKeys: readonly (readonly string[])[];
  /**
   * The federation keys as representations spell them: field paths such as `id` or `organization.id`, in the order of
   * their columns.
   */
  readonly keyPaths: readonly (readonly string[])[];
  /** Fields whose values another subgraph owns and that arrive in representations. */
  readonly external: readonly string[];
  /** Column that each update increments; null if the entity has none. */
  readonly version: string | null;
  /** What happens to a write whose author has not seen the latest version. */
  readonly conflict: Conflicts;
  /** Column that holds a row's tenant: rows of another tenant than the viewer's do not exist for the viewer (R11). */
  readonly tenant: string | null;
  readonly caching: Caching;
  readonly spot: SourceSpot;
}

/** What happens to an update that is based on an older version than the latest; the values of `@conflict`. */
export type ConflictPolicy = 'REJECT' | 'LAST_WRITE_WINS' | 'MERGE' | 'HANDLER';

/** How MERGE combines two concurrent values of one field. */
export type ConflictRule = 'ADD' | 'MAX' | 'MIN' | 'UNION' | 'APPEND' | 'LAST_WRITE_WINS' | 'REJECT';

/** What `@conflict` declares for an entity; without it every conflicting write is refused. */
export interface Conflicts {
  readonly policy: ConflictPolicy;
  /** Name of the application's conflict handler; only with HANDLER. */
  readonly handler: string | null;
  /** Rules of individual columns. */
  readonly rules: ReadonlyMap<string, ConflictRule>;
  /** Rule of all other columns. */
  readonly rule: ConflictRule;
  readonly deleteChanged: 'REJECT' | 'DELETE';
  readonly updateDeleted: 'REJECT' | 'RESTORE';
  readonly insertExisting: 'REJECT' | 'UPDATE' | 'KEEP';
}

export const NO_CONFLICTS: Conflicts = {
  policy: 'REJECT',
  handler: null,
  rules: new Map(),
  rule: 'REJECT',
  deleteChanged: 'REJECT',
  updateDeleted: 'REJECT',
  insertExisting: 'REJECT',
};

/** How far a transaction must be replicated before it is acknowledged; the values of `@durable`. */
export type Durability = 'LOCAL' | 'REMOTE_WRITE' | 'REMOTE_APPLY';

/** How an entity's rows, or the values of one field, are cached. */
export interface Caching {
  /** The reason why they are not cached, for the schema's author; null if they are cached. */
  readonly off: string | null;
  /** Maximum age of a cached value, milliseconds; null: the configured default. */
  readonly ttlMs: number | null;
  /**
   * Maximum number of variants (lists, pages and counts with different arguments) that are cached for one parent;
   * null: the configured default.
   */
  readonly maxVariants: number | null;
}

export type Field = ColumnField | EmbeddedField | ToOneField | ListField | ConnectionField | CountField;

export interface ColumnField {
  readonly kind: 'column';
  readonly column: string;
}

/**
 * An object that has no row of its own and whose fields are columns of the parent row: a value object, or the key of a
 * type that another subgraph owns.
 */
export interface EmbeddedField extends ObjectShape {
  readonly kind: 'embedded';
  readonly target: string;
}

export interface ObjectShape {
  /** Field of the object → the column that it shows, or a nested object. */
  readonly parts: ReadonlyMap<string, string | ObjectShape>;
  /**
   * The object is null if one of these columns is null. If the list is empty, the object is null only if all of its
   * columns are null.
   */
  readonly required: readonly string[];
}

/** Column pairs: `from[i]` of this entity's table equals `to[i]` of the target's. Empty at the root. */
export interface Join {
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** How `from[i]` is compared with `to[i]`; left out: the columns of each pair have the same type. */
  readonly comparisons?: Comparisons;
}

export interface ToOneField {
  readonly kind: 'toOne';
  readonly target: string;
  readonly join: Join;
  /** The foreign key is in the target's row, so that no column of this row identifies the target. */
  readonly isBack?: true;
}

export interface OrderTerm {
  readonly column: string;
  readonly descending: boolean;
}

/**
 * A condition that the SDL declares, in SQL over the target's columns. The schema's author wrote it; it is checked at
 * start.
 */
export type WhereSql = string;

/** Many rows of `target`, reached from a parent by `join` or from the root. */
export interface Selection {
  readonly target: string;
  readonly join: Join;
  readonly where: WhereSql | null;
  /** A total order: the columns of the primary key are its last terms. */
  readonly orderBy: readonly OrderTerm[];
  /** Filter arguments, by argument name. */
  readonly filters: ReadonlyMap<string, FilterArg>;
  /** Argument that selects an order; null if there is none. */
  readonly orderArg: OrderArg | null;
  readonly caching: Caching;
}

export interface ListField extends Selection {
  readonly kind: 'list';
  /** Maximum number of rows. */
  readonly limit: number;
  /** The author declared the limit: further rows are left out. Otherwise more rows than the limit are an error. */
  readonly cuts: boolean;
}

export interface ConnectionField extends Selection {
  readonly kind: 'connection';
  readonly defaultPageSize: number;
  readonly maxPageSize: number;
}

export interface CountField extends Omit<Selection, 'orderBy' | 'orderArg'> {
  readonly kind: 'count';
}

/** Compares the argument's value with a column. */
export interface EqualsFilter {
  readonly kind: 'equals';
  readonly column: string;
  /** A list is one value, as in a JSON document; otherwise a list means "one of". */
  readonly isWhole?: boolean;
}

/** `filter`: the argument is an input object of conditions. */
export type FilterArg = EqualsFilter | { readonly kind: 'filter'; readonly input: FilterInput };

/** A filter input type: its fields are columns, or `and` / `or` / `not` over the same type. */
export interface FilterInput {
  readonly name: string;
  /** Input field → what it tests. Nested `and`/`or`/`not` refer to this same input. */
  readonly fields: ReadonlyMap<string, FilterField>;
}

export type FilterField =
  | EqualsFilter
  | { readonly kind: 'operators'; readonly column: string; readonly operators: ReadonlyMap<string, FilterOperator> }
  | { readonly kind: 'and' | 'or' | 'not' };

export type FilterOperator =
  | 'eq'
  | 'ne'
  | 'in'
  | 'notIn'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'isNull'
  | 'contains'
  | 'startsWith'
  | 'endsWith'
  | 'has'
  | 'hasAny'
  | 'hasAll';

/** Enum value (as GraphQL names it) → order. */
export interface OrderArg {
  readonly argument: string;
  readonly values: ReadonlyMap<string, OrderTerm>;
}

/** How a field of `Query` is resolved. */
export type RootField = LookupRoot | ListField | ConnectionField | CountField | ObjectRoot;

/** One entity by a unique key: argument name → column. */
export interface LookupRoot {
  readonly kind: 'lookup';
  readonly target: string;
  readonly arguments: ReadonlyMap<string, string>;
}

/** An object that has no row (a namespace): each of its fields is resolved separately. */
export interface ObjectRoot {
  readonly kind: 'object';
}

export interface WriteField {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly target: string;
  /** Arguments that identify the row (update, delete): argument name → column; together they are a unique key. */
  readonly keyArguments: ReadonlyMap<string, string>;
  /** Argument that holds the values as an input object; null if the values are arguments of the field. */
  readonly inputArgument: string | null;
  /** Input field (or plain argument) → column. */
  readonly values: ReadonlyMap<string, string>;
  /** Foreign keys whose referenced row must belong to the viewer's tenant. */
  readonly references: readonly TenantReference[];
  /** Where the client states the version that it has seen: an argument or a field of the input; null if it cannot. */
  readonly expectedVersion: 'argument' | 'input' | null;
  /** Requests without an idempotency key are refused. */
  readonly idempotent: boolean;
  /** Null: the server's default. */
  readonly durability: Durability | null;
  /** Fields of the payload type: the entity, the consistency token, and the conflict. */
  readonly payload: {
    readonly entityField: string | null;
    /** The entity field is non-null. */ readonly entityRequired?: boolean;
    readonly tokenField: string | null;
    readonly conflict: ConflictField | null;
  };
}

/** The payload field that describes a refused write, and the fields of its type by what they contain. */
export interface ConflictField {
  readonly field: string;
  readonly reason: string;
  readonly current: string | null;
  readonly version: string | null;
  readonly fields: string | null;
  readonly token: string | null;
}

/** A foreign key to a table whose rows belong to tenants. */
export interface TenantReference {
  /** Name of the constraint. */
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly table: Table;
  /** Columns of the referenced table, in the order of `columns`. */
  readonly toColumns: readonly string[];
  /** Column of the referenced table that holds the tenant. */
  readonly tenant: string;
  readonly tenantType: SqlType;
  /** How `columns[i]` is compared with `toColumns[i]`; left out: the columns of each pair have the same type. */
  readonly comparisons?: Comparisons;
}

/** A type that another subgraph owns. This subgraph knows its keys, and resolves fields that follow from them. */
export interface Stub {
  readonly name: string;
  /** Keys that a gateway may use in representations, as field paths: `id`, `organization.id`. */
  readonly keys: readonly (readonly string[])[];
  /** Relations; their joins lead from key paths to columns. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields whose values are available only in representations. */
  readonly external: readonly string[];
  readonly spot: SourceSpot;
}

/** An interface with keys: a reference to it resolves to the one implementing entity that has a row with the key. */
export interface EntityInterface {
  readonly name: string;
  readonly keys: readonly (readonly string[])[];
  /** Names of the implementing entities. */
  readonly implementations: readonly string[];
}

export interface Model {
  readonly entities: ReadonlyMap<string, Entity>;
  readonly stubs: ReadonlyMap<string, Stub>;
  readonly interfaces: ReadonlyMap<string, EntityInterface>;
  readonly queries: ReadonlyMap<string, RootField>;
  /** Live fields of `Subscription`: each message contains what the same field of `Query` would return. */
  readonly subscriptions: ReadonlyMap<string, RootField>;
  readonly mutations: ReadonlyMap<string, WriteField>;
  /**
   * For every table and view in the database at start, by `schema.name`: why some of its changes may not be seen, as a
   * clause whose subject is "it"; null if all changes are seen.
   */
  readonly unseen: ReadonlyMap<string, string | null>;
}

/** One row as read: column name → value, in the shape that its `ScalarKind` defines. */
export type Row = Readonly<Record<string, unknown>>;

/** The single column of the row that a field shows or follows; null if it has none or several. */
export function columnOfField(field: Field): string | null {
  const columns = columnsOfField(field);
  return columns.length === 1 ? (columns[0] ?? null) : null;
}

/** The columns of the row that a field shows, or that identify the one row or object that it leads to. */
export function columnsOfField(field: Field): readonly string[] {
  switch (field.kind) {
    case 'column':
      return [field.column];
    case 'embedded':
      return columnsOfObject(field);
    case 'toOne':
      return field.isBack ? [] : field.join.from;
    default:
      return [];
  }
}

export function columnsOfObject({ parts }: ObjectShape): readonly string[] {
  return [...parts.values()].flatMap((part) => (typeof part === 'string' ? [part] : columnsOfObject(part)));
}
