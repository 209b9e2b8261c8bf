/** Proves that `meridian dev` runs a Redis for each region, restarts it, and works without Redis on request. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../../src/dev/manifest.ts';
import { freeBlock } from '../support/ports.ts';
import { startOf } from '../../src/dev/process.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { until } from '../support/observe.ts';
import { redisProgram, withRedis } from '../support/redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 120_000;
redisProgram();
const program = findRedis();
const needsRedis = program === null ? 'needs a redis-server' : false;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('meridian dev with and without Redis', { timeout: 400_000 }, () => {
  let folder: string;
  let portsFrom: number;
  const runs: ChildProcess[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-dev-redis-'));
    chmodSync(folder, 0o711);
    portsFrom = await freeBlock();
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
    const args = [
      join(ROOT, 'src/cli/main.ts'),
      'dev',
      '--schema',
      join(ROOT, 'schema/music'),
      '--sql',
      join(ROOT, 'schema/music'),
      '--regions',
      'north,south',
      '--wan',
      'off',
      '--ports-from',
      String(portsFrom),
      ...more,
    ];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    runs.push(child);
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
    for (const endMs = performance.now() + READY_MS; !texts.err.includes('ready;'); await sleep(50))
      assert.ok(child.exitCode === null && performance.now() < endMs, texts.err);
    return { child, out: () => texts.out, err: () => texts.err };
  }
  const redisPids = (): (number | null)[] =>
    readManifest(join(folder, '.meridian')).regions.map(({ pids }) => pids.redis);
  async function end({ child }: Run): Promise<void> {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  it(
    'names the ports of its Redis servers, restarts one that is killed, and leaves nothing behind',
    { skip: needsRedis },
    async () => {
      const run = await dev();
      assert.match(
        run.out(),
        new RegExp(
          `\\n${program?.product} ${program?.version.replaceAll('.', '\\.')} on ports ${portsFrom + 201}–${portsFrom + 202}: one per region`,
        ),
      );
      const manifest = readManifest(join(folder, '.meridian'));
      assert.deepEqual(
        manifest.regions.map(({ redis }) => redis),
        [`redis://127.0.0.1:${portsFrom + 201}`, `redis://127.0.0.1:${portsFrom + 202}`],
      );
      const [north, south] = redisPids();
      assert.ok(north && south);
      process.kill(south, 'SIGKILL');
      await until('Redis is back', () => run.err().includes('Redis of south is back.'), { withinMs: READY_MS });
      const fixed = redisPids();
      assert.equal(fixed[0], north);
      assert.notEqual(fixed[1], south);
      assert.equal(await withRedis(manifest.regions[1]?.redis ?? '', (redis) => redis.ping()), 'PONG');
      run.child.kill('SIGKILL');
      await until(
        'nothing is left',
        () =>
          fixed.every((pid) => startOf(pid ?? 0) === undefined) &&
          !existsSync(join(folder, '.meridian', 'cluster.json')),
        { withinMs: READY_MS },
      );
    },
  );

  it('runs without Redis when asked to', async () => {
    const run = await dev('--redis', 'off');
    assert.match(run.out(), /\nRedis is switched off: each region caches in its own process alone\.\n/);
    assert.deepEqual(redisPids(), [null, null]);
    await assert.rejects(
      new Promise((resolve, reject) =>
        createConnection(portsFrom + 201, '127.0.0.1')
          .once('connect', resolve)
          .once('error', reject),
      ),
      /ECONNREFUSED/,
    );
    await end(run);
  });

  it('refuses an unknown value of the option', async () => {
    await assert.rejects(dev('--redis', 'maybe'), /--redis "maybe" is neither "auto" nor "off"/);
  });
});
