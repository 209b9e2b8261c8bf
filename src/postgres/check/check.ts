/** Owns the check of a database: what each region's server has, what it lacks, and what to do about it. */
import { isMeridianError, messageOf } from '../../base/errors.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Durability, type Table } from '../../model/model.ts';
import { type Options } from '../../config/options.ts';
import { ANNOUNCE_CALL, ANNOUNCE_MESSAGE, type Announcing } from '../setup/announce.ts';
import { readMetadata, type KeptTable } from '../setup/metadata.ts';
import { checkDurability } from './durability.ts';
import { checkProtection } from './protection.ts';
import { checkSecurity } from './security.ts';
import { readFacts, type ServerFacts } from './facts.ts';
import { isRefused, whyNotFull, type IdentityFacts } from '../connect/identity.ts';
import { grantOutcomes, missingMetadataRights, roleWithoutOutcomes } from '../connect/rights.ts';
import { closeClient, openClient } from '../connect/open.ts';

export interface DatabaseTarget {
  readonly regions: readonly { readonly name: string; readonly databaseUrl: string }[];
  /** Tables that the schema maps. */
  readonly tables: readonly Table[];
  /** Those of them whose older versions are kept, for policies that compare with one. */
  readonly kept?: readonly KeptTable[];
  /** How durable mutations of the schema ask to be. */
  readonly durabilities?: ReadonlySet<Durability>;
  readonly options: Pick<Options, 'slotName' | 'publication' | 'connectMs' | 'statementMs' | 'slotCreateMs'> &
    Partial<Pick<Options, 'viewerSettings' | 'durability'>>;
}

export interface Finding {
  readonly region: string;
  readonly severity: 'ok' | 'warn' | 'error';
  readonly what: string;
  /** What to do about it; null where nothing needs doing. */
  readonly fix: string | null;
}

interface Checked {
  readonly region: string;
  readonly facts: ServerFacts;
}

type Say = (severity: Finding['severity'], what: string, fix?: string) => void;

/** Looks at every region's server at once; one that cannot be reached is a finding, not a failure. Changes nothing. */
export async function checkDatabase(target: DatabaseTarget): Promise<Finding[]> {
  const findings: Finding[] = [];
  const sayOf =
    (region: string): Say =>
    (severity, what, fix) =>
      void findings.push({ region, severity, what, fix: fix ?? null });
  const looked = await Promise.all(
    target.regions.map(async ({ name, databaseUrl }): Promise<Checked | { region: string; error: unknown }> => {
      try {
        return { region: name, facts: await factsOf(databaseUrl, target) };
      } catch (error) {
        return { region: name, error };
      }
    }),
  );
  const checked = looked.filter((one): one is Checked => 'facts' in one);
  for (const one of looked) {
    const say = sayOf(one.region);
    if ('facts' in one) {
      checkServer(one.facts, target, say);
      checkProtection(target.regions.find(({ name }) => name === one.region)?.databaseUrl ?? '', say);
    } else if (isMeridianError(one.error, 'DATABASE_NOT_READY'))
      say('error', one.error.message, String(one.error.details['fix']));
    else
      say(
        'error',
        `Its database cannot be reached: ${messageOf(one.error).replace(/\.$/, '')}.`,
        'Check the DSN, the network, pg_hba.conf and that the server runs.',
      );
  }
  checkCluster(checked, target, sayOf);
  await checkPolicies(checked, target, sayOf);
  await checkMetadata(checked, target, sayOf);
  await checkStandbys(checked, target, sayOf);
  return findings;
}

/** What writing keeps in the database; replicas have it from the primary. */
async function checkMetadata(
  checked: readonly Checked[],
  { regions, kept = [], options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? { region: null };
  const databaseUrl = regions.find(({ name }) => name === region)?.databaseUrl;
  if (region === null || databaseUrl === undefined) return;
  const client = await openClient({
    databaseUrl,
    applicationName: 'meridian check',
    connectMs: options.connectMs,
    statementMs: options.statementMs,
  });
  try {
    const { missing, outdated, unkept } = await readMetadata(client, kept);
    if (missing.length > 0)
      sayOf(region)(
        'warn',
        `It has no ${missing.join(', ')}: requests with an idempotency key and writes that meet a conflict fail.`,
        'Run `meridian setup`.',
      );
    else if (outdated)
      sayOf(region)(
        'warn',
        'The tables and triggers in the schema meridian were made by another version of Meridian, or every role may call their function keep_version().',
        'Run `meridian setup` as the owner of that schema.',
      );
    const role = await roleWithoutOutcomes(client, options.viewerSettings ?? '');
    if (role !== null)
      sayOf(region)(
        'warn',
        `The role ${role}, which viewerSettings names, may not keep outcomes: requests with an idempotency key are refused.`,
        `Run \`meridian setup\`, or ${grantOutcomes(quoteIdentifier(role))}.`,
      );
    for (const lack of await missingMetadataRights(client, options.viewerSettings ?? '', kept.length > 0)) {
      const rights = lack.rights.join(', ');
      sayOf(region)(
        'warn',
        `The role ${lack.role} may not ${rights} on ${lack.table}: what writing keeps there is refused to it.`,
        `GRANT ${rights} ON ${lack.table} TO ${quoteIdentifier(lack.role)}.`,
      );
    }
    if (unkept.length > 0)
      sayOf(region)(
        'warn',
        `Older versions of ${unkept.join(', ')} are not kept, though a policy compares with them: writers who have not seen the latest version are refused.`,
        'Run `meridian setup`.',
      );
  } finally {
    await closeClient(client);
  }
}

/** Who confirms is the primary's to say. */
async function checkStandbys(
  checked: readonly Checked[],
  { regions, durabilities = new Set(), options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? { region: null };
  const databaseUrl = regions.find(({ name }) => name === region)?.databaseUrl;
  if (region === null || databaseUrl === undefined) return;
  const { connectMs, statementMs, durability = 'default' } = options;
  const asked = new Set([...durabilities, ...(durability === 'default' ? [] : [durability])]);
  try {
    await checkDurability({ databaseUrl, connectMs, statementMs }, asked, sayOf(region));
  } catch (error) {
    sayOf(region)(
      'error',
      `Its standbys cannot be looked at: ${messageOf(error)}.`,
      'Run the check again; its log at the server says more.',
    );
  }
}

/** Looked up once, since replicas have the primary's roles and policies. */
async function checkPolicies(
  checked: readonly Checked[],
  { regions, tables, options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? checked[0] ?? { region: null };
  const { connectMs, statementMs, viewerSettings = '' } = options;
  for (const { name, databaseUrl } of regions) {
    if (name !== region) continue;
    try {
      await checkSecurity({ databaseUrl, tables, viewerSettings, connectMs, statementMs }, sayOf(name));
    } catch (error) {
      sayOf(name)(
        'error',
        `Its policies cannot be looked at: ${messageOf(error)}.`,
        'Run the check again; its log at the server says more.',
      );
    }
  }
}

export async function factsOf(
  databaseUrl: string,
  { options, tables }: Pick<DatabaseTarget, 'options' | 'tables'>,
): Promise<ServerFacts> {
  const { connectMs, statementMs } = options;
  const client = await openClient({ databaseUrl, applicationName: 'meridian check', connectMs, statementMs });
  try {
    return await readFacts(client, { ...options, tables });
  } finally {
    await closeClient(client);
  }
}

function checkServer(facts: ServerFacts, target: DatabaseTarget, say: Say): void {
  const major = Math.floor(facts.version / 10_000);
  const role = facts.inRecovery ? 'replica' : 'primary';
  const decodes = !facts.inRecovery || major >= 16;
  if (major < 15)
    say('error', `PostgreSQL ${major} is too old.`, 'Upgrade to 15 or later; 16 or later on replicas, for a cache.');
  else if (!decodes)
    say(
      'warn',
      `PostgreSQL ${major} cannot decode changes on a replica: this region asks its replica for the replay position instead, and caches nothing.`,
      'Upgrade to 16 or later for a cache.',
    );
  else say('ok', `PostgreSQL ${major}, ${role}.`);
  checkSettings(facts, decodes, say);
  if (decodes) checkSlot(facts, target, say);
  checkRights(facts, decodes, say);
}

function checkSettings(facts: ServerFacts, decodes: boolean, say: Say): void {
  const { settings } = facts;
  // A replica decodes only if the primary's WAL carries what decoding needs and the replica itself is set so.
  if (settings['wal_level'] === 'logical') say('ok', 'wal_level is logical.');
  else if (!decodes)
    say(
      'warn',
      `wal_level is ${settings['wal_level'] ?? 'unknown'}: it does no harm here, but once promoted this server's changes cannot be followed.`,
      `ALTER SYSTEM SET wal_level = 'logical' and restart.`,
    );
  else
    say(
      'error',
      `wal_level is ${settings['wal_level'] ?? 'unknown'}.`,
      `ALTER SYSTEM SET wal_level = 'logical' and restart; needed on the primary and on every replica.`,
    );
  if (facts.inRecovery) {
    // What follows protects a logical slot, which a replica that cannot decode does not have.
    if (!decodes) return;
    if (settings['hot_standby_feedback'] === 'on') say('ok', 'hot_standby_feedback is on.');
    else
      say(
        'error',
        'hot_standby_feedback is off: the primary removes rows that the slot needs, which invalidates it.',
        'ALTER SYSTEM SET hot_standby_feedback = on, then SELECT pg_reload_conf(), on the replica.',
      );
    if (settings['primary_slot_name'])
      say('ok', `It streams through the physical slot ${settings['primary_slot_name']}.`);
    else
      say(
        'warn',
        'It streams without a physical slot: feedback protects the logical slot only while it is connected.',
        `Create a physical slot at the primary and set primary_slot_name on the replica.`,
      );
    return;
  }
  if (settings['track_commit_timestamp'] === 'on') say('ok', 'track_commit_timestamp is on.');
  else
    say(
      'warn',
      'track_commit_timestamp is off: a read that falls back to the primary right after a commit was seen elsewhere cannot tell whether that commit is visible yet, and waits longer than it need.',
      'ALTER SYSTEM SET track_commit_timestamp = on and restart the primary and its replicas.',
    );
  if (settings['synchronous_commit'] === 'off')
    say(
      'warn',
      'synchronous_commit is off: a crash of the primary takes back commits of other programs that were acknowledged and not flushed, and each request that reads or writes there waits for a flush.',
      'ALTER SYSTEM SET synchronous_commit = on, then SELECT pg_reload_conf().',
    );
  else say('ok', `synchronous_commit is ${settings['synchronous_commit'] ?? 'unknown'}.`);
}

function checkSlot(facts: ServerFacts, { options }: DatabaseTarget, say: Say): void {
  const { slot, settings } = facts;
  const name = options.slotName;
  const slots = Number(settings['max_replication_slots']);
  const senders = Number(settings['max_wal_senders']);
  if (slot === null && facts.slotsUsed >= slots)
    say(
      'error',
      `All ${slots} replication slots are used.`,
      'Raise max_replication_slots by one or more and restart, or drop a slot that nobody needs.',
    );
  if (slot?.['active_pid'] == null && facts.sendersUsed >= senders)
    say(
      'error',
      `All ${senders} WAL senders are busy.`,
      'Raise max_wal_senders and restart: each region needs one for its tail and one now and then.',
    );
  if (slot === null) {
    say(
      'warn',
      `The logical slot ${name} does not exist yet.`,
      'Run meridian setup; a server creates it too when it starts.',
    );
    return;
  }
  const invalid =
    slot['invalidation_reason'] ??
    (slot['wal_status'] === 'lost' ? 'wal_removed' : slot['conflicting'] === true ? 'conflict with recovery' : null);
  if (slot['slot_type'] !== 'logical' || slot['plugin'] !== 'pgoutput')
    say('error', `The slot ${name} is not a logical slot of pgoutput.`, 'Drop it, or set another slotName.');
  else if (typeof invalid === 'string')
    say(
      'error',
      `The slot ${name} was invalidated (${invalid}).`,
      'Nothing to do while a server runs: it drops the slot and makes a new one, beginning with an empty cache. To avoid it check hot_standby_feedback and max_slot_wal_keep_size.',
    );
  else say('ok', `The logical slot ${name} exists${slot['active_pid'] == null ? '' : ' and is being read'}.`);
  if (settings['max_slot_wal_keep_size'] === '-1')
    say(
      'warn',
      'max_slot_wal_keep_size is unlimited: a tail that stays away lets WAL fill the disk.',
      `ALTER SYSTEM SET max_slot_wal_keep_size = '10GB' (or what the disk affords), then SELECT pg_reload_conf().`,
    );
}

function checkRights(facts: ServerFacts, decodes: boolean, say: Say): void {
  const role = quoteIdentifier(facts.role);
  if (facts.looksIntoOwn && !facts.inRecovery) {
    say(
      'warn',
      'The role is called meridian, like the schema in which Meridian keeps its own tables: "$user" in search_path makes that schema the first, so that a migration of this role creates tables without a schema name there.',
      'ALTER ROLE meridian SET search_path = public, or connect as another role.',
    );
  }
  if (!facts.replication && decodes)
    say(
      'error',
      `The role ${facts.role} lacks REPLICATION, which reading the slot needs.`,
      `ALTER ROLE ${role} REPLICATION at the primary.`,
    );
  if (!facts.monitor && !facts.superuser)
    say(
      'error',
      `The role ${facts.role} is not in pg_monitor: replicas' timelines stay unknown, so that a replica which a failover left behind is recognised later, and a read that falls back to the primary may miss what another role has committed and a replica has shown.`,
      `GRANT pg_monitor TO ${role} at the primary.`,
    );
  if (!facts.inRecovery && facts.logSnapshot === false)
    say(
      'warn',
      `The role ${facts.role} may not call pg_log_standby_snapshot(): creating a slot on a replica takes up to 15 s.`,
      `GRANT EXECUTE ON FUNCTION pg_log_standby_snapshot() TO ${role} at the primary.`,
    );
  if (facts.replication && (facts.monitor || facts.superuser) && facts.logSnapshot !== false)
    say('ok', `The role ${facts.role} has the rights that following changes needs.`);
}

/** What holds for the whole: it is looked up at the primary, since replicas have the same catalog a moment later. */
function checkCluster(checked: readonly Checked[], target: DatabaseTarget, sayOf: (region: string) => Say): void {
  const primaries = checked.filter((one) => !one.facts.inRecovery);
  const [primary] = primaries;
  for (const other of primaries.slice(1))
    sayOf(other.region)(
      'error',
      `It accepts writes, and so does ${primary?.region ?? ''}.`,
      'Exactly one region may be the primary: stop the older one and make it a replica (pg_rewind).',
    );
  if (!primary && checked.length > 0)
    for (const { region } of checked)
      sayOf(region)(
        'error',
        'No region that can be reached is the primary.',
        'Name the primary among the regions, or promote a replica.',
      );
  const reference = primary ?? checked[0];
  if (!reference) return;
  for (const { region, facts } of checked) {
    if (facts.systemIdentifier !== reference.facts.systemIdentifier)
      sayOf(region)(
        'error',
        `It belongs to another cluster than ${reference.region} (system identifiers ${facts.systemIdentifier}, ${reference.facts.systemIdentifier}).`,
        `Make it a physical replica of ${reference.region} (pg_basebackup).`,
      );
  }
  checkAnnouncing(reference.facts.announcing, sayOf(reference.region));
  checkTables(reference, target, sayOf(reference.region));
}

const UNANNOUNCED: Readonly<Record<Exclude<Announcing, 'installed'>, string>> = {
  unannounced: 'Schema changes are not announced (setup has created no event triggers)',
  missing:
    'Schema changes are not announced (the event triggers meridian_ddl_command_end and meridian_sql_drop are missing)',
  disabled:
    'Schema changes are not always announced (event triggers of the schema meridian are disabled, or not ENABLE ALWAYS)',
  outdated: 'Schema changes are announced as another version of Meridian does it, which may miss some',
};

function checkAnnouncing(state: Announcing, say: Say): void {
  if (state === 'installed') return say('ok', 'Schema changes are announced to caches.');
  const byHand = state === 'unannounced' ? ANNOUNCE_MESSAGE : ANNOUNCE_CALL;
  say(
    'warn',
    `${UNANNOUNCED[state]}: caches notice what is missed only by TTL.`,
    `Run meridian setup as a superuser, or what your cloud has for one; where that cannot be, end each migration with ${byHand}.`,
  );
}

function checkTables({ facts }: Checked, { options }: DatabaseTarget, say: Say): void {
  const names = (list: readonly Table[]): string => list.map(({ schema, name }) => `${schema}.${name}`).join(', ');
  const publication = options.publication;
  const missing = facts.tables.filter((t) => !t.exists);
  const readable = facts.tables.filter((t) => t.exists);
  const unlogged = readable.filter((t) => t.kind === 'unlogged');
  // A view has no rows of its own: nothing of it is published or replicated.
  const present = readable.filter((t) => t.kind === 'replicated');
  if (missing.length > 0)
    say('error', `Mapped tables do not exist: ${names(missing)}.`, 'Run the migrations, or correct the schema.');
  if (unlogged.length > 0)
    say(
      'error',
      `${names(unlogged)} cannot be read on a replica: unlogged tables are not replicated.`,
      `ALTER TABLE … SET LOGGED, or do not map them.`,
    );
  if (facts.publication === null) say('error', `The publication ${publication} does not exist.`, 'Run meridian setup.');
  else {
    const unpublished = present.filter((t) => !t.published);
    const filtered = present.filter((t) => t.filtered);
    if (facts.publication.omits.length > 0)
      say(
        'error',
        `The publication ${publication} leaves out ${facts.publication.omits.join(', ')}.`,
        `ALTER PUBLICATION ${quoteIdentifier(publication)} SET (publish = 'insert, update, delete, truncate').`,
      );
    if (unpublished.length > 0)
      say(
        'error',
        `The publication ${publication} does not cover ${names(unpublished)}.`,
        'Run meridian setup; a table with virtual generated columns needs a primary key first.',
      );
    if (filtered.length > 0)
      say(
        'error',
        `The publication ${publication} shows only some rows or columns of ${names(filtered)}.`,
        'Publish these tables whole.',
      );
    const rootless = facts.publication.via_root ? [] : present.filter((t) => t.partitioned);
    if (rootless.length > 0)
      say(
        'error',
        `The publication ${publication} names the partitions, not ${names(rootless)}, in what it sends, so that changes miss what is cached.`,
        `Run meridian setup, or ALTER PUBLICATION ${quoteIdentifier(publication)} SET (publish_via_partition_root = true).`,
      );
    if (facts.publication.omits.length + rootless.length + unpublished.length + filtered.length === 0)
      say('ok', `The publication ${publication} covers the ${present.length} mapped tables.`);
  }
  const partitions = facts.publication?.via_root ? present.filter((t) => t.partition) : [];
  if (partitions.length > 0)
    say(
      'warn',
      `${names(partitions)} are partitions, whose changes come under the name of their root and miss what is cached of them.`,
      'Map the root, or do not cache these tables.',
    );
  const parents = present.filter((t) => t.children);
  if (parents.length > 0)
    say(
      'warn',
      `Other tables inherit from ${names(parents)}: their rows are seen through it, but their changes come under their own names and miss what is cached of it.`,
      'Turn the children into partitions, or do not cache these tables.',
    );
  checkIdentities(facts, say);
  const unreadable = readable.filter((t) => t.lacks.includes('SELECT'));
  if (unreadable.length > 0)
    say(
      'error',
      `The role ${facts.role} may not read ${names(unreadable)}.`,
      `GRANT SELECT ON ${names(unreadable)} TO ${quoteIdentifier(facts.role)}.`,
    );
  const unwritable = present.filter((t) => !t.lacks.includes('SELECT') && t.lacks.length > 0);
  if (unwritable.length > 0)
    say(
      'warn',
      `The role ${facts.role} may not write everywhere: ${unwritable.map((t) => `${t.schema}.${t.name} (${t.lacks.join(', ')})`).join('; ')}.`,
      'Grant it if mutations write there; it is fine for tables that are only read.',
    );
}

/** Where updates are refused nothing of Meridian's works, nor does the application. */
function checkIdentities({ identities }: ServerFacts, say: Say): void {
  const names = (list: readonly Table[]): string => list.map(({ schema, name }) => `${schema}.${name}`).join(', ');
  for (const table of identities.filter(isRefused)) {
    const why =
      table.identity === 'f'
        ? `it has REPLICA IDENTITY FULL, and ${whyNotFull(table) ?? ''}`
        : 'it is published and has no replica identity';
    say(
      'error',
      `Updates and deletes of ${names([table])} are refused: ${why}.`,
      `Run meridian setup, which gives it an identity that it can have; ${remedy(table)}`,
    );
  }
  const lacking = identities.filter((table) => !isRefused(table) && table.identity !== 'f');
  const kept = lacking.filter((table) => whyNotFull(table) !== null);
  const keyed = lacking.filter((table) => whyNotFull(table) === null);
  if (keyed.length > 0)
    say(
      'warn',
      `Without REPLICA IDENTITY FULL each change of ${names(keyed)} invalidates the whole table's relations.`,
      'Run meridian setup.',
    );
  for (const table of kept)
    say(
      'warn',
      `Each change of ${names([table])} invalidates all that is cached of it: it cannot have REPLICA IDENTITY FULL, since ${whyNotFull(table) ?? ''}.`,
      `Leave it so, or ${remedy(table)}`,
    );
  if (identities.length > 0 && lacking.length === 0 && !identities.some(isRefused))
    say('ok', 'Every mapped table has REPLICA IDENTITY FULL.');
}

function remedy({ hasVirtual, listColumns, lackStored }: IdentityFacts): string {
  if (hasVirtual) return 'make its virtual columns STORED.';
  if (listColumns.length > 0) return `publish all of its columns in ${listColumns.join(', ')}.`;
  if (lackStored.length > 0)
    return lackStored
      .map((name) => `ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish_generated_columns = stored).`)
      .join(' ');
  return 'give it a primary key, or REPLICA IDENTITY FULL.';
}
