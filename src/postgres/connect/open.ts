/**
 * Owns how the tail, probes and setup open a connection of their own: bounded, named, and never without an error
 * listener.
 */
import type pg from 'pg';
import { within } from '../../base/clock.ts';
import { type Row } from '../../model/model.ts';
import { clientConfig } from './connect.ts';
import { DatabaseClient } from './client.ts';
import { demandSession, poolerRefusal, SESSION_PROOF } from './session.ts';

export interface ClientOptions {
  readonly databaseUrl: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly connectMs: number;
  /** Time limit of one statement; 0 for none. */
  readonly statementMs: number;
  /** Speaks the replication protocol beside SQL. */
  readonly replication?: boolean;
  /** Told once when the connection breaks outside of a statement. */
  readonly onBroken?: (error: Error) => void;
}

/** Throws `DATABASE_NOT_READY` where the session cannot be had as servers need it, and what the driver throws. */
export async function openClient(options: ClientOptions): Promise<pg.Client> {
  const { databaseUrl, applicationName, connectMs, statementMs } = options;
  const client = new DatabaseClient({
    ...clientConfig({ databaseUrl, applicationName, connectMs, statementMs, readOnly: false }),
    ...(options.replication === true ? { replication: 'database' } : {}),
    // The server's limit does not help when the network is gone; this one does.
    ...(statementMs > 0 ? { query_timeout: statementMs + 1_000 } : {}),
  });
  client.on('error', (error) => options.onBroken?.(error));
  try {
    await client.connect();
    // Bounded by itself: a session may have no limit of its own. The driver's types do not know of it.
    const proof = { text: SESSION_PROOF, query_timeout: options.connectMs };
    demandSession((await client.query<Row>(proof)).rows[0]);
    return client;
  } catch (error) {
    await closeClient(client);
    throw poolerRefusal(error) ?? error;
  }
}

/** A server that is gone does not answer a goodbye. */
const CLOSE_MS = 1_000;

/** Ends a connection whatever state it is in; never throws, never waits for a dead server. */
export async function closeClient(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => {
    // It was broken already: there is nothing left to end.
  });
  await within(ended, CLOSE_MS, () => destroySocket(client));
}

interface WithSocket {
  readonly connection: { readonly stream: { destroy(): void } };
}

/** Drops the connection at once, without a word to the server. */
export function destroySocket(client: pg.Client): void {
  (client as unknown as WithSocket).connection.stream.destroy();
}

/** SQLSTATE of a server's error, or a socket's error code; empty for anything else. */
export function errorCodeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
