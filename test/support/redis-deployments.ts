/**
 * Owns the ways in which a region's Redis may be set up, as real servers: one, a Cluster of three, Sentinel with a
 * replica.
 */
import { Redis } from 'ioredis';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { freePort } from './ports.ts';
import { startScratchRedis, startScratchSentinel, type ScratchRedis } from './redis.ts';
import { until } from './observe.ts';

/** Long enough for a busy machine; tests of time limits give their own. */
const PATIENT = { redisMs: 10_000, redisConnectMs: 10_000 };

export interface Deployment extends AsyncDisposable {
  readonly url: string;
  readonly options: Options;
  /** Its servers, the first one holding the keys of a standalone or Sentinel set-up. */
  readonly servers: readonly ScratchRedis[];
}

/** Options for a cache of its own in the deployment. */
export function optionsOf(deployment: Deployment, overrides: Partial<Options> = {}): Options {
  return { ...deployment.options, redisPrefix: `test-${crypto.randomUUID().slice(0, 8)}`, ...overrides };
}

export async function startStandalone(program: string, args: readonly string[] = []): Promise<Deployment> {
  const server = await startScratchRedis(program, await freePort(), { args });
  return {
    url: server.url,
    options: defaultOptions(PATIENT),
    servers: [server],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const SLOTS = 16_384;

export async function startCluster(program: string, nodes = 3): Promise<Deployment> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000'];
  const servers = await Promise.all(
    Array.from({ length: nodes }, async () => startScratchRedis(program, await freePort(), { args })),
  );
  const clients = servers.map(({ url }) => new Redis(url));
  for (const [place, client] of clients.entries()) {
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => Math.floor((slot * nodes) / SLOTS) === place,
    );
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', place + 1);
    await client.call('CLUSTER', 'ADDSLOTS', ...slots);
  }
  for (const { url } of servers.slice(1)) await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', new URL(url).port);
  const agreed = async (client: Redis): Promise<boolean> => {
    const info = String(await client.call('CLUSTER', 'INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`);
  };
  await until('the nodes are one Cluster', async () => (await Promise.all(clients.map(agreed))).every(Boolean), {
    withinMs: 30_000,
  });
  for (const client of clients) client.disconnect();
  return {
    url: servers.map(({ url }) => url).join(','),
    options: defaultOptions({ ...PATIENT, redisMode: 'cluster' }),
    servers,
    [Symbol.asyncDispose]: () => disposeOf(servers),
  };
}

/**
 * The master, its replica and one Sentinel, whose word is enough. The replica logs in as `replica`, who may be locked
 * out.
 */
export async function startSentinel(program: string): Promise<Deployment> {
  const acl = [
    '--user',
    'replica',
    'on',
    '>secret',
    '~*',
    '&*',
    '+@all',
    '--masteruser',
    'replica',
    '--masterauth',
    'secret',
    '--repl-diskless-sync-delay',
    '0',
  ];
  const [masterPort, replicaPort, sentinelPort] = [await freePort(), await freePort(), await freePort()];
  const master = await startScratchRedis(program, masterPort, { args: acl });
  const replica = await startScratchRedis(program, replicaPort, {
    args: [...acl, '--replicaof', '127.0.0.1', String(masterPort)],
  });
  const probe = new Redis(replica.url);
  await until('the replica follows', async () => (await probe.info('replication')).includes('master_link_status:up'), {
    withinMs: 30_000,
  });
  probe.disconnect();
  const sentinel = await startScratchSentinel(program, sentinelPort, [
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds mymaster 1000',
    'sentinel failover-timeout mymaster 3000',
  ]);
  const asked = new Redis(sentinel.url);
  await until(
    'the Sentinel knows the replica',
    async () => String(await asked.call('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replicaPort)),
    { withinMs: 30_000 },
  );
  asked.disconnect();
  const servers = [master, replica, sentinel];
  return {
    url: sentinel.url,
    options: defaultOptions({ ...PATIENT, redisMode: 'sentinel', redisMaster: 'mymaster' }),
    servers,
    [Symbol.asyncDispose]: () => disposeOf(servers),
  };
}

async function disposeOf(servers: readonly ScratchRedis[]): Promise<void> {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
}
