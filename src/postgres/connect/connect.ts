/** Owns a connection's configuration: the parameters of its URL, by libpq's rules, and the settings of its session. */
import type pg from 'pg';
import { DatabaseAddress } from './address.ts';
import { DatabaseClient, openMs, type DatabaseClientConfig } from './client.ts';
import { sessionOptions, type SessionLimits } from './session.ts';
import { type TypeParsers } from '../types/types.ts';

export interface ConnectOptions extends SessionLimits {
  /** A libpq connection string or URI; see docs/connections.md. */
  readonly databaseUrl: string;
  /** `application_name` in `pg_stat_activity`, unless the URL sets another. */
  readonly applicationName: string;
  readonly connectMs: number;
}

export interface PoolConnectOptions extends ConnectOptions {
  readonly types: TypeParsers;
}

/** The configuration of every connection. Settings of the URL come first, so that Meridian's settings override them. */
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

/**
 * Throws `CONFIG_INVALID` if the URL cannot be parsed; the message never quotes it, since it may contain a password.
 */
export function poolConfig(options: PoolConnectOptions): pg.PoolConfig {
  const config = clientConfig(options);
  return {
    ...config,
    // The driver's types declare a client constructor without arguments, but its pool passes the configuration.
    Client: DatabaseClient as unknown as new () => pg.ClientBase,
    // Covers all attempts, and one more, so that the client's own limits expire first.
    connectionTimeoutMillis: openMs(config.address.read(), options.connectMs) + options.connectMs,
    // Statements have a time limit of their own on each connection.
    pipeline: true,
    types: options.types,
  };
}
