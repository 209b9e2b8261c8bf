/** Owns the creation of replicas: one backup of the primary, copied to all replicas. */
import { renameSync } from 'node:fs';
import { type Client } from 'pg';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { STOP_COMMAND } from '../supervisor/protocol.ts';
import { explainOutput } from '../problems.ts';
import { PLAIN_ENV, type Account } from './account.ts';
import { makeDataDir } from './data-dir.ts';

export interface ReplicaTarget {
  readonly region: string;
  readonly dataDir: string;
}

export interface CopyOptions {
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  /** A session at the primary; a backup belongs to the session that began it. */
  readonly primary: Client;
  readonly primaryDataDir: string;
  readonly targets: readonly ReplicaTarget[];
}

/** Name of the physical slot that keeps the primary's WAL for a region's replica. */
export function slotName(region: string): string {
  return `meridian_replica_${region.replaceAll('-', '_')}`;
}

/** Slots for `regions`; slots of replicas that no longer exist are dropped, because they only retain WAL. */
export async function ensureSlots(primary: Client, regions: readonly string[]): Promise<void> {
  const names = regions.map(slotName);
  await primary.query(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active AND slot_name LIKE 'meridian\\_replica\\_%' AND (slot_name <> ALL ($1) OR wal_status = 'lost')`,
    [names],
  );
  await primary.query(
    `SELECT pg_create_physical_replication_slot(name, true) FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = name)`,
    [names],
  );
}

// Temporary files that vanish during the copy are no error of a backup; every other error of cp is.
const COPY =
  `cp -a "$1"/. "$2" 2>"$2.errors"; code=$?; if [ $code -ne 0 ] && grep -v 'No such file or directory' "$2.errors" >&2; then exit $code; fi; exit 0`.replaceAll(
    '"$2.errors"',
    '"$2/copy.errors"',
  );
// Without the primary's slots and pid file, with the label that tells where recovery begins.
const FINISH = `cd "$1" && rm -rf copy.errors pg_replslot/* postmaster.pid postmaster.opts pg_stat_tmp/* && cat > backup_label && : > standby.signal`;

/** Copies the primary to every target. Each gets its name only when it is complete. */
export async function copyReplicas({
  supervisor,
  account,
  primary,
  primaryDataDir,
  targets,
}: CopyOptions): Promise<void> {
  if (targets.length === 0) return;
  const run = async (
    region: string,
    script: string,
    { args, input = '' }: { readonly args: readonly string[]; readonly input?: string },
  ): Promise<void> => {
    const exit = await supervisor.run({
      command: '/bin/sh',
      args: ['-c', script, 'sh', ...args],
      env: PLAIN_ENV,
      cwd: '/',
      account,
      input,
      group: true,
      stop: STOP_COMMAND,
    });
    if (exit.code !== 0) throw explainOutput(exit.output, `Copying the primary for ${region}`);
  };
  const unfinished = (target: ReplicaTarget): string => `${target.dataDir}.unfinished`;
  await primary.query(`SELECT pg_backup_start('meridian', fast => true)`);
  await Promise.all(
    targets.map(async (target) => {
      makeDataDir(unfinished(target), account);
      await run(target.region, COPY, { args: [primaryDataDir, unfinished(target)] });
    }),
  );
  const { rows } = await primary.query<{ labelfile: string }>(
    'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
  );
  await Promise.all(
    targets.map(async (target) => {
      await run(target.region, FINISH, { args: [unfinished(target)], input: rows[0]?.labelfile ?? '' });
      renameSync(unfinished(target), target.dataDir);
    }),
  );
}
