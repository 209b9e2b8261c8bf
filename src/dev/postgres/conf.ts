/**
 * Owns the configuration of the cluster's PostgreSQL servers, written again at every start so that ports and links may
 * change.
 */
import { chmodSync, chownSync, renameSync, writeFileSync } from 'node:fs';
import { type Account } from './account.ts';

export const USER = 'meridian';

export interface ConfOptions {
  readonly port: number;
  readonly sharedBuffersMb: number;
  /** The link's port at which a replica reaches its primary; null for the primary. */
  readonly upstream: {
    readonly port: number;
    readonly slot: string;
    readonly passFile: string;
    readonly region: string;
  } | null;
}

/** Text inside single quotes in a configuration file. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A value inside a connection string. */
function connValue(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function conninfo({ port, passFile, region }: NonNullable<ConfOptions['upstream']>): string {
  return `host=127.0.0.1 port=${port} user=${USER} passfile=${connValue(passFile)} application_name=${connValue(region)} sslmode=disable gssencmode=disable`;
}

function settings({ port, sharedBuffersMb, upstream }: ConfOptions, hbaFile: string): Record<string, string | number> {
  const shared = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    hba_file: hbaFile,
    max_connections: 200,
    shared_buffers: `${sharedBuffersMb}MB`,
    // Every region decodes changes from its own replica, so the primary's WAL must contain what decoding needs.
    wal_level: 'logical',
    max_wal_senders: 20,
    max_replication_slots: 20,
    hot_standby: 'on',
    hot_standby_feedback: 'on',
    track_commit_timestamp: 'on',
    // A replica or tail that does not come back must not fill the disk.
    max_slot_wal_keep_size: '1GB',
    max_wal_size: '1GB',
    min_wal_size: '80MB',
    // Development data can be created again: it must survive kill -9, but not a crash of the operating system.
    fsync: 'off',
    synchronous_commit: 'on',
    wal_receiver_status_interval: '1s',
    // After a cut is healed, streaming continues at once.
    wal_retrieve_retry_interval: '100ms',
    wal_sender_timeout: '60s',
    autovacuum: 'on',
    jit: 'off',
    io_method: 'sync',
    max_parallel_workers_per_gather: 0,
    random_page_cost: 1.1,
    // Without "$user": the role has the same name as the schema `meridian`, in which migrations would otherwise create
    // their tables.
    search_path: 'public',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    log_line_prefix: '%m [%p] %q%a: ',
  };
  return upstream === null
    ? shared
    : { ...shared, primary_conninfo: conninfo(upstream), primary_slot_name: upstream.slot };
}

/**
 * Writes `text` atomically. With `account` only that account can read the file, otherwise everyone on the machine can.
 */
export function writeWhole(path: string, text: string, secretOf?: { readonly account: Account | undefined }): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  if (secretOf?.account) chownSync(unfinished, secretOf.account.uid, secretOf.account.gid);
  if (!secretOf) chmodSync(unfinished, 0o644);
  renameSync(unfinished, path);
}

/**
 * Writes the configuration of one server next to its data and not into it, where the database's account could replace
 * it.
 */
export function writeConf(path: string, options: ConfOptions): void {
  const hbaFile = `${path}.hba`;
  writeWhole(hbaFile, 'host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n');
  const lines = Object.entries(settings(options, hbaFile)).map(
    ([key, value]) => `${key} = ${typeof value === 'number' ? value : quoted(value)}`,
  );
  writeWhole(path, `${lines.join('\n')}\n`);
}
