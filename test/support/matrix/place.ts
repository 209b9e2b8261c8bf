/** Owns the servers of the matrix: a primary and a replica on TCP and on a socket, with a database for each row. */
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { POSTGRES_USER } from '../binaries.ts';
import { startReplicaSet, type ReplicaSet, type TestServer } from '../replica-set.ts';

/** Where a server is, and as whom it is asked. */
export interface Address {
  readonly port: number;
  /** Of the server's socket. */
  readonly folder: string;
  readonly database: string;
  readonly role: string;
}

export const TCP = ({ role, port, database }: Address): string => `postgres://${role}@127.0.0.1:${port}/${database}`;

export interface MatrixPlace extends AsyncDisposable {
  readonly set: ReplicaSet;
  readonly folder: string;
  /** Parameters that a role may be given. */
  readonly settings: ReadonlySet<string>;
  caughtUp(): Promise<void>;
  /** Runs the statements in a session of their own, one after the other, and gives what the last one answers. */
  run(
    address: Pick<Address, 'database' | 'role'>,
    ...statements: readonly string[]
  ): Promise<readonly pg.QueryResultRow[]>;
}

/** What a row's database belongs to, and as whom its servers connect. */
export const OWNER = 'owner';
export const APP = 'app';

export async function startMatrix(
  settings: Readonly<Record<string, string>> = {},
  binaries?: string,
): Promise<MatrixPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-socket-'));
  if (POSTGRES_USER.uid !== undefined) chownSync(folder, POSTGRES_USER.uid, POSTGRES_USER.uid);
  const all = { unix_socket_directories: folder, wal_writer_delay: '10ms', max_connections: '200', ...settings };
  const set = await startReplicaSet(1, all, binaries);
  const [replica] = set.replicas as readonly [TestServer];
  const caughtUp = async (): Promise<void> => replica.caughtUp(await set.primary.position());
  const dispose = async (): Promise<void> => {
    await set[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await set.primary.query(
      `CREATE ROLE ${OWNER} LOGIN SUPERUSER; CREATE ROLE ${APP} LOGIN REPLICATION; SET allow_in_place_tablespaces = on`,
    );
    await set.primary.query(`CREATE TABLESPACE aside LOCATION ''`);
    await set.primary.query(`GRANT CREATE ON TABLESPACE aside TO PUBLIC`);
    await caughtUp();
    const rows = await set.primary.query<{ name: string }>(
      `SELECT name FROM pg_settings WHERE context IN ('user', 'superuser')`,
    );
    return {
      set,
      folder,
      settings: new Set(rows.map(({ name }) => name)),
      caughtUp,
      async run({ database, role }, ...statements) {
        const client = new pg.Client({ host: '127.0.0.1', port: set.primary.port, user: role, database });
        await client.connect();
        try {
          let rows: readonly pg.QueryResultRow[] = [];
          for (const sql of statements) ({ rows } = await client.query(sql));
          return rows;
        } finally {
          await client.end();
        }
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
