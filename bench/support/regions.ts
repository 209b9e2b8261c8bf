/** Owns the cluster that a bench measures: three regions as `npm start` runs them, each server a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, fetch } from 'undici';

export const US = 'us-east-1';
export const EU = 'eu-west-1';
export const AP = 'ap-northeast-1';

interface Manifest {
  readonly regions: readonly {
    readonly name: string;
    readonly graphql: string;
    readonly postgres: string;
    readonly redis: string | null;
  }[];
  readonly wan: { readonly control: string };
  readonly adminToken: string;
}

export interface Answer {
  readonly data: Record<string, never>;
  readonly token: string | null;
}

export interface BenchCluster extends AsyncDisposable {
  readonly manifest: Manifest;
  /**
   * Sends GraphQL to `region`'s server as a client that sits in `from` does: through the simulated WAN unless they are the
   * same.
   */
  graphql(
    from: string,
    region: string,
    query: string,
    options?: { readonly variables?: Record<string, unknown>; readonly token?: string | null },
  ): Promise<Answer>;
  /** One empty HTTP round trip to the client's own region: the floor of what any answer can take. */
  roundTrip(region: string): Promise<void>;
  dsn(region: string): string;
  /** DSN of `region`'s database as servers in `from` reach it. */
  dsnFrom(from: string, region: string): string;
}

const READY_MS = 90_000;
const PORTS_FROM = '24000';

export async function startBenchCluster(flags: readonly string[] = []): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const app = fileURLToPath(new URL('../../schema/workspace', import.meta.url));
  const child = spawn(
    process.execPath,
    [main, 'dev', '--schema', app, '--sql', app, '--data', folder, '--ports-from', PORTS_FROM, ...flags],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const manifest = await readManifest(child, join(folder, 'cluster.json'));
    const { links } = (await (await fetch(new URL('/links', manifest.wan.control))).json()) as {
      links: { from: string; to: string; kind: string; port: number }[];
    };
    return clusterOf(
      child,
      folder,
      manifest,
      (from, to, kind) =>
        links.find((link) => link.from === from && link.to === to && link.kind === kind)?.port ?? null,
    );
  } catch (error) {
    child.kill('SIGTERM');
    throw error;
  }
}

/** The manifest is written when everything serves. */
async function readManifest(child: ChildProcess, path: string): Promise<Manifest> {
  for (
    const until = performance.now() + READY_MS;
    performance.now() < until;
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    if (child.exitCode !== null) throw new Error(`meridian dev ended with status ${child.exitCode}`);
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`meridian dev was not ready within ${READY_MS} ms`);
}

function clusterOf(
  child: ChildProcess,
  folder: string,
  manifest: Manifest,
  port: (from: string, to: string, kind: string) => number | null,
): BenchCluster {
  // Browsers and gateways keep their connections; a handshake over the simulated WAN in every request would flatter us.
  const dispatcher = new Agent({ keepAliveTimeout: 60_000 });
  const regionOf = (name: string): Manifest['regions'][number] => {
    const region = manifest.regions.find((one) => one.name === name);
    if (!region) throw new RangeError(`no region ${name}`);
    return region;
  };
  const through = (url: string, from: string, to: string, kind: string): URL => {
    const target = new URL(url);
    if (from !== to) target.port = String(port(from, to, kind));
    return target;
  };
  return {
    manifest,
    dsn: (region) => regionOf(region).postgres,
    dsnFrom: (from, region) => through(regionOf(region).postgres, from, region, 'postgres').href,
    graphql: async (from, region, query, { variables = {}, token = null } = {}) => {
      const response = await fetch(through(regionOf(region).graphql, from, region, 'http'), {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json', ...(token === null ? {} : { 'consistency-token': token }) },
        body: JSON.stringify({ query, variables }),
      });
      const body = (await response.json()) as { data: Answer['data']; errors?: unknown };
      if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
      return { data: body.data, token: response.headers.get('consistency-token') };
    },
    roundTrip: async (region) =>
      void (await (await fetch(new URL('/health/live', regionOf(region).graphql), { dispatcher })).text()),
    [Symbol.asyncDispose]: async () => {
      await dispatcher.close();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
