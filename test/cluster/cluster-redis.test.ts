/** The embedded cluster's Redis servers: one per region beside the databases, bounded, restarted, and left out where there is none. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { cachingOf } from '../../src/cli/dev-overview.ts';
import { readManifest } from '../../src/cluster/manifest.ts';
import { freePorts } from '../../src/cluster/ports.ts';
import { startOf } from '../../src/cluster/process.ts';
import { findRedis, type RedisProgram } from '../../src/cluster/redis/program.ts';
import { startTestCluster } from '../support/cluster.ts';
import { redisProgram } from '../support/redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 120_000;
redisProgram();
const program = findRedis();
const needsRedis = program === null ? 'needs a redis-server' : false;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(what: string, holds: () => boolean, limitMs = READY_MS): Promise<void> {
  for (const until = performance.now() + limitMs; !holds(); await sleep(50)) assert.ok(performance.now() < until, `${what} within ${limitMs} ms`);
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

describe('finding a Redis server', () => {
  let folder: string;
  const bin = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-bin-'));
    for (const name of ['empty', 'valkey', 'broken', 'old']) mkdirSync(bin(name));
    writeFileSync(join(bin('valkey'), 'valkey-server'), '#!/bin/sh\necho "Valkey server v=8.1.3 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0"\n', { mode: 0o755 });
    writeFileSync(join(bin('broken'), 'redis-server'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
    writeFileSync(join(bin('old'), 'redis-server'), '#!/bin/sh\necho "Redis server v=6.0.16 sha=00000000:0"\n', { mode: 0o755 });
    writeFileSync(join(bin('empty'), 'redis-server'), 'no program');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('passes over what does not run or is too old, takes Valkey too, and looks beyond PATH', () => {
    const path = [bin('empty'), bin('broken'), bin('old'), bin('nowhere'), bin('valkey')].join(':');
    const valkey: RedisProgram = { path: join(bin('valkey'), 'valkey-server'), product: 'Valkey', version: '8.1.3' };
    assert.deepEqual(findRedis({ path, commonFolders: [] }), valkey);
    assert.deepEqual(findRedis({ path: '', commonFolders: [bin('valkey')] }), valkey);
    assert.equal(findRedis({ path: bin('broken'), commonFolders: [bin('empty')] }), null);
    assert.equal(findRedis({ path: '', commonFolders: [] }), null);
  });

  it('is told in one line each way', () => {
    const regions = (...ports: number[]): { ports: { http: number; postgres: number; redis: number } }[] => ports.map((redis) => ({ ports: { http: 1, postgres: 2, redis } }));
    const found: RedisProgram = { path: '/usr/bin/redis-server', product: 'Redis', version: '7.0.15' };
    assert.equal(cachingOf(regions(6501, 6502, 6503), 'auto', found), 'Redis 7.0.15 on ports 6501–6503: one per region, shared by its servers.');
    assert.equal(cachingOf(regions(6501, 6510), 'auto', found), 'Redis 7.0.15 on ports 6501, 6510: one per region, shared by its servers.');
    assert.equal(cachingOf(regions(6501), 'auto', found), 'Redis 7.0.15 on port 6501: one per region, shared by its servers.');
    assert.equal(cachingOf(regions(6501), 'auto', null), 'No redis-server or valkey-server was found: each region caches in its own process alone; apt-get install redis-server to share it.');
    assert.equal(cachingOf(regions(6501), 'off', null), 'Redis is switched off: each region caches in its own process alone.');
  });
});

describe('Redis in an embedded cluster', { timeout: 300_000, skip: needsRedis }, () => {
  it('runs in each region, bounded and without persistence, and ends with the cluster', async () => {
    const cluster = await startTestCluster({ regions: ['a', 'b'], redis: true });
    const pids: number[] = [];
    try {
      assert.equal(new Set(cluster.regions.map(({ redisUrl }) => redisUrl)).size, 2);
      for (const { redisUrl } of cluster.regions) {
        await withRedis(redisUrl ?? assert.fail('no Redis'), async (redis) => {
          assert.equal(await redis.ping(), 'PONG');
          for (const [name, value] of Object.entries({ maxmemory: String(128 << 20), 'maxmemory-policy': 'allkeys-lru', save: '', appendonly: 'no', bind: '127.0.0.1' })) assert.deepEqual(await redis.config('GET', name), [name, value]);
          await redis.set('key', redisUrl ?? '');
          pids.push(Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]));
        });
      }
      assert.deepEqual(pids, cluster.cluster.regions.map(({ redis }) => redis?.pid), 'it is ours that answers');
      const { redis } = cluster.cluster.region('b');
      assert.ok(redis);
      await assert.rejects(redis.start(), /runs already/);
      await redis.kill('SIGKILL');
      assert.equal(redis.pid, undefined);
      await assert.rejects(withRedis(redis.url, (client) => client.ping()));
      await redis.start();
      assert.equal(await withRedis(redis.url, (client) => client.get('key')), null, 'it begins empty');
      assert.notEqual(await withRedis(cluster.cluster.region('a').redis?.url ?? '', (client) => client.get('key')), null);
      pids.push(redis.pid ?? 0);
    } finally {
      await cluster.stop();
    }
    assert.deepEqual(pids.filter((pid) => startOf(pid) !== undefined), []);
  });

  it('says in one sentence why it cannot be started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-bad-redis-'));
    chmodSync(folder, 0o755);
    const path = join(folder, 'redis-server');
    writeFileSync(path, '#!/bin/sh\necho "FATAL CONFIG FILE ERROR: bad directive"\nexit 1\n', { mode: 0o755 });
    const { RedisInstance } = await import('../../src/cluster/redis/instance.ts');
    const { Keeper } = await import('../../src/cluster/keeper/keeper.ts');
    const keeper = await Keeper.start();
    try {
      const make = (program: string): InstanceType<typeof RedisInstance> => new RedisInstance({ region: 'a', port: 1, program: { path: program, product: 'Redis', version: '1' }, keeper, account: undefined, dataDir: folder, logFile: join(folder, 'log') });
      await assert.rejects(make(path).start(), { code: 'CLUSTER_START_FAILED', message: /^Starting .*redis-server for a \(log: .*; --redis off does without\) failed: FATAL CONFIG FILE ERROR: bad directive\.$/ });
      await assert.rejects(make(join(folder, 'nothing')).start(), { code: 'CLUSTER_START_FAILED', message: /^Starting .*nothing for a .* failed: .*ENOENT/ });
    } finally {
      await keeper.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('meridian dev with and without Redis', { timeout: 400_000 }, () => {
  let folder: string;
  let portsFrom: number;
  const runs: ChildProcess[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-dev-redis-'));
    chmodSync(folder, 0o711);
    portsFrom = ((await freePorts(['a'])).get('a')?.http ?? 0) - 1;
  });
  after(async () => {
    for (const run of runs) if (run.exitCode === null && run.signalCode === null) run.kill('SIGKILL');
    await sleep(500);
    rmSync(folder, { recursive: true, force: true });
  });

  interface Run {
    readonly child: ChildProcess;
    readonly out: () => string;
    readonly err: () => string;
  }

  async function dev(...more: string[]): Promise<Run> {
    const args = [join(ROOT, 'src/cli/main.ts'), 'dev', '--schema', join(ROOT, 'schema/music'), '--sql', join(ROOT, 'schema/music'), '--regions', 'north,south', '--wan', 'off', '--ports-from', String(portsFrom), ...more];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    runs.push(child);
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
    for (const until = performance.now() + READY_MS; !texts.err.includes('ready;'); await sleep(50)) assert.ok(child.exitCode === null && performance.now() < until, texts.err);
    return { child, out: () => texts.out, err: () => texts.err };
  }
  const redisPids = (): (number | null)[] => readManifest(join(folder, '.meridian')).regions.map(({ pids }) => pids.redis);
  async function end({ child }: Run): Promise<void> {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  it('tells where it is, starts it again when it is killed, and leaves nothing behind', { skip: needsRedis }, async () => {
    const run = await dev();
    assert.match(run.out(), new RegExp(`\\n${program?.product} ${program?.version.replaceAll('.', '\\.')} on ports ${portsFrom + 201}–${portsFrom + 202}: one per region`));
    const manifest = readManifest(join(folder, '.meridian'));
    assert.deepEqual(manifest.regions.map(({ redis }) => redis), [`redis://127.0.0.1:${portsFrom + 201}`, `redis://127.0.0.1:${portsFrom + 202}`]);
    const [north, south] = redisPids();
    assert.ok(north && south);
    process.kill(south, 'SIGKILL');
    await eventually('Redis is back', () => run.err().includes('Redis of south is back.'));
    const mended = redisPids();
    assert.equal(mended[0], north);
    assert.notEqual(mended[1], south);
    assert.equal(await withRedis(manifest.regions[1]?.redis ?? '', (redis) => redis.ping()), 'PONG');
    run.child.kill('SIGKILL');
    await eventually('nothing is left', () => mended.every((pid) => startOf(pid ?? 0) === undefined) && !existsSync(join(folder, '.meridian', 'cluster.json')));
  });

  it('does without when asked', async () => {
    const run = await dev('--redis', 'off');
    assert.match(run.out(), /\nRedis is switched off: each region caches in its own process alone\.\n/);
    assert.deepEqual(redisPids(), [null, null]);
    await assert.rejects(new Promise((resolve, reject) => createConnection(portsFrom + 201, '127.0.0.1').once('connect', resolve).once('error', reject)), /ECONNREFUSED/);
    await end(run);
  });

  it('refuses another word for it', async () => {
    await assert.rejects(dev('--redis', 'maybe'), /--redis "maybe" is neither "auto" nor "off"/);
  });
});
