/** Owns which objects are entities: their tables, their keys and their versions. */
import { isObjectType, type ConstDirectiveNode, type GraphQLObjectType } from 'graphql';
import { coversUniqueKey, findTable, type Catalog, type CatalogTable } from '../model/catalog.ts';
import { NO_CONFLICTS, type Entity, type ObjectShape, type ScalarKind } from '../model/model.ts';
import { closest, didYouMean, plural, snakeCase } from '../model/names.ts';
import { identifierOf, qualifiedName } from '../model/sql-names.ts';
import { entityCaching } from './caching.ts';
import { columnNamed, columnSpelled, type Meaning } from './column-names.ts';
import { whyNoKey, whyUnordered } from './comparing.ts';
import { externalFields, hasResolver, tableName, type Compilation, type Draft, type FederationKey } from './context.ts';
import { directiveOf, directivesOf, isResolvable, textArgument } from './directives.ts';
import { fieldPaths, pathText, requireFieldSet, type FieldPath } from './field-sets.ts';
import { spotOf } from './problems.ts';

/** Finds every `@entity` and its table. An entity without a table or a key is reported and left out. */
export function findEntities(compilation: Compilation): void {
  for (const type of Object.values(compilation.schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    const directive = directiveOf(type, 'entity');
    if (!directive) continue;
    const table = tableOf(compilation, type, directive);
    if (!table) continue;
    const primaryKey = rowKey(compilation, type, table);
    if (!primaryKey) continue;
    const draft: Draft = {
      type,
      table,
      fields: new Map(),
      used: new Set(primaryKey),
      primaryKey,
      federationKeys: [],
      version: null,
      conflict: NO_CONFLICTS,
      tenant: null,
      caching: entityCaching(compilation, type, table),
    };
    draft.version = versionOf(compilation, draft, directive);
    draft.tenant = tenantOf(compilation, draft);
    compilation.drafts.set(type.name, draft);
  }
}

function tableOf(
  compilation: Compilation,
  type: GraphQLObjectType,
  directive: ConstDirectiveNode,
): CatalogTable | null {
  const { catalog, problems } = compilation;
  const named = textArgument(directive, 'table');
  const schema = textArgument(directive, 'schema');
  const singular = snakeCase(type.name);
  const candidates = named === null ? [plural(singular), singular] : [named];
  for (const candidate of candidates) {
    const table = findTable(catalog, candidate, schema);
    if (table) return table;
  }
  const qualified = named === null ? null : qualifiedName(named);
  const spelled =
    qualified && (qualified.schema === null || schema === null)
      ? findTable(catalog, qualified.name, qualified.schema ?? identifierOf(schema ?? '') ?? schema)
      : null;
  if (spelled) return spelled;
  problems.error(
    directive,
    `${type.name} maps to table "${candidates.join('" or "')}", which ${whereTablesAre(catalog, schema)}; ${tableFix({ catalog, named, wanted: candidates[0] ?? '', schema })}`,
  );
  return null;
}

function whereTablesAre(catalog: Catalog, schema: string | null): string {
  if (schema !== null) return `schema ${schema} does not have`;
  return catalog.searchPath.length === 1
    ? `schema ${catalog.searchPath[0] ?? ''} does not have`
    : `none of the schemas ${catalog.searchPath.join(', ')} has`;
}

interface TableFixInput {
  readonly catalog: Catalog;
  readonly named: string | null;
  readonly wanted: string;
  readonly schema: string | null;
}

function tableFix({ catalog, named, wanted, schema }: TableFixInput): string {
  const elsewhere = schema === null ? null : findTable(catalog, wanted, null);
  if (elsewhere) return `schema ${elsewhere.schema} has one of that name`;
  const guess = closest(
    wanted,
    [...catalog.tables.values()]
      .filter((table) => schema === null || table.schema === schema)
      .map((table) => table.name),
  );
  if (guess === null)
    return named === null ? 'create it or name another with @entity(table:)' : 'create it or correct the name';
  return named === null
    ? `did you mean "${guess}"? Name it with @entity(table: "${guess}")`
    : `did you mean "${guess}"?`;
}

/**
 * Columns that identify a row: the primary key, otherwise a unique key without nulls, otherwise (views) the author's
 * first `@key`.
 */
function rowKey(compilation: Compilation, type: GraphQLObjectType, table: CatalogTable): readonly string[] | null {
  if (table.primaryKey) return table.primaryKey;
  const unique = notNullKeys(table)[0];
  if (unique) return unique;
  if (table.kind === 'view') {
    const paths = keyDirectives(compilation, type).map((key) => fieldPaths(textArgument(key, 'fields') ?? ''))[0];
    const columns = paths?.map((path) => ({ name: pathText(path), column: viewColumn(table, type, pathText(path)) }));
    if (columns && columns.every((entry) => entry.column !== null))
      return sortableKey({ compilation, type, table, names: columns.map((entry) => entry.column ?? entry.name) });
    compilation.problems.error(
      type.astNode,
      `${type.name} shows view ${tableName(compilation, table)}, which has no primary key of its own; say with @key(fields:) which fields tell its rows apart`,
    );
    return null;
  }
  compilation.problems.error(
    type.astNode,
    `${type.name} maps to table ${tableName(compilation, table)}, which has neither a primary key nor a unique key over NOT NULL columns; add one`,
  );
  return null;
}

interface SortableKeyInput {
  readonly compilation: Compilation;
  readonly type: GraphQLObjectType;
  readonly table: CatalogTable;
  readonly names: readonly string[];
}

/** Rows are identified and sorted by their key. */
function sortableKey({ compilation, type, table, names }: SortableKeyInput): readonly string[] | null {
  const columns = names.map((name) => table.columns.get(name)).filter((column) => column !== undefined);
  const wrong = columns.map((column) => whyNoKey(column) ?? whyUnordered(column)).find((why) => why !== null);
  if (wrong === undefined) return names;
  compilation.problems.error(
    type.astNode,
    `${type.name} tells the rows of ${tableName(compilation, table)} apart by ${names.join(', ')}, but ${wrong}; choose another @key`,
  );
  return null;
}

function whyNoKeyOf(table: CatalogTable, names: readonly string[]): string | null {
  const columns = names.map((name) => table.columns.get(name)).filter((column) => column !== undefined);
  return columns.map(whyNoKey).find((why) => why !== null) ?? null;
}

function viewColumn(table: CatalogTable, type: GraphQLObjectType, name: string): string | null {
  const field = type.getFields()[name];
  const explicit = field ? textArgument(directiveOf(field, 'column'), 'name') : null;
  return (
    [explicit, explicit === null ? null : identifierOf(explicit), snakeCase(name), name].find(
      (candidate) => candidate !== null && table.columns.has(candidate),
    ) ?? null
  );
}

function notNullKeys(table: CatalogTable): readonly (readonly string[])[] {
  return table.uniqueKeys.filter(
    (key) => key === table.primaryKey || key.every((column) => table.columns.get(column)?.nullable === false),
  );
}

function versionOf(compilation: Compilation, draft: Draft, directive: ConstDirectiveNode): string | null {
  const name = textArgument(directive, 'version');
  if (name === null) return null;
  const column = columnSpelled(draft, name);
  if (!column) {
    compilation.problems.error(
      directive,
      `${draft.type.name} counts its version in column "${name}", which table ${tableName(compilation, draft.table)} does not have${didYouMean(name, draft.table.columns.keys())}`,
    );
    return null;
  }
  if (!['int', 'bigint'].includes(column.type.kind) || column.type.array || column.nullable) {
    compilation.problems.error(
      directive,
      `${draft.type.name} counts its version in column "${name}", which is ${column.type.sql}${column.nullable ? ' and may be null' : ''}; use an integer or bigint column that is NOT NULL`,
    );
    return null;
  }
  draft.used.add(column.name);
  return column.name;
}

/** Values of these types have one text each, which can be compared with a viewer's tenant. */
const TENANT_KINDS: ReadonlySet<ScalarKind> = new Set(['text', 'enum', 'int', 'bigint', 'uuid']);

function tenantOf(compilation: Compilation, draft: Draft): string | null {
  const directive = directiveOf(draft.type, 'tenant');
  const name = textArgument(directive, 'column');
  if (directive === null || name === null) return null;
  const meaning = columnSpelled(draft, name);
  const named: Meaning = meaning ? { column: meaning } : columnNamed(draft, name);
  if ('doubt' in named) {
    compilation.problems.error(
      directive,
      `@tenant(column: ${JSON.stringify(name)}) of ${draft.type.name} ${named.doubt.replace(/; .*$/, '; name the column')}`,
    );
    return null;
  }
  const { column } = named;
  if (!column) {
    compilation.problems.error(
      directive,
      `${draft.type.name} holds its tenant in column "${name}", which ${draft.table.kind} ${tableName(compilation, draft.table)} does not have${didYouMean(name, draft.table.columns.keys())}`,
    );
    return null;
  }
  if (!TENANT_KINDS.has(column.type.kind) || !column.exact) {
    compilation.problems.error(
      directive,
      `${draft.type.name} holds its tenant in column "${name}", which is ${column.type.sql}${TENANT_KINDS.has(column.type.kind) ? ' and not compared by its plain text, or generated' : ''}; use a plain column of text, whole numbers, uuid or an enum`,
    );
    return null;
  }
  draft.used.add(column.name);
  return column.name;
}

/** If one type of a table separates tenants, another type without it would show all rows to everybody. */
export function checkTenants({ drafts, problems }: Compilation): void {
  const all = [...drafts.values()];
  for (const open of all.filter(({ tenant }) => tenant === null)) {
    const closed = all.find(({ table, tenant }) => table === open.table && tenant !== null);
    if (closed)
      problems.warn(
        open.type.astNode,
        `${open.type.name} shows the rows of ${closed.type.name} to every tenant; give it @tenant(column: "${closed.tenant ?? ''}"), too`,
      );
  }
}

function keyDirectives(compilation: Compilation, type: GraphQLObjectType): readonly ConstDirectiveNode[] {
  return directivesOf(type, compilation.federation.localName('key')).filter(isResolvable);
}

/** Reads the `@key`s of every entity, once its fields are known. */
export function readFederationKeys(compilation: Compilation): void {
  for (const draft of compilation.drafts.values()) {
    if (hasResolver(compilation, draft.type.name, '__resolveReference')) continue;
    const keys = keyDirectives(compilation, draft.type).map((key) => federationKey(compilation, draft, key));
    draft.federationKeys = keys.filter((key) => key !== null);
  }
}

function federationKey(compilation: Compilation, draft: Draft, key: ConstDirectiveNode): FederationKey | null {
  const { problems } = compilation;
  const place = `@key(fields: "${textArgument(key, 'fields') ?? ''}") of ${draft.type.name}`;
  const paths = requireFieldSet({ problems, type: draft.type, directive: key, place });
  const found = paths?.map((path) => keyColumn(compilation, draft, path));
  if (!paths || !found) return null;
  for (const wrong of found)
    if ('problem' in wrong && wrong.problem !== null)
      problems.error(key, `${place} names "${wrong.name}", ${wrong.problem}`);
  const columns = found.flatMap((it) => ('column' in it ? [it.column] : []));
  if (columns.length < paths.length) return null;
  if (draft.table.kind === 'table' && !coversUniqueKey(draft.table, columns)) {
    problems.error(
      key,
      `${place} is not unique: table ${tableName(compilation, draft.table)} has no unique key over ${columns.join(', ')}; add one or choose another key`,
    );
    return null;
  }
  const unequal = whyNoKeyOf(draft.table, columns);
  if (unequal !== null) {
    problems.error(key, `${place} cannot be looked up, since ${unequal}; choose another key`);
    return null;
  }
  for (const column of columns) draft.used.add(column);
  return { paths, columns };
}

/** The column at the end of a path, or the reason why there is none; null if that was reported. */
function keyColumn(
  compilation: Compilation,
  draft: Draft,
  path: FieldPath,
): { readonly column: string } | { readonly problem: string | null; readonly name: string } {
  const [name = '', ...rest] = path;
  const field = draft.fields.get(name);
  if (field?.kind === 'column' && rest.length === 0) return { column: field.column };
  if (field?.kind === 'embedded') {
    const column = columnOfPath(field, rest);
    return column === null
      ? { problem: 'which is not a column; use fields that show columns', name: pathText(path) }
      : { column };
  }
  if (field?.kind === 'toOne') {
    const target = compilation.drafts.get(field.target);
    const far = target && keyColumn(compilation, target, rest);
    const own = far && 'column' in far ? field.join.from[field.join.to.indexOf(far.column)] : undefined;
    if (own !== undefined) return { column: own };
    if (far && 'problem' in far) return { ...far, name: pathText(path) };
    return {
      problem: `which no column of ${draft.table.kind} ${tableName(compilation, draft.table)} holds; use what ${draft.type.name}.${name} is found by (${field.join.to.join(', ')})`,
      name: pathText(path),
    };
  }
  // A field whose own problem has been reported needs no second message.
  const isSaid = !field && !hasResolver(compilation, draft.type.name, name);
  return { problem: isSaid ? null : 'which is not a column; use fields that show columns', name: pathText(path) };
}

function columnOfPath(shape: ObjectShape, [name, ...rest]: FieldPath): string | null {
  const part = shape.parts.get(name ?? '');
  if (typeof part === 'string') return rest.length === 0 ? part : null;
  return part ? columnOfPath(part, rest) : null;
}

/** The finished entity. */
export function finishEntity(compilation: Compilation, draft: Draft): Entity {
  const keys = notNullKeys(draft.table).filter((key) => key.every((column) => draft.used.has(column)));
  return {
    name: draft.type.name,
    table: { schema: draft.table.schema, name: draft.table.name },
    columns: new Map(
      [...draft.table.columns]
        .filter(([name]) => draft.used.has(name))
        .map(([name, { type, nullable, hasDefault, exact }]) => [name, { name, type, nullable, hasDefault, exact }]),
    ),
    fields: draft.fields,
    primaryKey: draft.primaryKey,
    uniqueKeys: keys.length > 0 ? keys : [draft.primaryKey],
    federationKeys: draft.federationKeys.map(({ columns }) => columns),
    keyPaths: draft.federationKeys.map(({ paths }) => paths.map(pathText)),
    external: externalFields(compilation, draft.type),
    version: draft.version,
    conflict: draft.conflict,
    tenant: draft.tenant,
    caching: draft.caching,
    spot: spotOf(draft.type.astNode),
  };
}
