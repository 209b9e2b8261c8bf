/**
 * Owns the rows that a database holds at one moment, kept in files beside its data, and putting them back: one
 * transaction that empties every table and fills it again.
 */
import { type Client } from 'pg';
import { MeridianError, messageOf } from '../base/errors.ts';
import { quoteLiteral } from '../base/sql-text.ts';
import { withSession } from './postgres/session.ts';

/** Tables and sequences that no extension owns, whatever schema they are in; Meridian's own tables among them. */
const RELATIONS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind, c.relispartition AS "isPartition"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY name`;

interface Relation {
  readonly name: string;
  /** An ordinary table, a partitioned one, a sequence. */
  readonly kind: 'r' | 'p' | 'S';
  readonly isPartition: boolean;
}

interface KeptSequence {
  readonly name: string;
  readonly last: string;
  readonly called: boolean;
}

export class InitialRows {
  /** File by table; tables that were empty have none. */
  readonly #files = new Map<string, string>();
  readonly #sequences: KeptSequence[] = [];

  private constructor() {}

  /** Copies the rows of every table into files of the database's server; `dsn` is its superuser's. */
  static async keep(dsn: string): Promise<InitialRows> {
    const kept = new InitialRows();
    await withSession({ dsn }, async (client) => {
      const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
      for (const { name, kind } of await relationsOf(client)) {
        if (kind === 'S') await kept.#keepSequence(client, name);
        else if (kind === 'r') await kept.#keepTable(client, name, rows[0]?.folder ?? '');
      }
    });
    return kept;
  }

  /**
   * Leaves every table as it was kept, and tables that are newer empty. Triggers and foreign keys have no part in it.
   * Throws `TRANSACTION_CONFLICT` when somebody holds a table for longer than `limitMs`.
   */
  async restore(dsn: string, limitMs: number): Promise<void> {
    const settings = { session_replication_role: 'replica', lock_timeout: String(limitMs) };
    await withSession({ dsn, settings }, async (client) => {
      const relations = await relationsOf(client);
      // A partition is emptied with its table: changes of a partition alone are not told to replicas' caches.
      const emptied = relations.filter(({ kind, isPartition }) => kind !== 'S' && !isPartition);
      const names = new Set(relations.map(({ name }) => name));
      try {
        await client.query('BEGIN');
        if (emptied.length > 0) await client.query(`TRUNCATE ${emptied.map(({ name }) => name).join(', ')}`);
        for (const [name, file] of this.#files)
          if (names.has(name)) await client.query(`COPY ${name} FROM ${quoteLiteral(file)}`);
        for (const { name, last, called } of this.#sequences)
          if (names.has(name)) await client.query('SELECT setval($1::regclass, $2, $3)', [name, last, called]);
        await client.query('COMMIT');
      } catch (error) {
        throw new MeridianError({
          code: 'TRANSACTION_CONFLICT',
          message: `The application's tables could not be put back: ${messageOf(error)}; end transactions that a test has left open, and start again if a test has changed the tables' columns.`,
          cause: error,
        });
      }
    });
  }

  async #keepTable(client: Client, name: string, folder: string): Promise<void> {
    const file = `${folder}/meridian_initial_rows_${this.#files.size + 1}`;
    const { rowCount } = await client.query(`COPY ${name} TO ${quoteLiteral(file)}`);
    if ((rowCount ?? 0) > 0) this.#files.set(name, file);
  }

  async #keepSequence(client: Client, name: string): Promise<void> {
    const { rows } = await client.query<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${name}`,
    );
    if (rows[0]) this.#sequences.push({ name, ...rows[0] });
  }
}

async function relationsOf(client: Client): Promise<Relation[]> {
  return (await client.query<Relation>(RELATIONS)).rows;
}
