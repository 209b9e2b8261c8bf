/**
 * Owns Meridian's own tables in the database, in the schema `meridian`: outcomes of requests with an idempotency key,
 * older versions of rows, and the audit of conflicts. They are in the application's database so that they commit
 * atomically with its rows.
 */
import { hash } from 'node:crypto';
import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../../base/sql-text.ts';
import { tableKey } from '../../model/catalog.ts';
import { type Entity, type Table } from '../../model/model.ts';
import { AS_TEXTS, namesSql, textsSql } from '../../write/history.ts';

/** Tables that the role of a server reads and writes. */
export const METADATA_TABLES = ['meridian.outcomes', 'meridian.history', 'meridian.conflicts'] as const;

/** Maximum size of a key, so that relation, key and version fit into one index entry. */
const MAX_KEY_BYTES = 2_000;

/**
 * The rows of a conflict are json, since jsonb cannot hold every value of a json column. Earlier versions of Meridian
 * used jsonb, which the last statement converts.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS meridian.outcomes (
  scope       text NOT NULL,
  key         text NOT NULL,
  fingerprint text NOT NULL,
  steps       jsonb NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX IF NOT EXISTS outcomes_by_end ON meridian.outcomes (expires_at);
CREATE TABLE IF NOT EXISTS meridian.history (
  relation    text NOT NULL,
  key         jsonb NOT NULL,
  version     bigint NOT NULL,
  row_then    jsonb NOT NULL,
  deleted     boolean NOT NULL,
  at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (relation, key, version)
);
CREATE INDEX IF NOT EXISTS history_by_age ON meridian.history (at);
CREATE TABLE IF NOT EXISTS meridian.conflicts (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT now(),
  entity      text NOT NULL,
  row_id      text,
  mutation    text NOT NULL,
  policy      text NOT NULL,
  outcome     text NOT NULL,
  reason      text,
  winner      text NOT NULL,
  viewer      text,
  tenant      text,
  region      text NOT NULL,
  seen_version bigint,
  version     bigint,
  new_version bigint,
  base        json,
  current     json,
  incoming    json,
  result      json,
  fields      jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS conflicts_of_entity ON meridian.conflicts (entity, row_id, id);
CREATE INDEX IF NOT EXISTS conflicts_by_age ON meridian.conflicts (at);
ALTER TABLE meridian.conflicts ALTER base TYPE json, ALTER current TYPE json, ALTER incoming TYPE json, ALTER result TYPE json`;

/**
 * Trigger function that keeps the version of a row that an update replaces or a delete removes, whichever client makes
 * the change: its columns in the text format of their types, with settings that make that format independent of the
 * session. `TG_ARGV`: the table's name (a partition has another one), the version column, and the key columns. A
 * version that is replaced twice (its column was set back by hand) is overwritten. SECURITY DEFINER, since the role
 * that writes the row needs no rights on Meridian's tables. A version that cannot be kept (a column was renamed, a key
 * is too long for an index) is skipped, so that the write succeeds.
 */
const KEEP = `
DECLARE
  row_text text := OLD::text;
  names text[] := ${namesSql('TG_RELID')};
  texts text[];
  gone jsonb;
  row_key jsonb;
BEGIN
  IF position('"' IN row_text) = 0 THEN
    texts := string_to_array(substr(row_text, 2, length(row_text) - 2), ',', '');
  ELSE
    texts := ${textsSql('row_text')};
  END IF;
  gone := jsonb_object(names, texts);
  row_key := (SELECT jsonb_object_agg(w.name, CASE
      WHEN t.typcategory = 'N' AND gone ->> w.name ~ '^-?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?$' AND t.typname <> 'oid' THEN (gone ->> w.name)::jsonb
      WHEN t.typcategory = 'B' THEN to_jsonb(gone ->> w.name = 't')
      ELSE gone -> w.name END)
    FROM unnest(TG_ARGV[2:]) AS w (name) LEFT JOIN pg_attribute AS a ON a.attrelid = TG_RELID AND a.attname = w.name LEFT JOIN pg_type AS t ON t.oid = a.atttypid);
  IF gone ->> TG_ARGV[1] !~ '^-?[0-9]{1,18}$' OR NOT gone ?& ARRAY[TG_ARGV[1]] OR gone ->> TG_ARGV[1] IS NULL OR NOT gone ?& TG_ARGV[2:] OR octet_length(row_key::text) > ${MAX_KEY_BYTES} THEN
    RETURN NULL;
  END IF;
  INSERT INTO meridian.history AS h (relation, key, version, row_then, deleted)
  VALUES (TG_ARGV[0], row_key, (gone ->> TG_ARGV[1])::bigint, gone || '{"${AS_TEXTS}": true}', TG_OP = 'DELETE')
  ON CONFLICT (relation, key, version) DO UPDATE SET row_then = excluded.row_then, deleted = excluded.deleted, at = excluded.at;
  RETURN NULL;
END`;

/** Rows are kept as text that servers parse, so its format must not depend on the session that writes. */
const KEEP_SETTINGS = `SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET intervalstyle = 'iso_8601'
  SET extra_float_digits = 1 SET bytea_output = 'hex' SET standard_conforming_strings = on`;

/** Idempotent; `announce.ts` creates the same schema, and either may run first. */
const MAKE = [
  'CREATE SCHEMA IF NOT EXISTS meridian',
  'GRANT USAGE ON SCHEMA meridian TO PUBLIC',
  TABLES,
  `CREATE OR REPLACE FUNCTION meridian.keep_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER ${KEEP_SETTINGS} AS $meridian$${KEEP}$meridian$`,
  // A role that may create a table, even a temporary one, could attach the trigger and write versions of another
  // table's rows.
  'REVOKE ALL ON FUNCTION meridian.keep_version() FROM PUBLIC',
].join(';\n');

/**
 * Identifies the statements that created the tables. If a database has another identifier, setup runs the statements
 * again.
 */
const MADE_BY = `made by ${hash('sha256', MAKE, 'base64url')}`;

export const METADATA_SQL = `${MAKE};\nCOMMENT ON FUNCTION meridian.keep_version() IS ${quoteLiteral(MADE_BY)}`;

/** A table whose older versions are kept. */
export interface KeptTable {
  readonly table: Table;
  readonly version: string;
  readonly key: readonly string[];
}

/** The tables of the model with a policy that compares with an older version. */
export function keptTables(entities: Iterable<Entity>): readonly KeptTable[] {
  const kept = new Map<string, KeptTable>();
  for (const { table, version, conflict, primaryKey } of entities) {
    const compares = ['MERGE', 'HANDLER'].includes(conflict.policy) || conflict.updateDeleted === 'RESTORE';
    if (compares && version !== null) kept.set(tableKey(table), { table, version, key: primaryKey });
  }
  return [...kept.values()];
}

const UPDATED = 'meridian_version_replaced';
const DELETED = 'meridian_version_removed';

/** Triggers that keep a table's versions; idempotent. An update that does not change the version column keeps none. */
export function keepVersionsSql({ table, version, key }: KeptTable): string {
  const name = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const column = quoteIdentifier(version);
  const call = `EXECUTE FUNCTION meridian.keep_version(${[tableKey(table), version, ...key].map(quoteLiteral).join(', ')})`;
  return [
    `CREATE OR REPLACE TRIGGER ${UPDATED} AFTER UPDATE ON ${name} FOR EACH ROW WHEN (OLD.${column} IS DISTINCT FROM NEW.${column}) ${call}`,
    `CREATE OR REPLACE TRIGGER ${DELETED} AFTER DELETE ON ${name} FOR EACH ROW ${call}`,
  ].join(';\n');
}

export interface MetadataState {
  /** Tables of `METADATA_TABLES` that the database lacks. */
  readonly missing: readonly string[];
  /**
   * They were created by another version of Meridian, or every role may execute `keep_version()`, with which it could
   * write history.
   */
  readonly outdated: boolean;
  /** Those of the given tables whose triggers are missing, disabled or different. */
  readonly unkept: readonly string[];
}

const STATE_SQL = `
  SELECT ARRAY(SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL) AS missing,
         NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'meridian' AND p.proname = 'keep_version' AND obj_description(p.oid, 'pg_proc') = $6
                        AND NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0)) AS outdated,
         ARRAY(SELECT w.name FROM unnest($2::text[], $3::text[], $4::text[]) AS w (schema, name, arguments)
                WHERE (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = w.schema AND c.relname = w.name AND t.tgname = ANY ($5) AND t.tgenabled IN ('O', 'A')
                          AND replace(encode(t.tgargs, 'escape'), E'\\\\000', chr(31))
                            = encode(convert_to(w.arguments, getdatabaseencoding()), 'escape')) < 2) AS unkept`;

/** Reads which of Meridian's own tables and triggers the database has. */
export async function readMetadata(
  client: Pick<pg.Client, 'query'>,
  kept: readonly KeptTable[],
): Promise<MetadataState> {
  const names = kept.map(({ table }) => table);
  const args = kept.map(({ table, version, key }) =>
    [tableKey(table), version, ...key].map((name) => `${name}\u001f`).join(''),
  );
  const { rows } = await client.query<MetadataState>(STATE_SQL, [
    METADATA_TABLES,
    names.map((t) => t.schema),
    names.map((t) => t.name),
    args,
    [UPDATED, DELETED],
    MADE_BY,
  ]);
  return rows[0] ?? { missing: METADATA_TABLES, outdated: true, unkept: names.map((t) => t.name) };
}
