/** Owns the cluster's own sessions at its databases: short, over loopback, as superuser. */
import { type Client } from 'pg';
import { DatabaseAddress } from '../../postgres/connect/address.ts';
import { DatabaseClient } from '../../postgres/connect/client.ts';

export interface SessionOptions {
  readonly dsn: string;
  /** Server settings for the session: `{ 'meridian.scale': '1' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const CONNECT_MS = 10_000;

export async function withSession<T>(
  { dsn, settings }: SessionOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const options = Object.entries(settings ?? {})
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  const client = new DatabaseClient({
    address: new DatabaseAddress(dsn),
    connectMs: CONNECT_MS,
    application_name: 'meridian-cluster',
    options,
  });
  // A session that breaks between two statements fails the next statement; this handler only prevents an unhandled
  // error.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
