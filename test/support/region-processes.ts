/** Owns an application of its own in a real cluster with a real server process in each region, which tests may kill. */
import { fileURLToPath } from 'node:url';
import { prepareApplication } from '../../src/dev/application.ts';
import { RegionServer, type ServersOptions } from '../../src/dev/servers.ts';
import { ask, type Answer, type Call } from './app.ts';
import { startTestCluster, type TestCluster, type TestClusterOptions } from './cluster.ts';

export interface ProcessesOptions {
  /** Folder under `test/support/` with SDL, `001_schema.sql` and `resolvers.ts`. */
  readonly application: string;
  readonly wan?: TestClusterOptions['wan'];
  /** Options of every server, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RegionProcesses extends AsyncDisposable {
  readonly cluster: TestCluster;
  gql<D>(region: string, query: string, call?: Call): Promise<Answer<D>>;
  /** SIGKILL; nobody starts it again. */
  kill(region: string): void;
  start(region: string): Promise<void>;
}

export async function startProcesses({ application, wan, env = {} }: ProcessesOptions): Promise<RegionProcesses> {
  const folder = fileURLToPath(new URL(`./${application}`, import.meta.url));
  const test = await startTestCluster({ sql: `${folder}/001_schema.sql`, wan: wan ?? 'off' });
  const secrets = { jwtSecret: 'a secret for tests that is long enough', tokenSecret: 'another secret for tests' };
  const options: ServersOptions = {
    cluster: test.cluster,
    secrets: secrets,
    schema: folder,
    resolvers: `${folder}/resolvers.ts`,
    env: { ...process.env, ...env },
  };
  const servers = new Map(test.regions.map(({ name }) => [name, new RegionServer(options, name)]));
  const server = (region: string): RegionServer => {
    const found = servers.get(region);
    if (!found) throw new RangeError(`there is no region ${region}`);
    return found;
  };
  try {
    await prepareApplication(options, () => undefined);
    await Promise.all([...servers.values()].map((one) => one.start()));
  } catch (error) {
    await test.stop();
    throw error;
  }
  return {
    cluster: test,
    gql: (region, query, call) => ask(`${server(region).url}/graphql`, query, call),
    kill: (region) => {
      const { pid } = server(region);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
    start: (region) => server(region).start(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...servers.values()].map((one) => one.stop()));
      await test.stop();
    },
  };
}
