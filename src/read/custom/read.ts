/**
 * Owns reads with SQL of the application's own: what they depend on, so that they can be cached, and whose rows they
 * are.
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

/** As long as `cacheTtlMs` may be. */
const LONGEST_TTL_MS = 86_400_000;

export interface CustomReadOptions {
  /**
   * Everything whose change makes the answer wrong: `Task` (any row), `Task:42`, `Task.projectId=7`, `table:audit.log`,
   * or a tag of your own that mutations name. Given, the rows are cached for everybody who reads with the same SQL and
   * values (and the same settings of the database). It is taken at its word, since what SQL depends on cannot be told
   * from its text: what it leaves out, and the clock, and chance, are not noticed. Left out, nothing is cached.
   */
  readonly dependsOn?: readonly string[];
  /** With `dependsOn`: how long the rows are kept at most, milliseconds; unless given, `cacheTtlMs`. */
  readonly ttlMs?: number;
  /**
   * Entity whose rows these are: they are read like its rows, and those that do not exist for the viewer are left out
   * (after any LIMIT of the statement's own).
   */
  readonly entity?: string;
}

export interface CustomReadInput extends CustomReadOptions {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly executor: Executor;
  /** Whose rows exist. */
  readonly tenancy: Tenancy;
  /** Null where the process has none: then no entity can be named. */
  readonly model: Model | null;
  /** Null: nothing is cached. */
  readonly caching: LoaderCaching | null;
  readonly notes: UncachedNotes | null;
}

/**
 * The rows, by column name; those from a cache are frozen. Throws what the levels throw, and `BAD_USER_INPUT` for
 * options that cannot be meant.
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
  // Unnamed, since a text that code may put together anew each time must not fill the connections with prepared
  // statements.
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

/** Where the answer is kept, or why it is not. */
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

/** The row as its entity's rows are, with whatever else the statement selects. */
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

/** Says of each SQL text once why its answers are not cached, as far as it remembers. */
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
