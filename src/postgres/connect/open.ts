/**
 * Owns how the tail, probes and setup open their own connections: each with time limits, an application name and an
 * error listener.
 */
import type pg from 'pg';
import { within } from '../../base/clock.ts';
import { type Row } from '../../model/model.ts';
import { clientConfig } from './connect.ts';
import { DatabaseClient } from './client.ts';
import { demandSession, poolerRefusal, SESSION_PROOF } from './session.ts';

export interface ClientOptions {
  readonly databaseUrl: string;
  /** `application_name` in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly connectMs: number;
  /** Time limit of one statement; 0 for none. */
  readonly statementMs: number;
  /** A connection that accepts replication commands besides SQL. */
  readonly replication?: boolean;
  /** Called when the connection breaks outside of a statement. */
  readonly onBroken?: (error: Error) => void;
}

/**
 * Throws `DATABASE_NOT_READY` if the session does not have the settings that servers need, or what the driver throws.
 */
export async function openClient(options: ClientOptions): Promise<pg.Client> {
  const { databaseUrl, applicationName, connectMs, statementMs } = options;
  const client = new DatabaseClient({
    ...clientConfig({ databaseUrl, applicationName, connectMs, statementMs, readOnly: false }),
    ...(options.replication === true ? { replication: 'database' } : {}),
    // The server's own limit does not help when the network is down.
    ...(statementMs > 0 ? { query_timeout: statementMs + 1_000 } : {}),
  });
  client.on('error', (error) => options.onBroken?.(error));
  try {
    await client.connect();
    // Has its own limit, since a session may have none. The driver's types omit the property.
    const proof = { text: SESSION_PROOF, query_timeout: options.connectMs };
    demandSession((await client.query<Row>(proof)).rows[0]);
    return client;
  } catch (error) {
    await closeClient(client);
    throw poolerRefusal(error) ?? error;
  }
}

/** A server that is down does not answer Terminate. */
const CLOSE_MS = 1_000;

/** Ends a connection in any state; never throws, and waits at most `CLOSE_MS` for the server. */
export async function closeClient(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => {
    // The connection was broken already.
  });
  await within(ended, CLOSE_MS, () => destroySocket(client));
}

interface WithSocket {
  readonly connection: { readonly stream: { destroy(): void } };
}

/** Closes the socket at once, without sending Terminate. */
export function destroySocket(client: pg.Client): void {
  (client as unknown as WithSocket).connection.stream.destroy();
}

/** SQLSTATE of a server's error, or the code of a socket's error; empty for anything else. */
export function errorCodeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
