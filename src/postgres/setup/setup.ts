/**
 * Owns the preparation of a database, idempotently: announcement of schema changes, publication, rights, slots, and
 * settings on request.
 */
import type pg from 'pg';
import { isMeridianError, MeridianError, messageOf } from '../../base/errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../base/sql-text.ts';
import { type Table } from '../../model/model.ts';
import { ANNOUNCE_CALL, ANNOUNCE_MESSAGE, FUNCTIONS_SQL, readAnnouncing, TRIGGERS_SQL } from './announce.ts';
import { METADATA_TABLES, METADATA_SQL, keepVersionsSql, readMetadata } from './metadata.ts';
import { checkDatabase, factsOf } from '../check/check.ts';
import { type DatabaseTarget, type Finding } from '../check/finding.ts';
import { type ServerFacts } from '../check/facts.ts';
import { grantCalls, grantOutcomes, roleWithoutOutcomes, uncallable } from '../connect/rights.ts';
import { nameOf, publishTables } from './publication.ts';
import { createSlot, dropSlot, surveyServer } from '../wal/slot.ts';
import { closeClient, errorCodeOf, openClient } from '../connect/open.ts';

export interface SetupTarget extends DatabaseTarget {
  /** Schemas all of whose tables are published; used when `tables` is empty. */
  readonly schemas?: readonly string[];
  /** Writes settings by ALTER SYSTEM. Some of them need a restart, which the operator must do. */
  readonly alterSystem?: boolean;
  /**
   * Role that the servers connect as, if it is not the role that runs setup: it is granted the rights that it needs.
   */
  readonly role?: string;
}

export interface SetupStep {
  readonly region: string;
  readonly what: string;
  /** False if nothing had to be changed. */
  readonly changed: boolean;
}

export interface SetupResult {
  readonly steps: readonly SetupStep[];
  /** Regions whose server must be restarted before a changed setting takes effect. */
  readonly restart: readonly string[];
  /** The findings of a check after the setup. */
  readonly findings: readonly Finding[];
}

interface Context {
  readonly target: SetupTarget;
  readonly steps: SetupStep[];
  readonly restart: Set<string>;
  /** Slots are then recreated: a slot that is older than its publication never sees it. */
  publicationIsNew: boolean;
}

/**
 * Throws `REGION_UNAVAILABLE` if a region cannot be reached, and `DATABASE_NOT_READY` if no region, or more than one,
 * is the primary. Running it again changes nothing.
 */
export async function setupDatabase(target: SetupTarget): Promise<SetupResult> {
  const servers = await Promise.all(
    target.regions.map(async (region) => ({ ...region, facts: await reachedFacts(region, target) })),
  );
  const primaries = servers.filter((server) => !server.facts.inRecovery);
  const [primary] = primaries;
  if (!primary || primaries.length > 1) {
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: primary
        ? `Several regions accept writes (${primaries.map((p) => p.name).join(', ')}): stop all but the newest primary first.`
        : 'None of the regions is the primary: name it among them, or promote a replica.',
    });
  }
  const context: Context = { target, steps: [], restart: new Set(), publicationIsNew: false };
  if (target.alterSystem)
    for (const server of servers)
      await withClient(server.databaseUrl, target, (client) =>
        alterSettings({ client, region: server.name, facts: server.facts, context }),
      );
  const published = await withClient(primary.databaseUrl, target, async (client) => {
    const tables = await resolveTables(client, target);
    await announce(client, primary.name, context);
    await setUpMetadata(client, primary.name, context);
    await letViewersKeep(client, primary.name, context);
    const said = (what: string, changed: boolean): void =>
      void context.steps.push({ region: primary.name, what, changed });
    context.publicationIsNew = await publishTables({
      client,
      version: primary.facts.version,
      publication: target.options.publication,
      tables,
      waitMs: target.options.slotCreateMs,
      said,
    });
    if (target.role !== undefined) await grant({ client, region: primary.name, tables, role: target.role, context });
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    return rows[0]?.lsn ?? '0/0';
  });
  await Promise.all(
    servers.map((server) =>
      withClient(server.databaseUrl, target, (client) =>
        ensureSlot({ client, server, origin: { primaryUrl: primary.databaseUrl, published }, context }),
      ),
    ),
  );
  const checked =
    target.tables.length > 0
      ? target.tables
      : await withClient(primary.databaseUrl, target, (client) => resolveTables(client, target));
  return {
    steps: context.steps,
    restart: [...context.restart],
    findings: await checkDatabase({ ...target, tables: checked }),
  };
}

async function reachedFacts(
  { name, databaseUrl }: SetupTarget['regions'][number],
  target: SetupTarget,
): Promise<ServerFacts> {
  try {
    return await factsOf(databaseUrl, target);
  } catch (error) {
    if (isMeridianError(error)) throw error;
    throw new MeridianError({
      code: 'REGION_UNAVAILABLE',
      message: `The database of region ${name} cannot be reached: ${messageOf(error)}; nothing was changed. Check the DSN, the network, pg_hba.conf and that the server runs.`,
      cause: error,
    });
  }
}

async function withClient<T>(
  databaseUrl: string,
  { options }: SetupTarget,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await openClient({
    databaseUrl,
    applicationName: 'meridian setup',
    connectMs: options.connectMs,
    statementMs: Math.max(options.statementMs, options.slotCreateMs),
  });
  try {
    return await work(client);
  } finally {
    await closeClient(client);
  }
}

async function resolveTables(client: pg.Client, { tables, schemas }: SetupTarget): Promise<readonly Table[]> {
  if (tables.length > 0) {
    // Views have no rows of their own to publish; missing tables are reported by the check.
    const mapped = await client.query<Table>(
      `SELECT m.schema, m.name FROM unnest($1::text[], $2::text[]) AS m (schema, name) JOIN pg_namespace n ON n.nspname = m.schema
         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m.name AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'`,
      [tables.map((t) => t.schema), tables.map((t) => t.name)],
    );
    return mapped.rows;
  }
  // Partitions are covered by their root.
  const { rows } = await client.query<Table>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' ORDER BY 1, 2`,
    [schemas ?? ['public']],
  );
  return rows;
}

/** Runs first, so that the following changes are announced already. If it is not permitted, setup continues. */
async function announce(client: pg.Client, region: string, { steps }: Context): Promise<void> {
  const said = (what: string, changed: boolean): void => void steps.push({ region, what, changed });
  if ((await readAnnouncing(client)) === 'installed') return said('Schema changes are announced to caches.', false);
  const noFunctions = await refusal(client, FUNCTIONS_SQL);
  // Earlier schema changes were not announced by any trigger.
  const noTriggers = noFunctions ?? (await refusal(client, `${TRIGGERS_SQL};\n${ANNOUNCE_CALL}`));
  if (noTriggers === null)
    return said('Created event triggers, in the schema meridian, that announce schema changes to caches.', true);
  const state = await readAnnouncing(client);
  said(
    `Event triggers could not be created (${noTriggers}), so that caches notice schema changes only by TTL: set up once as a superuser or what your cloud has for it, or end each migration with ${state === 'unannounced' ? ANNOUNCE_MESSAGE : ANNOUNCE_CALL}.`,
    false,
  );
}

/**
 * Creates Meridian's own tables and triggers. If it is not permitted, setup continues, and the check reports what is
 * missing.
 */
async function setUpMetadata(
  client: pg.Client,
  region: string,
  { target: { kept = [] }, steps }: Context,
): Promise<void> {
  const before = await readMetadata(client, kept);
  const wanted = kept.filter(({ table }) => before.unkept.includes(table.name));
  if (before.missing.length === 0 && !before.outdated && wanted.length === 0)
    return void steps.push({
      region,
      what: 'What writing keeps (outcomes, older versions, conflicts) is there.',
      changed: false,
    });
  const refused = await refusal(client, [METADATA_SQL, ...wanted.map(keepVersionsSql)].join(';\n'));
  const made = before.missing.length === 0 && before.outdated ? 'Brought to this version' : 'Created';
  const what =
    refused === null
      ? `${made} what writing keeps in the schema meridian: ${METADATA_TABLES.join(', ')}${wanted.length > 0 ? `, and the triggers that keep versions of ${wanted.map(({ table }) => nameOf(table)).join(', ')}` : ''}.`
      : `What writing keeps could not be created (${refused}): set up as the owner of the tables.`;
  steps.push({ region, what, changed: refused === null });
}

/** Viewers' transactions may run as a role of their own, which then needs rights on `meridian.outcomes`. */
async function letViewersKeep(client: pg.Client, region: string, { target, steps }: Context): Promise<void> {
  const role = await roleWithoutOutcomes(client, target.options.viewerSettings ?? '');
  if (role === null) return;
  const refused = await refusal(client, grantOutcomes(quoteIdentifier(role)));
  steps.push({
    region,
    what:
      refused === null
        ? `Let ${role}, which viewerSettings name, keep outcomes of requests with an idempotency key.`
        : `${role}, which viewerSettings name, could not be let keep outcomes (${refused}): set up as the owner of meridian.outcomes.`,
    changed: refused === null,
  });
}

/** Runs the statements in one transaction; returns why the server refused them, or null if it did not. */
async function refusal(client: pg.Client, sql: string): Promise<string | null> {
  try {
    await client.query(sql);
    return null;
  } catch (error) {
    // A lost connection is not a refusal.
    if (!/^(42|0A|55)/.test(errorCodeOf(error))) throw error;
    return messageOf(error);
  }
}

interface GrantInput {
  readonly client: pg.Client;
  readonly region: string;
  readonly tables: readonly Table[];
  readonly role: string;
  readonly context: Context;
}

async function grant({ client, region, tables, role, context: { steps } }: GrantInput): Promise<void> {
  const name = quoteIdentifier(role);
  const { rows } = await client.query<{ replication: boolean; has_snapshot: boolean }>(
    `SELECT rolsuper OR rolreplication AS replication, to_regprocedure('pg_log_standby_snapshot()') IS NOT NULL AS has_snapshot FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  const [found] = rows;
  if (!found)
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `The role ${role} does not exist: create it first (CREATE ROLE ${name} LOGIN REPLICATION).`,
    });
  if (!found.replication) await client.query(`ALTER ROLE ${name} REPLICATION`);
  await client.query(`GRANT pg_monitor TO ${name}`);
  if (found.has_snapshot) await client.query(`GRANT EXECUTE ON FUNCTION pg_log_standby_snapshot() TO ${name}`);
  const forbidden = await uncallable(client, role);
  if (forbidden.length > 0) await client.query(grantCalls(forbidden, name));
  for (const schema of new Set(tables.map((t) => t.schema)))
    await client.query(
      `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${name}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${quoteIdentifier(schema)} TO ${name}`,
    );
  if (tables.length > 0)
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.map(nameOf).join(', ')} TO ${name}`);
  if ((await readMetadata(client, [])).missing.length === 0)
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${METADATA_TABLES.join(', ')} TO ${name}`);
  steps.push({ region, what: `Granted ${role} what following changes, reading and writing need.`, changed: true });
}

interface SlotOrigin {
  readonly primaryUrl: string;
  /** The primary's position when the publication existed: a slot that begins below it would not see the publication. */
  readonly published: string;
}

interface EnsureSlotInput {
  readonly client: pg.Client;
  readonly server: { name: string; databaseUrl: string; facts: ServerFacts };
  readonly origin: SlotOrigin;
  readonly context: Context;
}

async function ensureSlot({
  client,
  server,
  origin,
  context: { target, steps, publicationIsNew },
}: EnsureSlotInput): Promise<void> {
  const { slotName, publication, connectMs, slotCreateMs } = target.options;
  const { name: region, databaseUrl, facts } = server;
  if (facts.inRecovery && facts.version < 160_000)
    return void steps.push({
      region,
      what: 'Needs no slot: a replica of PostgreSQL 15 is followed by its replay position.',
      changed: false,
    });
  if (facts.settings['wal_level'] !== 'logical')
    return void steps.push({
      region,
      what: `The slot ${slotName} waits until wal_level is logical: restart, then set up again.`,
      changed: false,
    });
  const { slot } = await surveyServer(client, slotName, publication);
  if (slot.kind === 'taken' || (slot.kind === 'free' && !publicationIsNew))
    return void steps.push({ region, what: `The slot ${slotName} exists.`, changed: false });
  if (slot.kind !== 'missing') await dropSlot(client, slotName);
  if (facts.inRecovery) await replayed({ client, region, lsn: origin.published, limitMs: slotCreateMs });
  try {
    await createSlot({
      databaseUrl,
      slotName,
      primaryUrl: facts.inRecovery ? origin.primaryUrl : null,
      connectMs,
      slotCreateMs,
    });
  } catch (error) {
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `The slot ${slotName} could not be created in ${region}: ${messageOf(error)}. See meridian check for what it needs.`,
      cause: error,
    });
  }
  steps.push({ region, what: `Created the slot ${slotName}.`, changed: true });
}

interface ReplayedInput {
  readonly client: pg.Client;
  readonly region: string;
  readonly lsn: string;
  readonly limitMs: number;
}

/** Waits until the replica has replayed the creation of the publication. */
async function replayed({ client, region, lsn, limitMs }: ReplayedInput): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const { rows } = await client.query<{ reached: boolean }>(
      'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached FROM pg_sleep(0.02)',
      [lsn],
    );
    if (rows[0]?.reached) return;
    if (performance.now() > deadline)
      throw new MeridianError({
        code: 'DATABASE_NOT_READY',
        message: `The replica of ${region} did not replay ${lsn} within ${limitMs} ms: see whether it streams (pg_stat_wal_receiver) and whether replay is paused.`,
      });
  }
}

/** Set on every server, since any of them may be promoted. `restart`: the setting takes effect only after a restart. */
const WANTED: readonly { readonly name: string; readonly value: string; readonly restart: boolean }[] = [
  { name: 'wal_level', value: 'logical', restart: true },
  { name: 'track_commit_timestamp', value: 'on', restart: true },
  { name: 'hot_standby_feedback', value: 'on', restart: false },
];

interface AlterSettingsInput {
  readonly client: pg.Client;
  readonly region: string;
  readonly facts: ServerFacts;
  readonly context: Context;
}

async function alterSettings({
  client,
  region,
  facts,
  context: { steps, restart },
}: AlterSettingsInput): Promise<void> {
  for (const { name, value, restart: restarts } of WANTED) {
    if (facts.settings[name] === value) continue;
    await client.query(`ALTER SYSTEM SET ${name} = ${quoteLiteral(value)}`);
    if (restarts) restart.add(region);
    steps.push({
      region,
      what: `Set ${name} = ${value}${restarts ? ', which a restart brings into force' : ''}.`,
      changed: true,
    });
  }
  await client.query('SELECT pg_reload_conf()');
}
