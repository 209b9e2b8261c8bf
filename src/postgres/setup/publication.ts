/** Owns which tables are published and their replica identity: FULL wherever writes remain possible with it. */
import type pg from 'pg';
import { sleep } from '../../base/clock.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Table } from '../../model/model.ts';
import { readIdentities, whyNotFull, type IdentityFacts } from '../connect/identity.ts';

export interface PublicationRequest {
  readonly client: pg.Client;
  /** The server's `server_version_num`. */
  readonly version: number;
  readonly publication: string;
  readonly tables: readonly Table[];
  /** How long to wait for transactions that began before a table was published, milliseconds. */
  readonly waitMs: number;
  readonly said: (what: string, changed: boolean) => void;
}

export const nameOf = ({ schema, name }: Table): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

const namesOf = (tables: readonly Table[]): string => tables.map(({ schema, name }) => `${schema}.${name}`).join(', ');

const EXISTING_SQL = `
  SELECT puballtables AS all_tables, pubinsert AND pubupdate AND pubdelete AND pubtruncate AND pubviaroot AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's' AS whole
    FROM pg_publication p WHERE pubname = $1`;

/**
 * The order of the steps ensures that the application's updates are never refused in between: first the publication's
 * parameters, then the replica identities, then the tables that are added. Returns whether the publication is new.
 */
export async function publishTables(request: PublicationRequest): Promise<boolean> {
  const { client, publication, tables, said } = request;
  const { rows } = await client.query<{ all_tables: boolean; whole: boolean }>(EXISTING_SQL, [publication]);
  const [existing] = rows;
  if (existing?.whole === false)
    await client.query(`ALTER PUBLICATION ${quoteIdentifier(publication)} SET (${parameters(request)})`);
  const unusable = await identify(request);
  const published = tables.filter((table) => !unusable.has(nameOf(table)));
  if (existing) {
    const changed = existing.all_tables ? '' : await complete(request, published, unusable);
    if (changed === '' && existing.whole) said(`The publication ${publication} covers all tables.`, false);
    else said(`Completed the publication ${publication}${changed}.`, true);
    return false;
  }
  await client.query(
    `CREATE PUBLICATION ${quoteIdentifier(publication)}${published.length > 0 ? ` FOR TABLE ${published.map(nameOf).join(', ')}` : ''} WITH (${parameters(request)})`,
  );
  said(`Created the publication ${publication} for ${published.length} tables.`, true);
  return true;
}

/**
 * Changes of a partition are published under its root's name, the one that the model uses. From 18 on, FULL requires
 * that stored generated columns are published.
 */
function parameters({ version }: PublicationRequest): string {
  return `publish = 'insert, update, delete, truncate', publish_via_partition_root = true${version >= 180_000 ? ', publish_generated_columns = stored' : ''}`;
}

/** Returns what it did, in parentheses; empty if there was nothing to do. */
async function complete(
  request: PublicationRequest,
  tables: readonly Table[],
  unusable: ReadonlySet<string>,
): Promise<string> {
  const { client, publication } = request;
  const { rows } = await client.query<Table>(
    'SELECT schemaname AS schema, tablename AS name FROM pg_publication_tables WHERE pubname = $1',
    [publication],
  );
  const present = new Set(rows.map(nameOf));
  const missing = tables.filter((table) => !present.has(nameOf(table))).map(nameOf);
  const leaving = [...unusable].filter((name) => present.has(name));
  const name = quoteIdentifier(publication);
  if (missing.length > 0) {
    await client.query(`ALTER PUBLICATION ${name} ADD TABLE ${missing.join(', ')}`);
    await othersEnded(request);
  }
  if (leaving.length > 0) await client.query(`ALTER PUBLICATION ${name} DROP TABLE ${leaving.join(', ')}`);
  const parts = [
    ...(missing.length > 0 ? [`${missing.length} tables added`] : []),
    ...(leaving.length > 0 ? [`${leaving.length} taken out`] : []),
  ];
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}

/**
 * Logical decoding leaves out what a transaction changed before the table was published, even if it commits later. A
 * server that starts meanwhile must not cache values that such a transaction changes.
 */
async function othersEnded({ client, waitMs, said }: PublicationRequest): Promise<void> {
  const {
    rows: [begun],
  } = await client.query<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next');
  for (const deadline = performance.now() + waitMs; ; await sleep(20)) {
    const {
      rows: [now],
    } = await client.query<{ ended: boolean }>('SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS ended', [
      begun?.next,
    ]);
    if (now?.ended) return;
    if (performance.now() < deadline) continue;
    return said(
      'Transactions that began before tables were published still run (pg_stat_activity, pg_prepared_xacts): start servers once they have ended, since not all of their changes are told.',
      false,
    );
  }
}

/**
 * Sets REPLICA IDENTITY FULL, on partitions too, since a change is decoded from the leaf partition in which it
 * happened. Where FULL is not possible, the key is used. Returns the names of the tables that can have neither and
 * must not be published, because their updates would be refused.
 */
async function identify({ client, tables, said }: PublicationRequest): Promise<ReadonlySet<string>> {
  const facts = await readIdentities(client, tables);
  const keyed = facts.filter((table) => whyNotFull(table) !== null);
  const unusable = new Set(
    keyed.filter((table) => !table.partitioned && !hasKey(table)).map(({ root }) => nameOf(root)),
  );
  const full = facts.filter((table) => table.identity !== 'f' && whyNotFull(table) === null);
  const back = keyed.filter(
    (table) => !unusable.has(nameOf(table.root)) && (table.identity === 'f' || table.identity === 'n'),
  );
  for (const table of back) await client.query(`ALTER TABLE ${nameOf(table)} REPLICA IDENTITY DEFAULT`);
  for (const table of full) await client.query(`ALTER TABLE ${nameOf(table)} REPLICA IDENTITY FULL`);
  if (back.length > 0)
    said(
      `Set REPLICA IDENTITY DEFAULT on ${namesOf(back)}, since with FULL their updates are refused (${reasons(back)}).`,
      true,
    );
  if (full.length > 0) said(`Set REPLICA IDENTITY FULL on ${namesOf(full)}.`, true);
  else if (back.length === 0)
    said(`Every table ${keyed.length > 0 ? 'that can ' : ''}has REPLICA IDENTITY FULL.`, false);
  const out = keyed.filter(({ root }) => unusable.has(nameOf(root)));
  if (out.length > 0)
    said(
      `Left out of the publication: ${namesOf(out)}, without a primary key and unable to have REPLICA IDENTITY FULL (${reasons(out)}).`,
      false,
    );
  return unusable;
}

/** Whether it has, or could have, a replica identity other than FULL. */
function hasKey({ identity, hasIdentity, hasPrimaryKey }: IdentityFacts): boolean {
  return hasPrimaryKey || (identity === 'i' && hasIdentity);
}

function reasons(tables: readonly IdentityFacts[]): string {
  return [...new Set(tables.map(whyNotFull))].join('; ');
}
