/**
 * Owns the comparison of the live catalog with the catalog that the model was compiled from: it decides for which
 * tables values may still be kept.
 */
import { formatLsn, parseLsn, type Lsn } from '../base/lsn.ts';
import { type CatalogLook, type CoverageSource } from '../cache/feed/coverage.ts';
import { tableTag, type TableTag } from '../change/tags.ts';
import { type Options } from '../config/options.ts';
import { impurePolicy } from '../schema-compiler/caching.ts';
import { tableKey, type Catalog, type CatalogTable } from '../model/catalog.ts';
import { type Entity, type Model, type SqlType } from '../model/model.ts';
import { whyUnseen } from '../model/unseen.ts';
import { readCatalog, type PlainQuery } from '../postgres/types/catalog.ts';
import { closeClient, openClient } from '../postgres/connect/open.ts';

export interface CoverageRequest {
  readonly model: Model;
  /** The catalog that the model was compiled from. */
  readonly catalog: Catalog;
  readonly viewerSettings: ReadonlySet<string>;
  /** A connection to the region's own server, which the changes come from. */
  readonly databaseUrl: string;
  readonly options: Pick<Options, 'publication' | 'connectMs' | 'statementMs'>;
}

/**
 * On a primary the position includes every commit that is visible. On a replica it is the replay position, which
 * excludes only the record that is being replayed; the stream delivers that one next.
 */
const POSITION_SQL = `
  SELECT pg_is_in_recovery() AS replica, (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS lsn,
         pg_snapshot_xmin(s)::text AS oldest, pg_snapshot_xmax(s)::text AS next FROM pg_current_snapshot() AS s`;

interface ServerPosition {
  readonly lsn: Lsn;
  readonly isReplica: boolean;
  readonly oldest: bigint;
  readonly next: bigint;
}

export class CatalogCoverage implements CoverageSource {
  readonly tables: ReadonlySet<TableTag>;
  readonly first: CatalogLook;
  readonly #request: CoverageRequest;
  readonly #watched: readonly CatalogTable[];
  /** What was decided about each table. Policies and value semantics matter only for tables that an entity shows. */
  readonly #judged: ReadonlyMap<string, Judged>;

  constructor(request: CoverageRequest) {
    this.#request = request;
    const { model, catalog } = request;
    this.#watched = [...catalog.tables.values()].filter((table) => whyUnseen(catalog, table) === null);
    this.tables = new Set(this.#watched.map(tableTag));
    this.#judged = judgedOf(model);
    this.first = this.#compare(catalog);
  }

  async look(shown: Lsn): ReturnType<CoverageSource['look']> {
    const { publication } = this.#request.options;
    return this.#ask(async (query) => {
      const { lsn, isReplica } = await serverPosition(query);
      // A server that was restarted briefly shows less than it has shown before.
      if (isReplica && lsn < shown)
        throw new Error(
          `the replica shows ${formatLsn(lsn)} only, while its schema is asked for as of ${formatLsn(shown)}`,
        );
      const look = this.#compare(await readCatalog(query, { publication }));
      const { lsn: upTo, next } = await serverPosition(query);
      return { ...look, upTo, nextTransaction: next };
    });
  }

  async running(): ReturnType<CoverageSource['running']> {
    return this.#ask(async (query) => {
      const { oldest } = await serverPosition(query);
      const { lsn } = await serverPosition(query);
      return { oldest, upTo: lsn };
    });
  }

  async #ask<T>(work: (query: PlainQuery) => Promise<T>): Promise<T> {
    const {
      databaseUrl,
      options: { connectMs, statementMs },
    } = this.#request;
    const client = await openClient({ databaseUrl, applicationName: 'meridian schema', connectMs, statementMs });
    try {
      return await work(
        async (text, values) =>
          (await client.query<Record<string, unknown>>(text, values ? [...values] : undefined)).rows,
      );
    } finally {
      await closeClient(client);
    }
  }

  #compare(now: Catalog): CatalogLook {
    const uncovered = new Map<TableTag, string>();
    const altered = new Map<TableTag, string>();
    const joined = new Map<TableTag, string>();
    for (const then of this.#watched) {
      const tag = tableTag(then);
      const table = now.tables.get(tableKey(then));
      const why = this.#whyUncovered(then, now, table);
      if (why !== null) uncovered.set(tag, why);
      if (table?.revision !== undefined) altered.set(tag, table.revision);
      if (table?.publishing?.revision !== undefined) joined.set(tag, table.publishing.revision);
    }
    return { uncovered, altered, joined };
  }

  #whyUncovered(then: CatalogTable, now: Catalog, table: CatalogTable | undefined): string | null {
    if (table === undefined) return 'it is gone';
    const judged = this.#judged.get(tableKey(then));
    return (
      whyUnseen(now, table) ??
      (judged === undefined
        ? null
        : (whyOther(then, table, judged) ?? impurePolicy(table, this.#request.viewerSettings)))
    );
  }
}

/** What the model relies on in a table. */
interface Judged {
  /** Columns that entities use: to show, filter, order or relate rows. */
  readonly mapped: Set<string>;
  /** Conditions in the SDL, in lower case; they may use other columns too. */
  readonly conditions: Set<string>;
}

function judgedOf({ entities, stubs, queries, subscriptions }: Model): ReadonlyMap<string, Judged> {
  const judged = new Map<string, Judged>();
  const of = ({ table }: Entity): Judged => {
    const known = judged.get(tableKey(table)) ?? { mapped: new Set<string>(), conditions: new Set<string>() };
    judged.set(tableKey(table), known);
    return known;
  };
  for (const entity of entities.values()) for (const name of entity.columns.keys()) of(entity).mapped.add(name);
  for (const fields of [
    queries,
    subscriptions,
    ...[...entities.values(), ...stubs.values()].map((owner) => owner.fields),
  ]) {
    for (const field of fields.values()) {
      if (!('where' in field) || field.where === null) continue;
      const target = entities.get(field.target);
      // Inside a quoted name a quote is doubled.
      if (target) of(target).conditions.add(field.where.toLowerCase().replaceAll('""', '"'));
    }
  }
  return judged;
}

/** Columns whose values are part of tags, or that conditions use; both depend on the columns' types. */
function whyOther(then: CatalogTable, now: CatalogTable, { mapped, conditions }: Judged): string | null {
  for (const [name, { type, exact }] of then.columns) {
    const column = now.columns.get(name);
    if (column === undefined) {
      if (mapped.has(name)) return `its column ${name} is gone`;
      continue;
    }
    // A condition may use an enum without naming the column.
    const counts =
      mapped.has(name) ||
      type.kind === 'enum' ||
      [...conditions].some((condition) => condition.includes(name.toLowerCase()));
    if (!counts) continue;
    if (spellingOf(column.type) !== spellingOf(type)) return `its column ${name} has become ${column.type.sql}`;
    if (exact && !column.exact) return `values of its column ${name} can now be equal and differ in text`;
  }
  return null;
}

/** `varchar` values are compared, shown and written to the WAL in the same way as `text` values. */
function spellingOf({ sql }: SqlType): string {
  return sql === 'character varying' ? 'text' : sql;
}

async function serverPosition(query: PlainQuery): Promise<ServerPosition> {
  const [row] = (await query(POSITION_SQL)) as readonly {
    replica: boolean;
    lsn: string;
    oldest: string;
    next: string;
  }[];
  if (row === undefined) throw new Error('the server does not say where it stands');
  return { lsn: parseLsn(row.lsn), isReplica: row.replica, oldest: BigInt(row.oldest), next: BigInt(row.next) };
}
