/** Owns a connection's configuration: what its URL says, by libpq's rules, and the session's settings. */
import type pg from 'pg';
import { DatabaseAddress } from './address.ts';
import { DatabaseClient, openMs, type DatabaseClientConfig } from './client.ts';
import { sessionOptions, type SessionLimits } from './session.ts';
import { type TypeParsers } from '../types/types.ts';

export interface ConnectOptions extends SessionLimits {
  /** A connection string of libpq's: docs/connections.md. */
  readonly databaseUrl: string;
  /** Shown in `pg_stat_activity`, unless the URL names another. */
  readonly applicationName: string;
  readonly connectMs: number;
}

export interface PoolConnectOptions extends ConnectOptions {
  readonly types: TypeParsers;
}

/** What every connection is opened with. Settings that the URL itself asks for come first, so that Meridian's win. */
export function clientConfig(options: ConnectOptions): DatabaseClientConfig {
  return {
    address: new DatabaseAddress(options.databaseUrl),
    connectMs: options.connectMs,
    application_name: options.applicationName,
    options: sessionOptions(options),
  };
}

/** The role that connections of the URL log in as. Throws `CONFIG_INVALID`. */
export function loginOf(databaseUrl: string): string {
  return new DatabaseAddress(databaseUrl).read().user;
}

/** Throws `CONFIG_INVALID` where the URL cannot be read; the message never quotes it, since it may hold a password. */
export function poolConfig(options: PoolConnectOptions): pg.PoolConfig {
  const config = clientConfig(options);
  return {
    ...config,
    // The driver's types have a client without arguments, which its pool gives them all the same.
    Client: DatabaseClient as unknown as new () => pg.ClientBase,
    // Of all attempts together, and after the last of them has given up by itself.
    connectionTimeoutMillis: openMs(config.address.read(), options.connectMs) + options.connectMs,
    // Its connections limit the time of what they send themselves.
    pipeline: true,
    types: options.types,
  };
}
