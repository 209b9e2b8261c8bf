/** Owns a connection's configuration: the URL as libpq reads it, and the session's settings. */
import type pg from 'pg';
import { MeridianError } from '../base/errors.ts';
import { sessionOptions, type SessionLimits } from './session.ts';
import { type TypeParsers } from './types.ts';

export interface ConnectOptions extends SessionLimits {
  /** `postgres://user:password@host:5432/database?sslmode=…`, as libpq takes it. */
  readonly databaseUrl: string;
  /** Shown in `pg_stat_activity`, unless the URL names another. */
  readonly applicationName: string;
  readonly connectMs: number;
  readonly types: TypeParsers;
}

/** The URL as the driver takes it, and the session's settings: what the URL itself asks for comes first, so that Meridian's win. */
export function driverTarget(databaseUrl: string, limits: SessionLimits): { connectionString: string; options: string } {
  const settings = sessionOptions(limits);
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
    ...driverTarget(options.databaseUrl, options),
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
