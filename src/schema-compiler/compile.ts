/** Owns compiling SDL and a live catalog to the model: every mistake is found before anything is served. */
import { isEnumType, type DocumentNode } from 'graphql';
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Catalog } from '../model/catalog.ts';
import { type Durability, type Model } from '../model/model.ts';
import { whyUnseen } from '../model/unseen.ts';
import { ADMIN_FIELDS, type AdminFields } from './admin-fields.ts';
import { checkConflicts } from './conflict-uses.ts';
import { readConflicts } from './conflicts.ts';
import { type Compilation, type Limits, type ResolverMap } from './context.ts';
import { columnName } from './directives.ts';
import { readDocument } from './document.ts';
import { durabilitiesOf } from './durability.ts';
import { checkTenants, findEntities, finishEntity, readFederationKeys } from './entities.ts';
import { readFields } from './fields.ts';
import { type SdlFile } from './files.ts';
import { readInterfaces } from './interfaces.ts';
import { checkPlacement, checkResolvers } from './placement.ts';
import { Problems, type Problem } from './problems.ts';
import { finishStub, findStubs, readStubs } from './stubs.ts';
import { checkExternals, findProvided } from './provides.ts';
import { readQueries, readSubscriptions } from './roots.ts';
import { warnOfBoundless } from './selections.ts';
import { readMutations } from './writes.ts';

export interface CompileRequest extends Limits {
  readonly files: readonly SdlFile[];
  readonly catalog: Catalog;
  /** Custom resolvers: a field that has one needs no mapping. */
  readonly resolvers?: ResolverMap;
  /** Names of conflict handlers, for `@conflict(handler:)`; left out if nothing is written, so that none is needed. */
  readonly handlers?: readonly string[];
  /** Names of the fields of `Query` that Meridian adds. */
  readonly adminFields?: AdminFields;
  /** Settings of the database that carry the viewer into row-level security; they are part of every cache key. */
  readonly viewerSettings?: readonly string[];
  /** Why the database would refuse a query, or null; without it, SQL conditions are not tested. */
  readonly checkStatement?: (sql: string) => Promise<string | null>;
}

export interface CompiledSchema {
  readonly model: Model;
  /** What works but may not be intended, or will be slow. */
  readonly warnings: readonly Problem[];
  /** What is correct but may be unexpected: what is not cached, and why. */
  readonly notices: readonly Problem[];
  /** Levels of `@durable` that any mutation asks for. */
  readonly durabilities: ReadonlySet<Durability>;
  readonly adminFields: AdminFields;
  /** For `buildSubgraphSchema([{ typeDefs, resolvers }])`. */
  readonly typeDefs: DocumentNode;
  /** Enums whose values are stored under other names, as resolvers: enum → value → stored label. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Compiles the schema. Throws one `SCHEMA_INVALID` that lists every problem with file, line and fix. */
export async function compileModel(request: CompileRequest): Promise<CompiledSchema> {
  const problems = new Problems();
  const adminFields = request.adminFields ?? ADMIN_FIELDS;
  const { typeDefs, schema, federation } = readDocument(request.files, problems, adminFields);
  const compilation: Compilation = {
    schema,
    federation,
    problems,
    catalog: request.catalog,
    resolvers: request.resolvers ?? {},
    adminFields,
    limits: { pageSize: request.pageSize, maxPageSize: request.maxPageSize },
    drafts: new Map(),
    stubs: new Map(),
    values: new Set(),
    provided: new Set(),
    conditions: [],
    orders: new Set(),
    boundless: new Map(),
    handlers: request.handlers ? new Set(request.handlers) : null,
    viewerSettings: new Set(request.viewerSettings?.map((name) => name.toLowerCase())),
  };
  const read = await readAll(compilation, request.checkStatement).catch((error: unknown) => {
    // Errors of the document may cause further ones later; they are reported first.
    problems.throwErrors();
    throw error;
  });
  problems.throwErrors();
  const entities = new Map([...compilation.drafts].map(([name, draft]) => [name, finishEntity(compilation, draft)]));
  const stubs = new Map([...compilation.stubs].map(([name, stub]) => [name, finishStub(compilation, stub)]));
  const unseen = new Map([...request.catalog.tables].map(([name, table]) => [name, whyUnseen(request.catalog, table)]));
  return {
    model: { entities, stubs, ...read, unseen },
    adminFields,
    warnings: problems.warnings(),
    notices: problems.notices(),
    durabilities: durabilitiesOf(compilation),
    typeDefs,
    enums: storedEnums(compilation),
  };
}

/** All checks, in the order of their dependencies. */
async function readAll(
  compilation: Compilation,
  checkStatement: CompileRequest['checkStatement'],
): Promise<Pick<Model, 'interfaces' | 'queries' | 'subscriptions' | 'mutations'>> {
  findEntities(compilation);
  findStubs(compilation);
  findProvided(compilation);
  readFields(compilation);
  readStubs(compilation);
  readFederationKeys(compilation);
  const interfaces = readInterfaces(compilation);
  readConflicts(compilation);
  const queries = readQueries(compilation);
  const subscriptions = readSubscriptions(compilation);
  const mutations = readMutations(compilation);
  warnOfBoundless(compilation);
  checkTenants(compilation);
  checkExternals(compilation);
  checkConflicts(compilation, mutations);
  checkPlacement(compilation, { queries, subscriptions });
  checkResolvers(compilation);
  await tryConditions(compilation, checkStatement);
  return { interfaces, queries, subscriptions, mutations };
}

async function tryConditions(compilation: Compilation, check: CompileRequest['checkStatement']): Promise<void> {
  for (const { table, where, node, place } of compilation.conditions) {
    if (/\$\d/.test(where)) {
      compilation.problems.error(
        node,
        `${place} has the condition ${where}, which takes a parameter; write out the value, or filter by an argument`,
      );
      continue;
    }
    if (!check) continue;
    // The line break ends a comment in the condition, so that the comment cannot hide the closing bracket.
    const refusal = await check(
      `SELECT FROM ${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)} WHERE (${where}\n)`,
    );
    if (refusal !== null)
      compilation.problems.error(node, `${place} has the condition ${where}, which the database refuses: ${refusal}`);
  }
}

function storedEnums({ schema, orders }: Compilation): Record<string, Record<string, string>> {
  const enums: Record<string, Record<string, string>> = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isEnumType(type) || type.name.startsWith('__') || orders.has(type)) continue;
    const values = type.getValues();
    if (values.some((value) => columnName(value) !== null))
      enums[type.name] = Object.fromEntries(values.map((value) => [value.name, columnName(value) ?? value.name]));
  }
  return enums;
}
