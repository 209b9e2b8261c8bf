/** Owns a connection's configuration: the URL as libpq reads it, and the session settings that every value depends on. */
import type pg from 'pg';
import { MeridianError } from '../base/errors.ts';
import { type TypeParsers } from './types.ts';

export interface ConnectOptions {
  /** `postgres://user:password@host:5432/database?sslmode=…`, as libpq takes it. */
  readonly databaseUrl: string;
  /** Shown in `pg_stat_activity`, unless the URL names another. */
  readonly applicationName: string;
  readonly connectMs: number;
  readonly statementMs: number;
  /** Refuse writes outside of transactions that ask for them. */
  readonly readOnly: boolean;
  readonly types: TypeParsers;
}

/** How values are written as text: fixed for every session, since parsers depend on it and a role or database may have another default. */
const VALUE_SETTINGS = { datestyle: 'ISO', timezone: 'UTC', intervalstyle: 'iso_8601', extra_float_digits: '1', bytea_output: 'hex' };

function settingsOf({ statementMs, readOnly }: ConnectOptions): string {
  const settings = {
    ...VALUE_SETTINGS,
    default_transaction_isolation: 'read\\ committed',
    default_transaction_read_only: readOnly ? 'on' : 'off',
    statement_timeout: String(statementMs),
    // An interactive transaction whose process hangs must not hold its locks for ever.
    idle_in_transaction_session_timeout: String(statementMs),
  };
  return asOptions(settings);
}

function asOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(' ');
}

/** The URL as the driver takes it, and the session's settings: what the URL itself asks for comes first, so that Meridian's win. */
export function driverTarget(databaseUrl: string, settings = asOptions(VALUE_SETTINGS)): { connectionString: string; options: string } {
  const url = readUrl(databaseUrl);
  const own = url.searchParams.get('options');
  url.searchParams.delete('options');
  const sslmode = url.searchParams.get('sslmode');
  // The driver takes each mode for verify-full unless it is told to read them as libpq does. It cannot fall back from
  // TLS to none within one attempt, which is what `prefer` and `allow` are about: they promise nothing, and get none.
  if (sslmode === 'prefer' || sslmode === 'allow') url.searchParams.set('sslmode', 'disable');
  else if (sslmode !== null && sslmode !== 'no-verify' && !url.searchParams.has('uselibpqcompat')) url.searchParams.set('uselibpqcompat', 'true');
  return { connectionString: url.toString(), options: own === null || own === '' ? settings : `${own} ${settings}` };
}

/** Throws `CONFIG_INVALID` where the URL cannot be read; the message never quotes it, since it may hold a password. */
export function poolConfig(options: ConnectOptions): pg.PoolConfig {
  return {
    ...driverTarget(options.databaseUrl, settingsOf(options)),
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
    // Above the server's own limit, which a broken network never lets through.
    query_timeout: options.statementMs + options.connectMs,
    types: options.types,
  };
}

function readUrl(text: string): URL {
  // Hosts may be left out where the socket's folder is a parameter; the driver knows that form, `URL` does not.
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'postgres:' || url.protocol === 'postgresql:')) return url;
  throw new MeridianError({ code: 'CONFIG_INVALID', message: 'A database URL cannot be read; write it as postgres://user:password@host:5432/database, with special characters of the password percent-encoded.' });
}
