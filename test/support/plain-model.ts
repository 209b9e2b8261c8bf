/** Owns models for tests that need no SDL: entities straight from a live catalog, one field per column. */
import type pg from 'pg';
import { type CatalogTable } from '../../src/model/catalog.ts';
import {
  NO_CONFLICTS,
  type Caching,
  type ConnectionField,
  type CountField,
  type Entity,
  type ListField,
  type Model,
  type Row,
} from '../../src/model/model.ts';
import { readCatalog } from '../../src/postgres/types/catalog.ts';
import { toMeridianError } from '../../src/postgres/connect/errors.ts';
import { type Executor, type Statement } from '../../src/read/ports.ts';

/** Everything at its defaults. */
const CACHED: Caching = { off: null, ttlMs: null, maxVariants: null };

function entityOf(name: string, table: CatalogTable, version: string | null): Entity {
  const unique = table.uniqueKeys.filter((key) => key.every((column) => table.columns.get(column)?.nullable === false));
  return {
    name,
    table: { schema: table.schema, name: table.name },
    columns: table.columns,
    fields: new Map([...table.columns.keys()].map((column) => [column, { kind: 'column', column }])),
    primaryKey: table.primaryKey ?? [],
    uniqueKeys: unique,
    federationKeys: unique,
    keyPaths: unique,
    external: [],
    version,
    conflict: NO_CONFLICTS,
    tenant: null,
    caching: CACHED,
    spot: { file: 'test.graphql', line: 1 },
  };
}

/**
 * A model with an entity per table of the schema, named as the table is; a column `version` is the entity's version.
 */
export async function plainModel(client: pg.Client): Promise<Model> {
  const catalog = await readCatalog(
    async (text, values) => (await client.query<Record<string, unknown>>(text, [...(values ?? [])])).rows,
  );
  const tables = [...catalog.tables.values()];
  return {
    entities: new Map(
      tables.map((table) => [table.name, entityOf(table.name, table, table.columns.has('version') ? 'version' : null)]),
    ),
    stubs: new Map(),
    interfaces: new Map(),
    queries: new Map(),
    subscriptions: new Map(),
    mutations: new Map(),
    unseen: new Map([...catalog.tables.keys()].map((name) => [name, null])),
  };
}

const NOTHING_FIXED = {
  join: { from: [], to: [] },
  where: null,
  filters: new Map(),
  orderArg: null,
  caching: CACHED,
} as const;

export function listField(rest: Pick<ListField, 'target' | 'orderBy'> & Partial<ListField>): ListField {
  return { kind: 'list', limit: 1_000, cuts: true, ...NOTHING_FIXED, ...rest };
}

export function connectionField(
  rest: Pick<ConnectionField, 'target' | 'orderBy'> & Partial<ConnectionField>,
): ConnectionField {
  return { kind: 'connection', defaultPageSize: 20, maxPageSize: 200, ...NOTHING_FIXED, ...rest };
}

export function countField(rest: Pick<CountField, 'target'> & Partial<CountField>): CountField {
  return { kind: 'count', join: NOTHING_FIXED.join, where: null, filters: new Map(), caching: CACHED, ...rest };
}

/** Runs statements on a real connection and keeps them, to be counted and explained. */
export class CountingExecutor implements Executor {
  readonly statements: Statement[] = [];
  readonly #client: pg.Client;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Statements since the last call. */
  taken(): number {
    return this.statements.splice(0).length;
  }

  query(statement: Statement): Promise<readonly Row[]> {
    this.statements.push(statement);
    const answer = this.#last.then(() => this.#run(statement));
    // One connection answers one statement after the other; a failed one does not stop the next.
    this.#last = answer.catch(() => null);
    return answer;
  }

  async #run({ name, text, values }: Statement): Promise<readonly Row[]> {
    try {
      return (await this.#client.query<Row>({ ...(name === '' ? {} : { name }), text, values: [...values] })).rows;
    } catch (error) {
      throw toMeridianError(error, { region: 'test' });
    }
  }
}
