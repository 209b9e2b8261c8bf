/**
 * Owns the claim about whole requests: GraphQL over HTTP from two servers of one region before one replica, of which
 * only one has caches.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Agent, fetch } from 'undici';
import { type Cluster } from '../../src/dev/cluster.ts';
import { freePort } from '../../test/support/ports.ts';
import { serverEnv } from '../../src/dev/servers.ts';
import { APPLICATION, MAIN } from '../support/databases.ts';
import { measure, report, type Candidate } from '../support/measure.ts';
import { DASHBOARD, ORGANIZATIONS, TASK } from '../support/queries.ts';
import { EU } from '../support/regions.ts';
import { type Setting } from './setting.ts';

const READY_MS = 60_000;
const RUNS = 600;
/** Tasks and dashboards that are asked for in turn, so that after the warm-up all of them are cached. */
const WARM = 50;
const SECRETS = {
  jwtSecret: 'of a bench whose viewers nobody knows',
  tokenSecret: 'of a bench whose tokens nobody else reads',
};

export async function requests({ cluster }: Setting): Promise<void> {
  await using cached = await startServer(cluster, {});
  await using uncached = await startServer(cluster, { MERIDIAN_CACHE: 'false' });
  const claims = [
    { name: 'task', title: 'One task with its project and its assignee', query: TASK, count: WARM },
    { name: 'dashboard', title: 'A dashboard', query: DASHBOARD, count: Math.min(WARM, ORGANIZATIONS) },
  ];
  for (const { name, title, query, count } of claims) {
    const id = (i: number): { id: number } => ({ id: 1 + (Math.abs(i) % count) });
    const candidates: Candidate[] = [
      { name: 'an empty round trip', run: () => cached.roundTrip() },
      { name: 'caches on', run: (i) => cached.graphql(query, id(i)) },
      { name: 'caches off', run: (i) => uncached.graphql(query, id(i)) },
    ];
    const figures = await measure(candidates, { runs: RUNS, warmup: 2 * count });
    report({
      name: `cache-request-${name}`,
      title: `${title}, by GraphQL over HTTP within the region`,
      figures,
      notes: [`answered with caches on by ${await cached.servedBy(query, id(0))}`],
    });
  }
}

interface RunningServer extends AsyncDisposable {
  roundTrip(): Promise<void>;
  graphql(query: string, variables: Readonly<Record<string, unknown>>): Promise<void>;
  /** How many reads of such a request the cache, the replica and the primary answer. */
  servedBy(query: string, variables: Readonly<Record<string, unknown>>): Promise<string>;
}

interface Answer {
  readonly token: string | null;
  readonly servedBy: unknown;
}

async function startServer(cluster: Cluster, env: Readonly<Record<string, string>>): Promise<RunningServer> {
  const port = await freePort();
  const usual = serverEnv({ cluster, secrets: SECRETS, schema: APPLICATION, env: {} }, EU);
  const child = spawn(process.execPath, [MAIN, 'start'], {
    env: { ...usual, ...env, MERIDIAN_PORT: String(port), MERIDIAN_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const dispatcher = new Agent({ keepAliveTimeout: 60_000 });
  const stop = async (): Promise<void> => {
    await dispatcher.close();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await ready(child, url);
  } catch (error) {
    await stop();
    throw error;
  }
  const ask = async (
    query: string,
    variables: Readonly<Record<string, unknown>>,
    token: string | null = null,
  ): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', ...(token === null ? {} : { 'consistency-token': token }) };
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      dispatcher,
      headers,
      body: JSON.stringify({ query, variables }),
    });
    const { errors, extensions } = (await response.json()) as {
      errors?: unknown;
      extensions?: { consistency: { servedBy: unknown } };
    };
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return { token: response.headers.get('consistency-token'), servedBy: extensions?.consistency.servedBy };
  };
  return {
    roundTrip: async () => void (await (await fetch(`${url}/health/live`, { dispatcher })).text()),
    graphql: async (query, variables) => void (await ask(query, variables)),
    servedBy: async (query, variables) => {
      // Who brings a token is told.
      const { token } = await ask(query, variables);
      return JSON.stringify((await ask(query, variables, token)).servedBy);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  for (
    const until = performance.now() + READY_MS;
    performance.now() < until;
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    if (child.exitCode !== null) throw new Error(`the server ended with status ${child.exitCode}`);
    const answered = await fetch(`${url}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
  }
  throw new Error(`the server was not ready within ${READY_MS} ms`);
}
