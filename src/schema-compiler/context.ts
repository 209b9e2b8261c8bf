/**
 * Owns what the steps of the compiler share: the schema, the catalog, the entities as they are read, and column lookup.
 */
import {
  type ASTNode,
  type ConstDirectiveNode,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { tableKey, type Catalog, type CatalogColumn, type CatalogTable } from '../model/catalog.ts';
import { type Caching, type Conflicts, type Field, type OrderTerm } from '../model/model.ts';
import { didYouMean, snakeCase } from '../model/names.ts';
import { type AdminFields } from './admin-fields.ts';
import { columnNamed, columnSpelled, readTerm } from './column-names.ts';
import { whyUnordered } from './comparing.ts';
import { columnName, directivesOf, textArgument, type Annotated } from './directives.ts';
import { type Federation } from './federation.ts';
import { fieldPaths, type FieldPath } from './field-sets.ts';
import { type Problems } from './problems.ts';

/** Resolvers as graphql-tools and Apollo know them: type → field → function. */
export type ResolverMap = Readonly<Record<string, unknown>>;

/** An entity while it is being read. */
export interface Draft {
  readonly type: GraphQLObjectType;
  readonly table: CatalogTable;
  readonly fields: Map<string, Field>;
  /** Columns that are selected, joined, filtered or ordered by. */
  readonly used: Set<string>;
  readonly primaryKey: readonly string[];
  federationKeys: readonly FederationKey[];
  version: string | null;
  conflict: Conflicts;
  tenant: string | null;
  readonly caching: Caching;
}

/** A `@key`: paths of fields, and the columns that they show. */
export interface FederationKey {
  readonly paths: readonly FieldPath[];
  readonly columns: readonly string[];
}

/** A type that another subgraph owns, while it is being read. */
export interface StubDraft {
  readonly type: GraphQLObjectType;
  readonly keys: readonly {
    readonly paths: readonly FieldPath[];
    readonly isResolvable: boolean;
    readonly node: ConstDirectiveNode;
  }[];
  readonly fields: Map<string, Field>;
  /** Fields whose values come with the object, whatever created it: keys and external fields. */
  readonly plain: Set<string>;
  /** The application has a `__resolveReference` for it. */
  readonly resolvesItself: boolean;
}

/** A condition in SQL that is tested at the database. */
export interface Condition {
  readonly table: CatalogTable;
  readonly where: string;
  readonly node: ASTNode | null;
  readonly place: string;
}

export interface Limits {
  readonly pageSize: number;
  readonly maxPageSize: number;
}

export interface Compilation {
  readonly schema: GraphQLSchema;
  readonly federation: Federation;
  readonly catalog: Catalog;
  readonly resolvers: ResolverMap;
  readonly adminFields: AdminFields;
  readonly limits: Limits;
  /** Names of the database's settings that carry the viewer, in lower case. */
  readonly viewerSettings: ReadonlySet<string>;
  /** Names of the application's conflict handlers; null: they are not checked. */
  readonly handlers: ReadonlySet<string> | null;
  readonly problems: Problems;
  readonly drafts: Map<string, Draft>;
  readonly stubs: Map<string, StubDraft>;
  readonly conditions: Condition[];
  /** Fields that some `@provides` names, as `Type.field`. */
  readonly provided: Set<string>;
  /** Types without a table that some field embeds: directives on their fields have a meaning. */
  readonly values: Set<string>;
  /** Enums of orders: their `@column`s name columns, not stored labels. */
  readonly orders: Set<GraphQLEnumType>;
  /** Lists, by their place, that neither declare a limit nor let clients give one. */
  readonly boundless: Map<string, GraphQLField<unknown, unknown>>;
}

export function hasResolver(compilation: Compilation, type: string, field: string): boolean {
  const fields = compilation.resolvers[type];
  return typeof fields === 'object' && fields !== null && Object.hasOwn(fields, field);
}

/** Whether the value belongs to another subgraph and comes with a representation if it is needed. */
export function isExternal({ federation }: Compilation, type: Annotated, field: Annotated): boolean {
  return [type, field].some((element) => directivesOf(element, federation.localName('external')).length > 0);
}

/** Fields of the type whose values come with a representation, besides its keys. */
export function externalFields(compilation: Compilation, type: GraphQLObjectType): readonly string[] {
  return Object.values(type.getFields())
    .filter((field) => isExternal(compilation, type, field) && !isOfKey(compilation, type, field.name))
    .map(({ name }) => name);
}

/** Whether some `@key` of the type begins with the field. */
export function isOfKey({ federation }: Compilation, type: GraphQLObjectType, field: string): boolean {
  return directivesOf(type, federation.localName('key')).some((key) =>
    fieldPaths(textArgument(key, 'fields') ?? '')?.some(([name]) => name === field),
  );
}

/** `tasks`, or `audit.tasks` if the schema is not the first in the search path. */
export function tableName(compilation: Compilation, table: CatalogTable): string {
  return table.schema === compilation.catalog.searchPath[0] ? table.name : tableKey(table);
}

export interface RequireColumnInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly element: Annotated & { readonly name: string };
  readonly place: string;
}

/**
 * The column of an argument, an input field or an enum value called `name`; if there is none, reports it at `node` and
 * returns null. `place` is the beginning of the sentence: `Query.user(mail:)`.
 */
export function requireColumn({ compilation, draft, element, place }: RequireColumnInput): CatalogColumn | null {
  const explicit = columnName(element);
  const meaning = explicit === null ? columnNamed(draft, element.name) : { column: columnSpelled(draft, explicit) };
  if ('doubt' in meaning) {
    compilation.problems.error(element.astNode, `${place} ${meaning.doubt}`);
    return null;
  }
  if (meaning.column) {
    draft.used.add(meaning.column.name);
    return meaning.column;
  }
  compilation.problems.error(
    element.astNode,
    unknownColumn({
      compilation,
      draft,
      column: explicit ?? snakeCase(element.name),
      place,
      canName: explicit === null,
    }),
  );
  return null;
}

export interface UnknownColumnInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly column: string;
  readonly place: string;
  readonly canName: boolean;
}

export function unknownColumn({ compilation, draft, column, place, canName }: UnknownColumnInput): string {
  const guess = didYouMean(column, draft.table.columns.keys());
  const fix = canName ? 'name it with @column(name:)' : 'correct the name';
  const rest = guess === '' ? `; ${fix}` : canName ? `${guess} ${capital(fix)}` : guess;
  return `${place} maps to column "${column}", which ${draft.table.kind} ${tableName(compilation, draft.table)} does not have${rest}`;
}

export interface RequireColumnsInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly names: readonly string[];
  readonly node: ASTNode;
  readonly place: string;
}

/** Columns that directives list by name; reports which ones the table lacks and returns null. */
export function requireColumns({
  compilation,
  draft,
  names,
  node,
  place,
}: RequireColumnsInput): readonly string[] | null {
  if (names.length === 0) {
    // A join without columns would show every row under each parent.
    compilation.problems.error(node, `${place} names no columns; name them, or leave the empty list out`);
    return null;
  }
  const columns = names.map((name) => columnSpelled(draft, name));
  const missing = names.filter((_, i) => !columns[i]);
  for (const name of missing) {
    compilation.problems.error(
      node,
      `${place} names column "${name}", which ${draft.table.kind} ${tableName(compilation, draft.table)} does not have${didYouMean(name, draft.table.columns.keys())}`,
    );
  }
  if (missing.length > 0) return null;
  const found = columns.flatMap((column) => (column ? [column.name] : []));
  for (const name of found) draft.used.add(name);
  return found;
}

export interface ReadOrderInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly terms: readonly string[];
  readonly node: ASTNode | null;
  readonly place: string;
}

/**
 * The order that a directive lists, completed by the primary key so that it is total; the key has the last term's
 * direction.
 */
export function readOrder({ compilation, draft, terms, node, place }: ReadOrderInput): readonly OrderTerm[] {
  const order: OrderTerm[] = [];
  for (const term of terms) {
    const read = readTerm(draft, term);
    const unordered = 'column' in read ? whyUnordered(read.column) : null;
    if (!('column' in read))
      compilation.problems.error(
        node,
        `${place} is ordered by ${JSON.stringify(term)}, ${read.problem ?? noTerm(compilation, draft, read.name)}`,
      );
    else if (unordered !== null)
      compilation.problems.error(
        node,
        `${place} is ordered by ${JSON.stringify(term)}, but ${unordered}; order by another column`,
      );
    else order.push({ column: read.column.name, descending: read.descending });
  }
  const descending = order.at(-1)?.descending ?? false;
  const ties = draft.primaryKey
    .filter((column) => !order.some((term) => term.column === column))
    .map((column) => ({ column, descending }));
  const total = [...order, ...ties];
  for (const term of total) draft.used.add(term.column);
  return total;
}

function noTerm(compilation: Compilation, draft: Draft, name: string): string {
  const guess = didYouMean(name, draft.table.columns.keys());
  const how =
    '; name a column, in double quotes where its name is odd ("\\"due date\\" DESC"), or the field that shows it, with an optional " DESC"';
  return `which is no column of ${tableName(compilation, draft.table)}${guess === '' ? how : guess}`;
}

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
