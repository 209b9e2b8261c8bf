/** Proves that the shared cache keeps its promises on each kind of Redis that a region may have. */
import { after, before, describe } from 'node:test';
import { spawnSync } from 'node:child_process';
import { fanoutContract } from './fanout.ts';
import { sharedCacheContract } from './shared-cache.ts';
import { startCluster, startSentinel, startStandalone, type Deployment } from '../support/redis-deployments.ts';
import { redisOrSkip } from '../support/redis.ts';

const { program, skip } = redisOrSkip();
const valkey = spawnSync('valkey-server', ['--version']).status === 0;

const deployments: readonly {
  readonly name: string;
  readonly start: () => Promise<Deployment>;
  readonly skip: string | false;
}[] = [
  { name: 'one Redis', start: () => startStandalone(program), skip },
  { name: 'a Redis Cluster of three', start: () => startCluster(program), skip },
  { name: 'Redis with a replica and a Sentinel', start: () => startSentinel(program), skip },
  { name: 'one Valkey', start: () => startStandalone('valkey-server'), skip: !valkey && 'valkey-server is not here' },
];

for (const { name, start, skip } of deployments) {
  describe(`the shared cache on ${name}`, { skip }, () => {
    let deployment: Deployment;
    before(async () => {
      deployment = await start();
    });
    after(() => deployment[Symbol.asyncDispose]());
    sharedCacheContract(() => deployment);
    fanoutContract(() => deployment);
  });
}
