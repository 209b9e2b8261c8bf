/** Owns what of an application is cached: what the author declares, and what can be kept exact. */
import { type GraphQLObjectType } from 'graphql';
import { type CatalogTable } from '../model/catalog.ts';
import { type Caching, type FilterArg } from '../model/model.ts';
import { whyUnseen } from '../model/unseen.ts';
import { tableName, type Compilation, type Draft } from './context.ts';
import { cachedArguments, directiveOf, type Annotated, type CachedArguments } from './directives.ts';
import { impurity, type Purity } from './purity.ts';

const BY_AUTHOR = 'says @cached(enabled: false)';

/** How rows of the entity are cached. */
export function entityCaching(compilation: Compilation, type: GraphQLObjectType, table: CatalogTable): Caching {
  const said = readCached(compilation, type, type.name);
  if (said?.enabled === false) return { off: `${type.name} ${BY_AUTHOR}`, ttlMs: null, maxVariants: null };
  const off = whyUncacheable(compilation, table);
  if (off !== null)
    tell(compilation, { name: type.name, element: type, said, off, isExpected: isExpected(compilation, table) });
  else if (!table.keepsOldRows) {
    compilation.problems.note(
      type.astNode,
      `every update and delete in table ${tableName(compilation, table)} empties all that is cached of it, because its REPLICA IDENTITY is not FULL; meridian setup sets it, where no virtual generated column is in the way`,
    );
  }
  return { off, ttlMs: said?.ttlMs ?? null, maxVariants: said?.maxVariants ?? null };
}

export interface CachedSelection {
  readonly target: Draft;
  readonly field: Annotated;
  readonly place: string;
  readonly where: string | null;
  readonly filters: ReadonlyMap<string, FilterArg>;
}

/**
 * How lists, pages or counts of a field are cached: like the rows of its entity, unless the field declares something
 * else.
 */
export function selectionCaching(
  compilation: Compilation,
  { target, field, place, where, filters }: CachedSelection,
): Caching {
  const { caching } = target;
  const said = readCached(compilation, field, place);
  if (said?.enabled === false) return { off: `${place} ${BY_AUTHOR}`, ttlMs: null, maxVariants: null };
  const own = whyImpure(target.table, where) ?? whyOpen(target.table, filters);
  const off = own ?? caching.off;
  // A reason that concerns the whole entity was reported there, unless caching is declared here.
  if (off !== null && (own !== null || said !== null))
    tell(compilation, { name: place, element: field, said, off, isExpected: false });
  return { off, ttlMs: said?.ttlMs ?? caching.ttlMs, maxVariants: said?.maxVariants ?? caching.maxVariants };
}

interface Uncached {
  readonly name: string;
  readonly element: Annotated;
  readonly said: CachedArguments | null;
  readonly off: string;
  readonly isExpected: boolean;
}

/** A declared cache that is impossible is a warning; otherwise a notice, if it may be unexpected. */
function tell({ problems }: Compilation, { name, element, said, off, isExpected: expected }: Uncached): void {
  if (said !== null) problems.warn(said.node, `${name} is @cached and cannot be: ${off}`);
  else if (!expected) problems.note(element.astNode, `${name} is not cached: ${off}`);
}

/** Before the database is set up nothing is published; the checks of the database report that. */
function isExpected({ catalog }: Compilation, table: CatalogTable): boolean {
  return table.kind === 'table' && catalog.publication?.exists !== true;
}

function readCached({ problems }: Compilation, element: Annotated, place: string): CachedArguments | null {
  const said = cachedArguments(directiveOf(element, 'cached'));
  for (const name of ['ttlMs', 'maxVariants'] as const) {
    const value = said?.[name] ?? null;
    if (said && value !== null && value < 1)
      problems.error(said.node, `${place} is @cached with ${name}: ${value}; give at least 1, or say enabled: false`);
  }
  return said;
}

function whyUncacheable(compilation: Compilation, table: CatalogTable): string | null {
  const unseen = whyUnseen(compilation.catalog, table);
  if (unseen !== null)
    return `it shows ${table.kind} ${tableName(compilation, table)}, of which not every change can be seen: ${unseen}`;
  const policy = impurePolicy(table, compilation.viewerSettings);
  return policy === null
    ? null
    : `what a viewer sees of table ${tableName(compilation, table)} depends on more than its rows and viewerSettings: ${policy}`;
}

/** The policy of the table that depends on more than its rows and the settings, as a clause; null if there is none. */
export function impurePolicy(table: CatalogTable, viewerSettings: ReadonlySet<string>): string | null {
  for (const policy of table.policies ?? []) {
    const impure = impurity(policy.condition, purityOf(table, viewerSettings));
    if (impure !== null) return `the policy ${policy.name} ${impure}`;
  }
  return null;
}

function whyImpure(table: CatalogTable, where: string | null): string | null {
  const impure = where === null ? null : impurity(where, purityOf(table, null));
  return impure === null ? null : `its answer may change without a change of its rows: the condition ${impure}`;
}

/**
 * Values of a type of the database's own, as text, may depend on the time at which they are read: a composite type can
 * contain a date.
 */
function whyOpen(table: CatalogTable, filters: ReadonlyMap<string, FilterArg>): string | null {
  for (const [name, filter] of filters) {
    const columns =
      filter.kind === 'equals'
        ? [filter.column]
        : [...filter.input.fields.values()].flatMap((field) => ('column' in field ? [field.column] : []));
    for (const column of columns) {
      const type = table.columns.get(column)?.type;
      if (type?.kind === 'other' && type.sql.includes('.'))
        return `its argument ${name} compares values of the type ${type.sql}, whose text may mean the moment of reading`;
    }
  }
  return null;
}

function purityOf({ name, columns }: CatalogTable, settings: ReadonlySet<string> | null): Purity {
  return { table: name, columns, settings };
}
