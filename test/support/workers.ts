/**
 * Owns a server with several workers as `meridian start` runs it: on a replica, with a Redis of its region, for tests
 * that stop and kill its processes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { meridian } from './command.ts';
import { freePort } from './ports.ts';
import { startScratchRedis } from './redis.ts';
import { startReplicaSet, type ReplicaSet } from './replica-set.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const READY_MS = 60_000;
const MAX_CONNECTIONS = 500;
const SDL = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
type Query { item(id: ID!): Item slow(ms: Int!): String! }
type Subscription { item(id: ID!): Item @live }
type Mutation { editItem(id: ID!, note: String): ItemPayload @update }
type Item @entity @key(fields: "id") { id: ID! note: String }
type ItemPayload { item: Item }`;
/** `slow` is what is under way when a server is told to end. */
const RESOLVERS = `export default { Query: { slow: (_, { ms }) => new Promise((resolve) => setTimeout(() => resolve(String(process.pid)), ms)) } };`;

export interface WorkersPlace extends AsyncDisposable {
  readonly set: ReplicaSet;
  readonly folder: string;
  /** What `meridian start` is told of databases, Redis and secrets. */
  readonly env: Readonly<Record<string, string>>;
}

/** `program`: of Redis. */
export async function startWorkersPlace(program: string): Promise<WorkersPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-workers-'));
  const set = await startReplicaSet(1);
  const redis = await startScratchRedis(program, await freePort());
  await set.primary.query(
    `CREATE TABLE item (id bigint PRIMARY KEY, note text); INSERT INTO item SELECT i, 'note 0' FROM generate_series(1, 100) i`,
  );
  mkdirSync(join(folder, 'schema'));
  writeFileSync(join(folder, 'schema', 'items.graphql'), SDL);
  writeFileSync(join(folder, 'resolvers.mjs'), RESOLVERS);
  const env = {
    MERIDIAN_REGIONS: 'us,eu',
    MERIDIAN_REGION: 'eu',
    DB_URL_US: set.primary.url,
    DB_URL_EU: set.replicas[0]?.url ?? '',
    REDIS_URL_EU: redis.url,
    MERIDIAN_AUTH: 'none',
    MERIDIAN_TOKEN_SECRET: 't'.repeat(32),
    MERIDIAN_RESOLVERS: join(folder, 'resolvers.mjs'),
    MERIDIAN_PORT: '0',
    MERIDIAN_WORKERS: '2',
    MERIDIAN_PROBE_MS: '100',
    MERIDIAN_SLOT_RETRY_MS: '200',
  };
  const done = await meridian(['setup'], { cwd: folder, env });
  if (done.status !== 0) throw new Error(done.stdout + done.stderr);
  return {
    set,
    folder,
    env,
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]();
      await set[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of GraphQL; undefined where there is none. */
  readonly data: Record<string, unknown> | undefined;
}

export interface Asked {
  readonly token?: string | undefined;
  /** Without one, each request has a connection of its own. */
  readonly agent?: Agent;
}

/** One connection at a time, so that every request over it meets the same worker. */
export const oneConnection = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

/** A GraphQL operation, or without one a GET. Rejects where the connection breaks. */
export function send(url: string, query: string | null, { token, agent }: Asked = {}): Promise<Answered> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { 'consistency-token': token }),
  };
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: query === null ? 'GET' : 'POST', headers, agent: agent ?? false },
      (response) => {
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (body += chunk))
          .on('error', reject)
          .on('end', () => {
            const { data } = query === null ? {} : (JSON.parse(body) as { data?: Record<string, unknown> });
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body, data });
          });
      },
    );
    call.once('error', reject).end(query === null ? undefined : JSON.stringify({ query }));
  });
}

/** The process id of the worker that answers. */
export async function workerOf(url: string, asked: Asked = {}): Promise<number> {
  return Number((await send(url, '{ slow(ms: 0) }', asked)).data?.['slow']);
}

/** Connections that lead to so many different workers, by process id. */
export async function connectionsToEach(url: string, workers: number): Promise<Map<number, Agent>> {
  const found = new Map<number, Agent>();
  for (let tries = 0; found.size < workers; tries += 1) {
    if (tries > MAX_CONNECTIONS)
      throw new Error(`${MAX_CONNECTIONS} connections led to ${found.size} of ${workers} workers`);
    const agent = oneConnection();
    const pid = await workerOf(url, { agent });
    if (found.has(pid)) agent.destroy();
    else found.set(pid, agent);
  }
  return found;
}

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly url?: string;
  readonly worker?: number;
  readonly status?: number | null;
  readonly signal?: string | null;
}

export interface WorkersServer {
  readonly process: ChildProcess;
  /** Where GraphQL is. */
  readonly url: string;
  readonly lines: readonly LogLine[];
  /** Status and signal of the first process. */
  readonly ended: Promise<unknown[]>;
}

export async function startWorkers(
  { folder, env }: WorkersPlace,
  more: Readonly<Record<string, string>> = {},
): Promise<WorkersServer> {
  const child = spawn(process.execPath, [MAIN, 'start'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env, ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  // Of a test that fails midway; the workers end with it.
  process.once('exit', () => child.kill('SIGKILL'));
  const lines: LogLine[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (): void => reject(new Error(`not serving: ${JSON.stringify(lines)}`));
    const timer = setTimeout(fail, READY_MS);
    child.once('exit', fail);
    createInterface(child.stdout).on('line', (line) => {
      const parsed = JSON.parse(line) as LogLine;
      lines.push(parsed);
      if (parsed.url === undefined) return;
      clearTimeout(timer);
      resolve(parsed.url);
    });
  });
  return { process: child, url, lines, ended };
}
