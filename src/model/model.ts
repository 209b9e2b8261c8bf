/**
 * Owns the application model: entities, their columns, keys and relations, as plain data that names no database driver.
 */

/** A PostgreSQL type as the catalog spells it. */
export interface SqlType {
  /** Name usable in a cast: `bigint`, `text`, `public.task_status`, `text[]`. */
  readonly sql: string;
  /** What values look like in JavaScript once read. */
  readonly kind: ScalarKind;
  readonly array: boolean;
  /**
   * How the database compares values of the type. Left out: by operators with the plain names `=`, `<`, `LIKE` and so
   * on.
   */
  readonly operators?: Operators;
}

/**
 * The operators of a type's default operator classes, each as SQL spells it: `=`, or `OPERATOR("extensions".=)` outside
 * the system's schema.
 */
export interface Operators {
  /** Null: the type has no equality. */
  readonly equal: string | null;
  /** Those of the order in which ORDER BY sorts; null: the type has no order. */
  readonly order: OrderOperators | null;
  /** Compares with a pattern, which is text; null: there is none for it. */
  readonly like: string | null;
  /** Values are of a domain, or of an array of one: they are cast to the type under it before they are compared. */
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
  /** Type of the values. */
  readonly type: SqlType;
  /** The operator, as SQL spells it, with the column on its left. */
  readonly equal: string;
  /** Type to which the column is cast before it is compared; null: none. */
  readonly columnCast: string | null;
  /** Type to which the values are cast; null: none. */
  readonly valueCast: string | null;
  /** Equal values have equal text on either side, so that what is cached by the one's is found by the other's. */
  readonly exact: boolean;
}

/** One for each column of a key; null where the values are of the column's own type. */
export type Comparisons = readonly (Comparison | null)[];

/**
 * How a column's values travel: everything that a JavaScript number cannot hold exactly stays text.
 * `int` (int2, int4) and `float` are numbers, `bool` a boolean, `json` the parsed value; the others are strings:
 * `bigint` and `numeric` digits, `date` `2026-01-31`, `timestamptz` ISO 8601 in UTC with microseconds kept.
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
  /** Equal values have equal text, and a change in the WAL carries the column: values can be cached by it. */
  readonly exact: boolean;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
}

/** Where a definition stands in the SDL, for messages. */
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
  /** Columns of the primary key (or of the first unique key where a table has none). */
  readonly primaryKey: readonly string[];
  /** Column sets that are unique and not null in the catalog, the primary key first. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Field sets of the federation `@key`s, as column names. */
  readonly federationKeys: readonly (readonly string[])[];
  /**
   * The same keys as representations spell them: paths of fields such as `id` or `organization.id`, in the order of
   * their columns.
   */
  readonly keyPaths: readonly (readonly string[])[];
  /** Fields whose values are another subgraph's, and come along with representations. */
  readonly external: readonly string[];
  /** Column that each update increments, when the entity has one. */
  readonly version: string | null;
  /** What becomes of writes whose author has not seen the latest version. */
  readonly conflict: Conflicts;
  /** Column that holds a row's tenant: rows of another tenant than the viewer's do not exist for the viewer (R11). */
  readonly tenant: string | null;
  readonly caching: Caching;
  readonly spot: SourceSpot;
}

/** How an update from an older version than the latest ends; words of `@conflict`. */
export type ConflictPolicy = 'REJECT' | 'LAST_WRITE_WINS' | 'MERGE' | 'HANDLER';

/** What two writers of one field come to, under MERGE. */
export type ConflictRule = 'ADD' | 'MAX' | 'MIN' | 'UNION' | 'APPEND' | 'LAST_WRITE_WINS' | 'REJECT';

/** What `@conflict` declares for an entity; without it everything is refused. */
export interface Conflicts {
  readonly policy: ConflictPolicy;
  /** Name of the application's function, with HANDLER. */
  readonly handler: string | null;
  /** Rules of single columns. */
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

/** How many servers must have a transaction before it is acknowledged; words of `@durable`. */
export type Durability = 'LOCAL' | 'REMOTE_WRITE' | 'REMOTE_APPLY';

/** How an entity's rows, or the values of one field, are cached. */
export interface Caching {
  /** Why they are not, in words for the schema's author; null where they are. */
  readonly off: string | null;
  /** Backstop, milliseconds; null: the configured default. */
  readonly ttlMs: number | null;
  /** Lists, pages and counts with different arguments that are kept for one parent; null: the configured default. */
  readonly maxVariants: number | null;
}

export type Field = ColumnField | EmbeddedField | ToOneField | ListField | ConnectionField | CountField;

export interface ColumnField {
  readonly kind: 'column';
  readonly column: string;
}

/**
 * An object without a row of its own, shown from columns of this one: a value, or the key of a type that another
 * subgraph owns.
 */
export interface EmbeddedField extends ObjectShape {
  readonly kind: 'embedded';
  readonly target: string;
}

export interface ObjectShape {
  /** Field of the object → the column that it shows, or an object within. */
  readonly parts: ReadonlyMap<string, string | ObjectShape>;
  /**
   * Columns none of which is null where the object is there. Where there are none of these, it is there unless all of
   * its columns are null.
   */
  readonly required: readonly string[];
}

/** Column pairs: `from[i]` of this entity's table equals `to[i]` of the target's. Empty at the root. */
export interface Join {
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** How `from[i]` is compared with `to[i]`; left out: all pairs are of one type each. */
  readonly comparisons?: Comparisons;
}

export interface ToOneField {
  readonly kind: 'toOne';
  readonly target: string;
  readonly join: Join;
  /** The other row names this one, and not this row the other: no column of this row says which row it is. */
  readonly isBack?: true;
}

export interface OrderTerm {
  readonly column: string;
  readonly descending: boolean;
}

/**
 * A condition that the SDL fixes, in SQL over the target's columns. Written by the schema's author, checked at start.
 */
export type WhereSql = string;

/** Many rows of `target`, reached from a parent by `join` or from the root. */
export interface Selection {
  readonly target: string;
  readonly join: Join;
  readonly where: WhereSql | null;
  /** Always total: the primary key closes it. */
  readonly orderBy: readonly OrderTerm[];
  /** Arguments that filter, by argument name. */
  readonly filters: ReadonlyMap<string, FilterArg>;
  /** Argument that chooses an order, when there is one. */
  readonly orderArg: OrderArg | null;
  readonly caching: Caching;
}

export interface ListField extends Selection {
  readonly kind: 'list';
  /** Rows at most. */
  readonly limit: number;
  /** The author has declared the limit, so that rows beyond it are left out; else more rows than that are an error. */
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

/** The value is compared with a column. */
export interface EqualsFilter {
  readonly kind: 'equals';
  readonly column: string;
  /** A list is one value, as a JSON document can be; otherwise it means "one of". */
  readonly isWhole?: boolean;
}

/** `filter`: an input object of conditions. */
export type FilterArg = EqualsFilter | { readonly kind: 'filter'; readonly input: FilterInput };

/** A filter input type: its fields name columns, or are `and` / `or` / `not` of itself. */
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

/** What a field of `Query` or `Mutation` does, by field name. */
export type RootField = LookupRoot | ListField | ConnectionField | CountField | ObjectRoot;

/** One entity by a unique key: argument name → column. */
export interface LookupRoot {
  readonly kind: 'lookup';
  readonly target: string;
  readonly arguments: ReadonlyMap<string, string>;
}

/** An object that has no row of its own (a namespace): its fields are resolved on their own. */
export interface ObjectRoot {
  readonly kind: 'object';
}

export interface WriteField {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly target: string;
  /** Arguments that choose the row (update, delete): argument name → column; together a unique key. */
  readonly keyArguments: ReadonlyMap<string, string>;
  /** Argument that holds the values, and how its input fields map to columns; null where values are plain arguments. */
  readonly inputArgument: string | null;
  /** Input field (or plain argument) → column. */
  readonly values: ReadonlyMap<string, string>;
  /** What the row may refer to in the viewer's tenant only. */
  readonly references: readonly TenantReference[];
  /** Where the client says which version it saw: a plain argument, or a field of the input; null where it cannot. */
  readonly expectedVersion: 'argument' | 'input' | null;
  /** Takes no request without an idempotency key. */
  readonly idempotent: boolean;
  /** Null: as the server's options say. */
  readonly durability: Durability | null;
  /** Fields of the payload type: the entity, the token, and what tells of a conflict. */
  readonly payload: {
    readonly entityField: string | null;
    /** It must not be null. */ readonly entityRequired?: boolean;
    readonly tokenField: string | null;
    readonly conflict: ConflictField | null;
  };
}

/** The payload's field that tells of a refused write, and the fields of its type by what they show. */
export interface ConflictField {
  readonly field: string;
  readonly reason: string;
  readonly current: string | null;
  readonly version: string | null;
  readonly fields: string | null;
  readonly token: string | null;
}

/** A foreign key into a table whose rows belong to tenants. */
export interface TenantReference {
  /** Name of the constraint. */
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly table: Table;
  /** Columns of that table, in the order of `columns`. */
  readonly toColumns: readonly string[];
  /** Column of that table that holds the tenant. */
  readonly tenant: string;
  readonly tenantType: SqlType;
  /** How `columns[i]` is compared with `toColumns[i]`; left out: all pairs are of one type each. */
  readonly comparisons?: Comparisons;
}

/** A type that another subgraph owns: known here by its keys, which fields of its own follow. */
export interface Stub {
  readonly name: string;
  /** Keys by which a gateway may ask for it, as paths of fields: `id`, `organization.id`. */
  readonly keys: readonly (readonly string[])[];
  /** Relations, whose joins go from such paths to columns. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields that only a representation can bring. */
  readonly external: readonly string[];
  readonly spot: SourceSpot;
}

/** An interface with keys: a reference to it is one to the entity, of those that implement it, whose row is there. */
export interface EntityInterface {
  readonly name: string;
  readonly keys: readonly (readonly string[])[];
  /** Entities. */
  readonly implementations: readonly string[];
}

export interface Model {
  readonly entities: ReadonlyMap<string, Entity>;
  readonly stubs: ReadonlyMap<string, Stub>;
  readonly interfaces: ReadonlyMap<string, EntityInterface>;
  readonly queries: ReadonlyMap<string, RootField>;
  /** Live fields of `Subscription`: each message is what a query of the same kind answers. */
  readonly subscriptions: ReadonlyMap<string, RootField>;
  readonly mutations: ReadonlyMap<string, WriteField>;
  /**
   * Every table and view of the database at start, by `schema.name`: why some of its changes may not be seen, as a
   * clause about "it"; null where all are.
   */
  readonly unseen: ReadonlyMap<string, string | null>;
}

/** One row as read: column name → value in the shape that `ScalarKind` gives. */
export type Row = Readonly<Record<string, unknown>>;

/** The one column of its own row that a field shows or follows; null where there are none or several. */
export function columnOfField(field: Field): string | null {
  const columns = columnsOfField(field);
  return columns.length === 1 ? (columns[0] ?? null) : null;
}

/** The columns of its own row that a field shows, or that name the one row or object to which it leads. */
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
