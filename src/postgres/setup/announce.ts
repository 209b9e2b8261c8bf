/**
 * Owns how schema changes get into the WAL: event triggers in the database's schema `meridian` write a logical
 * message, which commits with the change. The effect of DDL on values (a column's new type, a dropped partition, a
 * policy) is not written as row changes.
 *
 * The message is `{"ddl": {"tables": ["schema.name", …]}}` if only these tables are concerned, else `{"ddl": {"all":
 * true}}`.
 */
import type pg from 'pg';
import { MESSAGE_PREFIX } from '../wal/decode.ts';

/** `unannounced`: not even the function for manual calls exists. */
export type Announcing = 'installed' | 'disabled' | 'outdated' | 'missing' | 'unannounced';

/**
 * To be called manually after changes that event triggers do not see, or if event triggers may not be created. Every
 * role may call it.
 */
export const ANNOUNCE_CALL = 'SELECT meridian.schema_changed()';
/** The same for a database without the schema `meridian`: by default every role may write messages. */
export const ANNOUNCE_MESSAGE = `SELECT pg_logical_emit_message(true, '${MESSAGE_PREFIX}', '{"ddl":{"all":true}}')`;

/** More names than this are announced as "all". */
const MAX_NAMES = 1_000;

/**
 * The content is UTF-8, whatever the database's encoding is. Without logical decoding the message would have no reader
 * and is not written.
 */
const emit = (content: string): string =>
  `PERFORM pg_logical_emit_message(true, '${MESSAGE_PREFIX}', convert_to(${content}, 'UTF8')) WHERE current_setting('wal_level') = 'logical';`;

const SCHEMA_CHANGED = `
BEGIN
  ${emit(`'{"ddl":{"all":true}}'`)}
END`;

/**
 * Names of the given tables, of their ancestors and of their descendants: a row can be read through any of them. A
 * STABLE function sees the catalog as of the start of the command, a VOLATILE one as of its end. Both are needed,
 * since a table may have left its parent or changed its name.
 */
const NAMES = `
  WITH RECURSIVE
  up(id) AS (SELECT unnest(relations) UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.id),
  down(id) AS (SELECT unnest(relations) UNION SELECT i.inhrelid FROM down JOIN pg_inherits i ON i.inhparent = down.id)
  SELECT coalesce(array_agg(n.nspname || '.' || c.relname), '{}')
    FROM (SELECT id FROM up UNION SELECT id FROM down) AS involved
    JOIN pg_class c ON c.oid = involved.id JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'm')`;

/**
 * Commands that do not change the rows that a query returns. REVOKE is not among them: it may remove the right by
 * which a cached value was read.
 */
const QUIET_COMMANDS = [
  'COMMENT',
  'SECURITY LABEL',
  'GRANT',
  'ALTER DEFAULT PRIVILEGES',
  'CREATE INDEX',
  'ALTER INDEX',
  'DROP INDEX',
  'REINDEX',
  'CREATE SEQUENCE',
  'ALTER SEQUENCE',
  'DROP SEQUENCE',
  'CREATE STATISTICS',
  'ALTER STATISTICS',
  'DROP STATISTICS',
  'CREATE TRIGGER',
  'ALTER TRIGGER',
  'DROP TRIGGER',
  'CREATE SUBSCRIPTION',
  'ALTER SUBSCRIPTION',
  'DROP SUBSCRIPTION',
];
const QUIET_OBJECTS = [
  'index',
  'sequence',
  'statistics object',
  'trigger',
  'default value',
  'table constraint',
  'toast table',
  'event trigger',
  'subscription',
  'SEQUENCE',
  'SEQUENCES',
];

/** Commands that revoke rights or change owners without naming the objects concerned. */
const WHOLESALE_COMMANDS = ['DROP OWNED', 'REASSIGN OWNED'];

const list = (names: readonly string[]): string => `'{${names.map((name) => `"${name}"`).join(',')}}'`;

/** The kind of a relation as of the start of the command; NULL if it did not exist then. */
const kindBefore = (id: string): string =>
  `(SELECT CASE WHEN relpersistence = 't' THEN 't' ELSE relkind::text END FROM pg_class WHERE oid = ${id})`;

/**
 * STABLE, so that its own statements see the catalog as of the start of the command. Each object is mapped to table
 * ids, to "all", or to nothing; an unknown kind of object is "all". The function never raises an error, since the
 * cache must not make a migration fail.
 */
const ON_DDL = `
DECLARE
  relations oid[];
  wholesale boolean;
  names text[];
  content text;
BEGIN
  -- First of all: some of these run outside of a transaction of their own, where no more than this is allowed.
  IF tg_tag = ANY (${list(QUIET_COMMANDS)}) THEN RETURN; END IF;
  BEGIN
    IF tg_event = 'sql_drop' THEN
      SELECT array_agg(DISTINCT relation) FILTER (WHERE relation IS NOT NULL AND NOT quiet), coalesce(bool_or(relation IS NULL AND NOT quiet), false) INTO relations, wholesale
        FROM (SELECT CASE WHEN d.object_type IN ('table', 'table column', 'materialized view') AND ${kindBefore('d.objid')} IN ('r', 'p', 'm') THEN d.objid
                          WHEN d.object_type = 'policy' THEN (SELECT polrelid FROM pg_policy WHERE oid = d.objid) END AS relation,
                     d.is_temporary OR d.object_type = 'schema' OR d.object_type = ANY (${list(QUIET_OBJECTS)})
                       -- The command's own end tells of the table.
                       OR (d.object_type = 'table column' AND tg_tag = 'ALTER TABLE')
                       OR (d.schema_name = 'meridian' AND d.object_type IN ('function', 'type'))
                       -- The column of a view goes with the view; those of an index, with the index.
                       OR (d.object_type = 'table column' AND ${kindBefore('d.objid')} NOT IN ('r', 'p', 'm', 'f', 'c'))
                       -- A view's rule goes with the view, and another one only matters to writes.
                       OR (d.object_type = 'rule' AND NOT d.original)
                       -- What is part of something else that goes: a table's row type, its place in a publication.
                       OR (NOT d.original AND NOT d.normal AND d.object_type NOT IN ('table', 'table column', 'policy'))
                       OR (d.object_type = 'type' AND EXISTS (SELECT FROM pg_type t JOIN pg_type e ON e.oid = coalesce(nullif(t.typelem, 0), t.oid) JOIN pg_class c ON c.oid = e.typrelid
                                                               WHERE t.oid = d.objid AND c.relkind <> 'c')) AS quiet
                FROM pg_event_trigger_dropped_objects() AS d) AS dropped;
    ELSE
      SELECT array_agg(DISTINCT relation) FILTER (WHERE relation IS NOT NULL AND NOT quiet), coalesce(bool_or(relation IS NULL AND NOT quiet), false) INTO relations, wholesale
        FROM (SELECT c.objid, CASE WHEN c.classid = 'pg_class'::regclass AND c.object_type IN ('table', 'table column', 'materialized view') THEN c.objid
                                   WHEN c.object_type = 'policy' THEN meridian.table_of_policy(c.objid) END AS relation,
                     coalesce(c.schema_name = 'pg_temp' OR c.command_tag = 'CREATE SCHEMA' OR c.command_tag = ANY (${list(QUIET_COMMANDS)}) OR c.object_type = ANY (${list(QUIET_OBJECTS)}) OR (c.schema_name = 'meridian' AND c.object_type = 'function'), false) AS quiet
                FROM pg_event_trigger_ddl_commands() AS c) AS done;
    END IF;
    wholesale := wholesale OR tg_tag = ANY (${list(WHOLESALE_COMMANDS)});
    IF relations IS NULL AND NOT wholesale THEN RETURN; END IF;
    IF NOT wholesale THEN
      SELECT array_agg(DISTINCT name) INTO names FROM unnest(meridian.names_before(relations) || meridian.names_after(relations)) AS name;
      -- All of them temporary.
      IF names IS NULL THEN RETURN; END IF;
    END IF;
    content := CASE WHEN wholesale OR cardinality(names) > ${MAX_NAMES} THEN '{"ddl":{"all":true}}' ELSE jsonb_build_object('ddl', jsonb_build_object('tables', names))::text END;
  EXCEPTION WHEN OTHERS THEN
    content := '{"ddl":{"all":true}}';
  END;
  BEGIN
    ${emit('content')}
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Meridian''s caches were not told of this schema change: %. Tell them with SELECT meridian.schema_changed().', SQLERRM;
  END;
END`;

const TABLE_OF_POLICY = ' SELECT polrelid FROM pg_policy WHERE oid = policy';

interface DatabaseFunction {
  readonly name: string;
  readonly takes: string;
  readonly gives: string;
  readonly language: 'plpgsql' | 'sql';
  readonly volatility: 'STABLE' | 'VOLATILE';
  readonly body: string;
}

const FUNCTIONS: readonly DatabaseFunction[] = [
  {
    name: 'schema_changed',
    takes: '',
    gives: 'void',
    language: 'plpgsql',
    volatility: 'VOLATILE',
    body: SCHEMA_CHANGED,
  },
  {
    name: 'names_before',
    takes: 'relations oid[]',
    gives: 'text[]',
    language: 'sql',
    volatility: 'STABLE',
    body: NAMES,
  },
  {
    name: 'names_after',
    takes: 'relations oid[]',
    gives: 'text[]',
    language: 'sql',
    volatility: 'VOLATILE',
    body: NAMES,
  },
  {
    name: 'table_of_policy',
    takes: 'policy oid',
    gives: 'oid',
    language: 'sql',
    volatility: 'VOLATILE',
    body: TABLE_OF_POLICY,
  },
  { name: 'on_ddl', takes: '', gives: 'event_trigger', language: 'plpgsql', volatility: 'STABLE', body: ON_DDL },
];

/**
 * SECURITY DEFINER, since the role that changes a schema needs no rights on Meridian's objects. With this search_path,
 * names resolve to the server's own objects.
 */
const create = ({ name, takes, gives, language, volatility, body }: DatabaseFunction): string =>
  `CREATE OR REPLACE FUNCTION meridian.${name}(${takes}) RETURNS ${gives} LANGUAGE ${language} ${volatility} SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $meridian$${body}$meridian$`;

/** Idempotent; any role that may create schemas in the database can run it. */
export const FUNCTIONS_SQL = [
  'CREATE SCHEMA IF NOT EXISTS meridian',
  'GRANT USAGE ON SCHEMA meridian TO PUBLIC',
  ...FUNCTIONS.map(create),
].join(';\n');

const EVENTS = ['ddl_command_end', 'sql_drop'] as const;
const triggerName = (event: (typeof EVENTS)[number]): string => `meridian_${event}`;

/**
 * Idempotent; needs a superuser or the equivalent role of a managed service. ENABLE ALWAYS includes sessions with
 * `session_replication_role = replica`, which load data.
 */
export const TRIGGERS_SQL = EVENTS.flatMap((event) => [
  `DROP EVENT TRIGGER IF EXISTS ${triggerName(event)}`,
  `CREATE EVENT TRIGGER ${triggerName(event)} ON ${event} EXECUTE FUNCTION meridian.on_ddl()`,
  `ALTER EVENT TRIGGER ${triggerName(event)} ENABLE ALWAYS`,
]).join(';\n');

const STATE_SQL = `
  SELECT ARRAY(SELECT p.proname::text || md5(p.prosrc) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'meridian') AS functions,
         ARRAY(SELECT t.evtname::text FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = 'meridian' AND p.proname = 'on_ddl') AS triggers,
         ARRAY(SELECT t.evtname::text FROM pg_event_trigger t WHERE t.evtenabled <> 'A') AS disabled,
         to_regprocedure('meridian.schema_changed()') IS NOT NULL AS by_hand,
         ARRAY(SELECT name || md5(body) FROM unnest($1::text[], $2::text[]) AS f (name, body)) AS wanted`;

interface StateRow {
  readonly functions: readonly string[];
  readonly triggers: readonly string[];
  readonly disabled: readonly string[];
  readonly by_hand: boolean;
  readonly wanted: readonly string[];
}

/** Whether this database announces its schema changes. */
export async function readAnnouncing(client: Pick<pg.Client, 'query'>): Promise<Announcing> {
  const { rows } = await client.query<StateRow>(STATE_SQL, [
    FUNCTIONS.map(({ name }) => name),
    FUNCTIONS.map(({ body }) => body),
  ]);
  const [row] = rows;
  if (!row?.by_hand) return 'unannounced';
  const triggers = EVENTS.map(triggerName);
  if (!triggers.every((name) => row.triggers.includes(name))) return 'missing';
  if (!row.wanted.every((one) => row.functions.includes(one))) return 'outdated';
  return triggers.some((name) => row.disabled.includes(name)) ? 'disabled' : 'installed';
}
