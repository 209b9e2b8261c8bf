/**
 * Proves that `meridian dev` runs any application in three regions, restarts processes that end, and leaves nothing
 * behind.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readManifest, type Manifest } from '../../src/dev/manifest.ts';
import { freeBlock } from '../support/ports.ts';
import { startOf } from '../../src/dev/process.ts';
import { findRedis } from '../../src/dev/redis/program.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 60_000;
const GONE_MS = 6_000;
const hasRedis = findRedis() !== null;
/** A server, a database and, where the machine has it, a Redis in each of three regions. */
const PROCESSES = hasRedis ? 9 : 6;
const hasCurl = spawnSync('curl', ['--version']).status === 0;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(what: string, limitMs: number, holds: () => boolean): Promise<void> {
  for (const until = performance.now() + limitMs; !holds(); await sleep(50))
    assert.ok(performance.now() < until, `${what} within ${limitMs} ms`);
}

interface Run {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
}

describe('meridian dev', { timeout: 240_000 }, () => {
  let folder: string;
  let portsFrom: number;
  const runs: Run[] = [];
  const state = (): string => join(folder, '.meridian');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-dev-'));
    chmodSync(folder, 0o711);
    portsFrom = await freeBlock();
  });
  after(async () => {
    for (const run of runs) run.process.kill('SIGKILL');
    await sleep(500);
    rmSync(folder, { recursive: true, force: true });
  });

  function dev(application: string, ...more: string[]): Run {
    const args = [
      join(ROOT, 'src/cli/main.ts'),
      'dev',
      '--schema',
      join(ROOT, 'schema', application),
      '--sql',
      join(ROOT, 'schema', application),
      '--ports-from',
      String(portsFrom),
      ...more,
    ];
    const process_ = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { out: '', err: '' };
    process_.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
    process_.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
    const run = { process: process_, out: () => texts.out, err: () => texts.err };
    runs.push(run);
    return run;
  }

  async function ready(run: Run): Promise<Manifest> {
    for (const until = performance.now() + READY_MS; !run.err().includes('ready;'); await sleep(50))
      assert.ok(run.process.exitCode === null && performance.now() < until, run.err());
    return readManifest(state());
  }

  const pidsOf = (manifest: Manifest): number[] =>
    manifest.regions.flatMap(({ pids }) => [pids.server, pids.postgres, pids.redis]).filter((pid) => pid !== null);
  const alive = (manifest: Manifest): number[] => pidsOf(manifest).filter((pid) => startOf(pid) !== undefined);

  /** The lines after "Try:", run as pasted. */
  function tryLines(run: Run): { data?: Record<string, unknown>; errors?: unknown }[] {
    const lines = run
      .out()
      .slice(run.out().indexOf('Try:'))
      .split('\n')
      .filter((line) => /^(curl|TOKEN)/.test(line));
    assert.equal(lines.length, 3);
    return lines.map((line) => {
      const { stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8' });
      assert.notEqual(stdout, '', stderr);
      return JSON.parse(stdout) as { data?: Record<string, unknown> };
    });
  }

  it('runs the reference application, restarts processes that end, and leaves nothing after kill -9', async () => {
    const run = dev('workspace', '--scale', '0.05');
    const manifest = await ready(run);
    const redisUrl = (i: number): string | null => (hasRedis ? `redis://127.0.0.1:${portsFrom + 200 + i}` : null);
    assert.equal(statSync(join(state(), 'cluster.json')).mode & 0o777, 0o600);
    assert.deepEqual(
      manifest.regions.map(({ name, role, graphql, redis }) => ({ name, role, graphql, redis })),
      [
        {
          name: 'us-east-1',
          role: 'primary',
          graphql: `http://127.0.0.1:${portsFrom + 1}/graphql`,
          redis: redisUrl(1),
        },
        {
          name: 'eu-west-1',
          role: 'replica',
          graphql: `http://127.0.0.1:${portsFrom + 2}/graphql`,
          redis: redisUrl(2),
        },
        {
          name: 'ap-northeast-1',
          role: 'replica',
          graphql: `http://127.0.0.1:${portsFrom + 3}/graphql`,
          redis: redisUrl(3),
        },
      ],
    );
    assert.match(run.out(), /REGION +ROLE +GRAPHQL .*LAG\nus-east-1 +primary .* 80 ms +150 ms +\d+ ms\n/);
    assert.equal(alive(manifest).length, PROCESSES);

    if (hasCurl) {
      const [written, dashboard, health] = tryLines(run);
      assert.deepEqual(written?.data, { user: { name: 'Ada Lovelace', version: 2 } });
      assert.equal((dashboard?.data?.['dashboard'] as { latestTasks: unknown[] }).latestTasks.length, 10);
      assert.equal((health?.data?.['regionHealth'] as unknown[]).length, 3);
    }

    const { server } = manifest.regions[1]?.pids ?? assert.fail();
    process.kill(server ?? 0, 'SIGKILL');
    await eventually('the server is back', 20_000, () => run.err().includes('The server of eu-west-1 is back.'));
    const fixed = readManifest(state());
    assert.notEqual(fixed.regions[1]?.pids.server, server);
    assert.equal(alive(fixed).length, PROCESSES);

    run.process.kill('SIGKILL');
    await eventually(
      'nothing is left',
      GONE_MS,
      () => alive(fixed).length === 0 && !existsSync(join(state(), 'cluster.json')),
    );
  });

  it('starts again on the same data, and stops its processes in order', async () => {
    const run = dev('workspace', '--scale', '0.05', '--wan', 'off');
    const manifest = await ready(run);
    assert.doesNotMatch(run.err(), /loading/);
    const response = await fetch(manifest.regions[2]?.graphql ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ user(id: 1) { version } }"}',
    });
    const expected = hasCurl ? 2 : 1;
    assert.deepEqual(((await response.json()) as { data: unknown }).data, { user: { version: expected } });
    run.process.kill('SIGINT');
    const [code] = (await once(run.process, 'exit')) as [number];
    assert.equal(code, 0, run.err());
    assert.deepEqual(alive(manifest), []);
    assert.ok(!existsSync(join(state(), 'cluster.json')));
  });

  it('runs any schema and SQL', { skip: hasCurl ? false : 'needs curl' }, async () => {
    const run = dev('music', '--database', 'music', '--regions', 'north,south', '--data', '.music');
    for (const until = performance.now() + READY_MS; !run.err().includes('ready;'); await sleep(50))
      assert.ok(run.process.exitCode === null && performance.now() < until, run.err());
    const [read, strong, health] = tryLines(run);
    assert.equal(read?.errors, undefined);
    assert.notEqual(Object.values(read?.data ?? {})[0], null, 'a row that is there');
    assert.deepEqual(strong?.data, read?.data);
    assert.equal((health?.data?.['regionHealth'] as unknown[]).length, 2);
    run.process.kill('SIGTERM');
    await once(run.process, 'exit');
  });

  it('says in one sentence why it cannot start', async () => {
    const failure = async (run: Run): Promise<string> => {
      const [code] = (await once(run.process, 'close')) as [number];
      assert.equal(code, 1);
      return run.err().trim().split('\n').at(-1) ?? '';
    };
    const busy = createServer().listen(portsFrom + 2, '127.0.0.1');
    await once(busy, 'listening');
    assert.match(
      await failure(dev('workspace')),
      new RegExp(
        `^Port ${portsFrom + 2} \\(GraphQL in eu-west-1\\) is in use by another process; .* --ports-from\\. \\[CLUSTER_START_FAILED\\]$`,
      ),
    );
    busy.close();
    writeFileSync(join(folder, 'file'), '');
    assert.match(
      await failure(dev('workspace', '--data', 'file')),
      /file\/?.* is in the way or is no folder; .*\[CLUSTER_START_FAILED\]$/,
    );
    assert.match(await failure(dev('workspace', '--wan', 'nowhere.json')), /no WAN file nowhere\.json/);
    assert.match(await failure(dev('workspace', '--regions', 'A,b')), /"A" is no region name/);
    assert.match(await failure(dev('nothing')), /schema folder .*nothing cannot be read/);
  });

  it('shows the simulated WAN and changes it from a shell', async () => {
    const run = dev('music', '--regions', 'north,south', '--data', '.wan');
    for (const until = performance.now() + READY_MS; !run.err().includes('ready;'); await sleep(50))
      assert.ok(run.process.exitCode === null && performance.now() < until, run.err());
    const wan = (...args: string[]): string => {
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [join(ROOT, 'src/cli/main.ts'), 'wan', ...args, '--data', '.wan'],
        { cwd: folder, encoding: 'utf8' },
      );
      return stdout + stderr;
    };
    assert.match(wan('list'), /north +south +replication +up +100 ms/);
    assert.match(wan('set', 'north', 'south', '--rtt', '5', '--jitter', '1'), /south +north +http +up +5 ms +1 ms/);
    assert.match(wan('cut', 'south', 'north', '--kind', 'http'), /north +south +http +cut/);
    assert.match(wan('heal', 'south', 'north'), /north +south +http +up/);
    assert.match(wan('cut', 'south', 'moon'), /There is no link between "south" and "moon"/);
    run.process.kill('SIGTERM');
    await once(run.process, 'exit');
    assert.match(wan('list'), /does not exist, so no cluster runs there/);
    assert.ok(readFileSync(join(folder, '.wan', 'logs', 'south.log'), 'utf8').length > 0);
  });
});
