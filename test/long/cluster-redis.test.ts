/**
 * Proves the Redis servers of the embedded cluster: one for each region, with limited memory, restarted when it ends,
 * and omitted if no program is found.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cachingOf } from '../../src/cli/dev/overview.ts';
import { startOf } from '../../src/dev/process.ts';
import { findRedis, type RedisProgram } from '../../src/dev/redis/program.ts';
import { startTestCluster } from '../support/cluster.ts';
import { redisProgram, withRedis } from '../support/redis.ts';

redisProgram();
const program = findRedis();
const needsRedis = program === null ? 'needs a redis-server' : false;

describe('the search for a Redis server', () => {
  let folder: string;
  const bin = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-bin-'));
    for (const name of ['empty', 'valkey', 'broken', 'old']) mkdirSync(bin(name));
    writeFileSync(
      join(bin('valkey'), 'valkey-server'),
      '#!/bin/sh\necho "Valkey server v=8.1.3 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0"\n',
      { mode: 0o755 },
    );
    writeFileSync(join(bin('broken'), 'redis-server'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
    writeFileSync(join(bin('old'), 'redis-server'), '#!/bin/sh\necho "Redis server v=6.0.16 sha=00000000:0"\n', {
      mode: 0o755,
    });
    writeFileSync(join(bin('empty'), 'redis-server'), 'no program');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('skips programs that do not run or are too old, accepts Valkey, and looks in usual folders too', () => {
    const path = [bin('empty'), bin('broken'), bin('old'), bin('nowhere'), bin('valkey')].join(':');
    const valkey: RedisProgram = { path: join(bin('valkey'), 'valkey-server'), product: 'Valkey', version: '8.1.3' };
    assert.deepEqual(findRedis({ path, commonFolders: [] }), valkey);
    assert.deepEqual(findRedis({ path: '', commonFolders: [bin('valkey')] }), valkey);
    assert.equal(findRedis({ path: bin('broken'), commonFolders: [bin('empty')] }), null);
    assert.equal(findRedis({ path: '', commonFolders: [] }), null);
  });

  it('is reported in one line, whether it finds one or not', () => {
    const regions = (...ports: number[]): { ports: { http: number; postgres: number; redis: number } }[] =>
      ports.map((redis) => ({ ports: { http: 1, postgres: 2, redis } }));
    const found: RedisProgram = { path: '/usr/bin/redis-server', product: 'Redis', version: '7.0.15' };
    assert.equal(
      cachingOf(regions(6501, 6502, 6503), 'auto', found),
      'Redis 7.0.15 on ports 6501–6503: one per region, shared by its servers.',
    );
    assert.equal(
      cachingOf(regions(6501, 6510), 'auto', found),
      'Redis 7.0.15 on ports 6501, 6510: one per region, shared by its servers.',
    );
    assert.equal(
      cachingOf(regions(6501), 'auto', found),
      'Redis 7.0.15 on port 6501: one per region, shared by its servers.',
    );
    assert.equal(
      cachingOf(regions(6501), 'auto', null),
      'No redis-server or valkey-server was found: each region caches in its own process alone; apt-get install redis-server to share it.',
    );
    assert.equal(
      cachingOf(regions(6501), 'off', null),
      'Redis is switched off: each region caches in its own process alone.',
    );
  });
});

describe('the Redis of an embedded cluster', { timeout: 300_000, skip: needsRedis }, () => {
  it('runs in each region, with limited memory and without persistence, and ends with the cluster', async () => {
    const cluster = await startTestCluster({ regions: ['a', 'b'], redis: true });
    const pids: number[] = [];
    try {
      assert.equal(new Set(cluster.regions.map(({ redisUrl }) => redisUrl)).size, 2);
      for (const { redisUrl } of cluster.regions) {
        await withRedis(redisUrl ?? assert.fail('no Redis'), async (redis) => {
          assert.equal(await redis.ping(), 'PONG');
          for (const [name, value] of Object.entries({
            maxmemory: String(128 << 20),
            'maxmemory-policy': 'allkeys-lru',
            save: '',
            appendonly: 'no',
            bind: '127.0.0.1',
          }))
            assert.deepEqual(await redis.config('GET', name), [name, value]);
          await redis.set('key', redisUrl ?? '');
          pids.push(Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]));
        });
      }
      assert.deepEqual(
        pids,
        cluster.cluster.regions.map(({ redis }) => redis?.pid),
        'it is ours that answers',
      );
      const { redis } = cluster.cluster.region('b');
      assert.ok(redis);
      await assert.rejects(redis.start(), /runs already/);
      await redis.kill('SIGKILL');
      assert.equal(redis.pid, undefined);
      await assert.rejects(withRedis(redis.url, (client) => client.ping()));
      await redis.start();
      assert.equal(await withRedis(redis.url, (client) => client.get('key')), null, 'it begins empty');
      assert.notEqual(
        await withRedis(cluster.cluster.region('a').redis?.url ?? '', (client) => client.get('key')),
        null,
      );
      pids.push(redis.pid ?? 0);
    } finally {
      await cluster.stop();
    }
    assert.deepEqual(
      pids.filter((pid) => startOf(pid) !== undefined),
      [],
    );
  });

  it('reports in one sentence why it cannot be started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-bad-redis-'));
    chmodSync(folder, 0o755);
    const path = join(folder, 'redis-server');
    writeFileSync(path, '#!/bin/sh\necho "FATAL CONFIG FILE ERROR: bad directive"\nexit 1\n', { mode: 0o755 });
    const { RedisInstance } = await import('../../src/dev/redis/instance.ts');
    const { Supervisor } = await import('../../src/dev/supervisor/supervisor.ts');
    const supervisor = await Supervisor.start();
    try {
      const make = (program: string): InstanceType<typeof RedisInstance> =>
        new RedisInstance({
          region: 'a',
          port: 1,
          program: { path: program, product: 'Redis', version: '1' },
          supervisor,
          account: undefined,
          dataDir: folder,
          logFile: join(folder, 'log'),
        });
      await assert.rejects(make(path).start(), {
        code: 'CLUSTER_START_FAILED',
        message:
          /^Starting .*redis-server for a \(log: .*; --redis off does without\) failed: FATAL CONFIG FILE ERROR: bad directive\.$/,
      });
      await assert.rejects(make(join(folder, 'nothing')).start(), {
        code: 'CLUSTER_START_FAILED',
        message: /^Starting .*nothing for a .* failed: .*ENOENT/,
      });
    } finally {
      await supervisor.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
