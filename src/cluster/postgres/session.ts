/** Owns sessions of the cluster itself at its databases: short ones, at loopback, by the superuser. */
import { Client } from 'pg';

export interface SessionOptions {
  readonly dsn: string;
  /** Server settings for the session: `{ 'meridian.scale': '1' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function withSession<T>({ dsn, settings }: SessionOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const options = Object.entries(settings ?? {}).map(([name, value]) => `-c ${name}=${value}`).join(' ');
  const client = new Client({ connectionString: dsn, application_name: 'meridian-cluster', ...(options === '' ? {} : { options }) });
  // A session that breaks between two statements fails the next one; this only keeps the process alive until then.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
