/**
 * Owns the facts that a check reads from one server: its version, settings, free slots and senders, its logical slot,
 * rights, and the mapped tables.
 */
import type pg from 'pg';
import { MeridianError } from '../../base/errors.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Table } from '../../model/model.ts';
import { readAnnouncing, type Announcing } from '../setup/announce.ts';
import { demandEncoding, ENCODING } from '../connect/encoding.ts';
import { readIdentities, type IdentityFacts } from '../connect/identity.ts';
import { grantCalls, uncallable } from '../connect/rights.ts';

export interface ServerFacts {
  readonly version: number;
  readonly inRecovery: boolean;
  readonly systemIdentifier: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly slotsUsed: number;
  readonly sendersUsed: number;
  /** The region's logical slot: its row in `pg_replication_slots`. */
  readonly slot: Readonly<Record<string, unknown>> | null;
  readonly role: string;
  readonly superuser: boolean;
  /**
   * Names without a schema are resolved in the schema `meridian` first, because the role has the same name and its
   * `search_path` contains "$user".
   */
  readonly looksIntoOwn: boolean;
  readonly replication: boolean;
  readonly monitor: boolean;
  /** Whether the role may call `pg_log_standby_snapshot()`; null if the server does not have that function. */
  readonly logSnapshot: boolean | null;
  readonly announcing: Announcing;
  readonly publication: PublicationFacts | null;
  readonly tables: readonly TableFacts[];
  /** Facts of the mapped tables and their partitions. */
  readonly identities: readonly IdentityFacts[];
}

export interface PublicationFacts {
  readonly all_tables: boolean;
  /** Those of insert, update, delete and truncate that are not published. */
  readonly omits: readonly string[];
  /** Changes of a partition are published under the name of its root. */
  readonly via_root: boolean;
}

export interface TableFacts extends Table {
  readonly exists: boolean;
  /** `replicated`: a permanent table. `unlogged`: a table whose rows do not reach replicas. `view`: not a table. */
  readonly kind: 'replicated' | 'unlogged' | 'view' | null;
  readonly published: boolean;
  readonly partitioned: boolean;
  /** It is a partition: its changes may be published under its root's name. */
  readonly partition: boolean;
  /** Tables that are not partitions inherit from it: their changes are published under their own names. */
  readonly children: boolean;
  /** The publication has a row filter or a column list for the table. */
  readonly filtered: boolean;
  /** Those of SELECT, INSERT, UPDATE and DELETE that the role lacks. */
  readonly lacks: readonly string[];
}

const SETTINGS = [
  'wal_level',
  'max_replication_slots',
  'max_wal_senders',
  'hot_standby_feedback',
  'primary_slot_name',
  'track_commit_timestamp',
  'synchronous_commit',
  'max_slot_wal_keep_size',
  'wal_sender_timeout',
];

const SERVER_SQL = `
  SELECT current_setting('server_version_num')::int AS "version", pg_is_in_recovery() AS "inRecovery", ${ENCODING} AS "encoding",
         (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
         (SELECT jsonb_object_agg(name, current_setting(name)) FROM pg_settings WHERE name = ANY ($3)) AS "settings",
         (SELECT count(*)::int FROM pg_replication_slots) AS "slotsUsed",
         (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'walsender') AS "sendersUsed",
         (SELECT to_jsonb(s) FROM pg_replication_slots s WHERE slot_name = $1) AS "slot",
         current_user::text AS "role", r.rolsuper AS "superuser",
         current_user = 'meridian' AND to_regnamespace('meridian') IS NOT NULL
           AND (SELECT reset_val FROM pg_settings WHERE name = 'search_path') LIKE '%$user%' AS "looksIntoOwn",
         r.rolsuper OR r.rolreplication AS "replication",
         pg_has_role(current_user, 'pg_monitor', 'MEMBER') AS "monitor",
         has_function_privilege(to_regprocedure('pg_log_standby_snapshot()'), 'EXECUTE') AS "logSnapshot",
         (SELECT jsonb_build_object('all_tables', puballtables, 'via_root', pubviaroot, 'omits', array_remove(ARRAY[
             CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END,
             CASE WHEN NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END], NULL))
            FROM pg_publication WHERE pubname = $2) AS "publication"
    FROM pg_roles r WHERE r.rolname = current_user`;

/**
 * Names are looked up in the catalog, since a cast to regclass fails if the role lacks USAGE on the schema. A
 * publication that lists the partitions of a partitioned table covers the table.
 */
const TABLES_SQL = `
  WITH mapped AS (
    SELECT m.schema, m.name, n.oid AS namespace, c.oid AS relation, c.relkind, c.relispartition,
           CASE WHEN c.relkind NOT IN ('r', 'p') THEN 'view' WHEN c.relpersistence = 'p' THEN 'replicated' WHEN c.oid IS NOT NULL THEN 'unlogged' END AS kind
      FROM unnest($1::text[], $2::text[]) AS m (schema, name)
      LEFT JOIN pg_namespace n ON n.nspname = m.schema LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m.name),
  published AS MATERIALIZED (SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = $3)
  SELECT m.schema, m.name, m.relation IS NOT NULL AS "exists", m.kind AS "kind",
         coalesce(m.relkind = 'p', false) AS "partitioned", coalesce(m.relispartition, false) AS "partition", coalesce(m.relkind = 'r', false) AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = m.relation) AS "children",
         EXISTS (SELECT FROM published p WHERE p.schemaname = m.schema AND p.tablename = m.name)
           OR EXISTS (SELECT FROM pg_partition_tree(m.relation) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
                      JOIN published p ON p.schemaname = n.nspname AND p.tablename = c.relname WHERE t.isleaf) AS "published",
         EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication b ON b.oid = r.prpubid WHERE b.pubname = $3 AND r.prrelid = m.relation
                 AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)) AS "filtered",
         ARRAY(SELECT right_name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_name
                WHERE NOT (has_schema_privilege(m.namespace, 'USAGE') AND has_table_privilege(m.relation, right_name))) AS "lacks"
    FROM mapped m`;

export interface FactsQuery {
  readonly slotName: string;
  readonly publication: string;
  readonly tables: readonly Table[];
}

/**
 * Throws `DATABASE_NOT_READY`, with `details.fix`, if the role may not call the functions that the check needs, or if
 * the database's encoding is unusable.
 */
export async function readFacts(
  client: pg.Client,
  { slotName, publication, tables }: FactsQuery,
): Promise<ServerFacts> {
  const forbidden = await uncallable(client);
  if (forbidden.length > 0) throw await mayNotCall(client, forbidden);
  const { rows } = await client.query<Omit<ServerFacts, 'tables' | 'identities' | 'announcing'> & { encoding: string }>(
    SERVER_SQL,
    [slotName, publication, SETTINGS],
  );
  const [row] = rows;
  if (!row) throw new MeridianError({ code: 'DATABASE_ERROR', message: 'The server answered nothing about itself.' });
  const { encoding, ...server } = row;
  demandEncoding(encoding);
  const mapped = await client.query<TableFacts>(TABLES_SQL, [
    tables.map((t) => t.schema),
    tables.map((t) => t.name),
    publication,
  ]);
  return {
    ...server,
    tables: mapped.rows,
    identities: await readIdentities(client, tables),
    announcing: await readAnnouncing(client),
  };
}

async function mayNotCall(client: pg.Client, functions: readonly string[]): Promise<MeridianError> {
  const { rows } = await client.query<{ role: string }>('SELECT current_user::text AS role');
  const role = rows[0]?.role ?? '';
  const fix = `${grantCalls(functions, quoteIdentifier(role))} at the primary.`;
  return new MeridianError({
    code: 'DATABASE_NOT_READY',
    message: `The role ${role} may not call ${functions.join(', ')}, which servers need.`,
    details: { fix },
  });
}
