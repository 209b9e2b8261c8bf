/**
 * Owns reads with the application's own SQL: their dependencies, by which they are cached, and the tenant check of
 * their rows.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Tag } from '../../change/tags.ts';
import { type Entity, type Model, type Row } from '../../model/model.ts';
import { type Log } from '../../telemetry/log.ts';
import { areExact, customRowsCodec, identityOf } from './rows.ts';
import { badInput } from '../input.ts';
import { hashOf, throughCache, type LoaderCaching } from '../loaders/through-cache.ts';
import { type Executor } from '../ports.ts';
import { readRow } from '../sql/columns.ts';
import { type Tenancy } from '../sql/tenant.ts';

/** The maximum of `cacheTtlMs`. */
const LONGEST_TTL_MS = 86_400_000;

export interface CustomReadOptions {
  /**
   * The dependencies of the result: `Task` (any row), `Task:42`, `Task.projectId=7`, `table:audit.log`, or a tag of
   * your own that mutations name. If given, the rows are cached for all reads with the same SQL, values and database
   * settings. The list is not verified, since the dependencies of SQL cannot be derived from its text: a missing
   * dependency, the clock or randomness does not invalidate the rows. If omitted, nothing is cached.
   */
  readonly dependsOn?: readonly string[];
  /** With `dependsOn`: how long the rows are cached at most, in milliseconds; `cacheTtlMs` by default. */
  readonly ttlMs?: number;
  /**
   * The entity of the rows: they are converted like its rows, and rows of other tenants are removed (after any LIMIT of
   * the statement).
   */
  readonly entity?: string;
}

export interface CustomReadInput extends CustomReadOptions {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly executor: Executor;
  /** The tenant whose rows are returned. */
  readonly tenancy: Tenancy;
  /** Null where the process has no model; then `entity` must not be given. */
  readonly model: Model | null;
  /** Null disables caching. */
  readonly caching: LoaderCaching | null;
  readonly notes: UncachedNotes | null;
}

/**
 * The rows, by column name; rows from a cache are frozen. Throws the errors of the consistency levels, and
 * `BAD_USER_INPUT` for invalid options.
 */
export async function readCustom(input: CustomReadInput): Promise<readonly Row[]> {
  const entity = entityOf(input);
  if (input.ttlMs !== undefined && !(input.ttlMs >= 1 && input.ttlMs <= LONGEST_TTL_MS))
    throw badInput(`The read's ttlMs is ${input.ttlMs}; give 1 to ${LONGEST_TTL_MS} milliseconds (a day).`);
  const rows = await readRows(input);
  return entity === null ? rows : rows.map((row) => rowOf(entity, row)).filter((row) => input.tenancy.has(entity, row));
}

function readRows({
  executor,
  sql,
  values,
  dependsOn = [],
  ttlMs,
  caching,
  notes,
}: CustomReadInput): Promise<readonly Row[]> {
  // Unnamed: code may build a new text for each read, which must not fill the connections with prepared statements.
  const statement = { name: '', text: sql, values };
  if (caching === null) return executor.query(statement);
  const kept = placeOf({ sql, values, dependsOn }, caching);
  if ('off' in kept) {
    notes?.uncached(sql, kept.off);
    return executor.query(statement);
  }
  const { cache } = caching;
  const load = async (via: Pick<Executor, 'query'>): Promise<readonly (readonly Row[])[]> => [
    await via.query(statement),
  ];
  return throughCache({
    executor,
    cache,
    keys: [kept.key],
    keeping: { ttlMs: ttlMs ?? null, maxVariants: null },
    codec: customRowsCodec,
    load: (_, via) => load(via),
    mayKeep: ([rows]) => rows !== undefined && areExact(rows),
  }).then(([rows]) => rows ?? []);
}

interface Place {
  readonly key: { readonly tags: readonly Tag[]; readonly variant: string };
}

/** The cache key of the answer, or the reason why it is not cached. */
function placeOf(
  { sql, values, dependsOn }: Required<Pick<CustomReadInput, 'sql' | 'values' | 'dependsOn'>>,
  { tags, scope }: LoaderCaching,
): Place | { readonly off: string } {
  const own = [...new Set(dependsOn.map((text) => tags.dependencyTag(text)))].sort();
  if (own.length === 0) return { off: 'it does not say what it depends on; give dependsOn' };
  const unseen = own.map((tag) => tags.whyUnseen(tag)).find((why) => why !== null);
  if (unseen !== undefined) return { off: `not every change of what it depends on is seen: ${unseen}` };
  const identity = identityOf(values);
  if (identity === null)
    return { off: 'its values hold an object of a class; give text, numbers, dates, bytes or lists of them' };
  return { key: { tags: own, variant: `q${hashOf([sql, identity, scope.settingsKey])}` } };
}

function entityOf({ entity: name, model }: CustomReadInput): Entity | null {
  if (name === undefined) return null;
  const entity = model?.entities.get(name);
  if (entity) return entity;
  if (model === null)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The read names the entity ${name}, and there is no schema; give createDataLayer \`schema\`, the folder of your SDL.`,
    });
  throw badInput(`The read names ${JSON.stringify(name)}, which is no @entity of the schema; correct it.`);
}

/** The row converted like its entity's rows, with the statement's other columns. */
function rowOf(entity: Entity, row: Row): Row {
  for (const column of entity.columns.keys()) {
    if (!Object.hasOwn(row, column))
      throw badInput(
        `The read of ${entity.name} does not select its column "${column}"; select all of them, as with SELECT ${entity.table.name}.*, or leave out the entity.`,
      );
  }
  return { ...row, ...readRow(entity, row) };
}

const LONGEST_SQL = 500;

/** Logs once per SQL text why its answers are not cached, up to a limit of texts. */
export class UncachedNotes {
  readonly #log: Pick<Log, 'info'>;
  readonly #limit: number;
  readonly #said = new Set<string>();

  constructor(log: Pick<Log, 'info'>, limit = 1_000) {
    this.#log = log;
    this.#limit = limit;
  }

  uncached(sql: string, why: string): void {
    const id = hashOf(sql);
    if (this.#said.has(id) || this.#said.size >= this.#limit) return;
    this.#said.add(id);
    this.#log.info({ sql: sql.slice(0, LONGEST_SQL) }, `A custom read is not cached: ${why}.`);
  }
}
