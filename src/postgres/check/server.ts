/** Owns the check of one region's server: its version, settings, slot and role. */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type ServerFacts } from './facts.ts';
import { type DatabaseTarget, type Say } from './finding.ts';

export function checkServer(facts: ServerFacts, target: DatabaseTarget, say: Say): void {
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
  // A replica can decode only if both the primary's wal_level and its own are logical.
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
    // The settings below protect a logical slot, which a replica that cannot decode does not have.
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
