/**
 * Proves the examples of docs/library.md: they agree with the package's types, and do what the text says when they run
 * unchanged.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { ask } from '../support/app.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';

const [US, EU] = ['us-east-1', 'eu-west-1'] as const;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCHEMA = join(ROOT, 'schema/workspace');
const PACKAGE = join(ROOT, 'src/index.ts');
const LINE_MS = 20_000;

/** Every TypeScript block of the page that begins with a file's name. */
const examples = [
  ...readFileSync(join(ROOT, 'docs/library.md'), 'utf8').matchAll(/```ts\n\/\/ (\w+\.ts)\n(.*?)```/gs),
].map(([, name = '', code = '']) => ({ name, code }));

describe('the examples of docs/library.md', () => {
  let cluster: TestCluster;
  const folder = mkdtempSync(join(tmpdir(), 'meridian-library-'));
  const running: ChildProcess[] = [];

  before(async () => {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    // The package is not built here: its source stands in for it.
    for (const { name, code } of examples)
      writeFileSync(join(folder, name), code.replace("from 'meridian'", `from '${PACKAGE}'`));
    cluster = await startTestCluster({
      regions: [US, EU],
      sql: [
        "SET meridian.scale = '0.05'",
        `${SCHEMA}/001_schema.sql`,
        `${SCHEMA}/002_data.sql`,
        'CREATE PUBLICATION meridian FOR ALL TABLES',
      ],
    });
    await cluster.caughtUp();
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  const start = (name: string): { child: ChildProcess; line: Promise<string>; ended: Promise<number | null> } => {
    const env = {
      PATH: process.env['PATH'],
      DB_URL_US_EAST_1: cluster.dsnFor(EU, US),
      DB_URL_EU_WEST_1: cluster.dsnFor(EU, EU),
      TOKEN_SECRET: 'the secret of examples',
      SCHEMA,
    };
    const child = spawn(process.execPath, [join(folder, name)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk));
    const line = new Promise<string>((resolve, reject) => {
      let output = '';
      const timer = setTimeout(
        () => reject(new Error(`${name} printed no line within ${LINE_MS} ms: ${complaints}`)),
        LINE_MS,
      );
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        if (!output.includes('\n')) return;
        clearTimeout(timer);
        resolve(output.trim());
      });
      void ended.then((status) => reject(new Error(`${name} ended with ${status}: ${complaints}`)));
    });
    return { child, line, ended };
  };

  it('agree with the types of the package', () => {
    assert.deepEqual(
      examples.map(({ name }) => name),
      ['job.ts', 'rest.ts', 'server.ts', 'resolvers.ts'],
    );
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
    const program = ts.createProgram(
      examples.map(({ name }) => join(folder, name)),
      { ...options, rewriteRelativeImportExtensions: false, typeRoots: [join(ROOT, 'node_modules/@types')] },
    );
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map((one) => `${one.file?.fileName}:${one.start}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`);
    assert.deepEqual(problems, []);
  });

  it('include job.ts, which reads, writes, sees its write, and ends', async () => {
    const { line, ended } = start('job.ts');
    assert.match(await line, /^started 3, seen 3, answered by the (replica|primary)$/);
    assert.equal(await ended, 0);
  });

  it('include rest.ts, which passes tokens through a REST interface', async () => {
    const { child, line, ended } = start('rest.ts');
    const { port } = JSON.parse(await line) as { port: number };
    const call = async (
      path: string,
      init: RequestInit = {},
    ): Promise<{ status: number; body: Record<string, unknown>; token: string | null }> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        ...init,
        headers: { ...init.headers, connection: 'close' },
      });
      return {
        status: response.status,
        body: (await response.json()) as Record<string, unknown>,
        token: response.headers.get('consistency-token'),
      };
    };
    await cluster.pauseReplay(EU);
    try {
      const put = await call('/user?id=1&name=Renamed', { method: 'PUT' });
      assert.deepEqual([put.status, put.body], [200, { updated: 1 }]);
      assert.notEqual(
        (await call('/user?id=1')).body['name'],
        'Renamed',
        'EU shows the write although its replay is paused',
      );
      const get = await call('/user?id=1', { headers: { 'consistency-token': put.token ?? '' } });
      assert.deepEqual([get.status, get.body['name'], get.body['id']], [200, 'Renamed', '1']);
      assert.match(get.token ?? '', /^m1\./);
    } finally {
      await cluster.resumeReplay(EU);
    }
    assert.equal((await call('/user?id=123456')).status, 404);
    assert.deepEqual(
      await call('/user?id=1', { headers: { 'consistency-token': 'hello' } }).then(({ status, body }) => [
        status,
        body['code'],
      ]),
      [400, 'CONSISTENCY_TOKEN_MALFORMED'],
    );
    const health = (await call('/health')).body as unknown as readonly {
      region: string;
      role: string;
      replayLsn: string;
    }[];
    assert.deepEqual(
      health.map(({ region, role, replayLsn }) => [region, role, /^\w+\/\w+$/.test(replayLsn)]),
      [
        [US, 'primary', true],
        [EU, 'replica', true],
      ],
    );
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  });

  it('include server.ts, which serves its schema with its resolvers and hooks', async () => {
    const { child, line, ended } = start('server.ts');
    const url = await line;
    const as = { headers: { 'x-user': '1', connection: 'close' } };
    const busiest = await ask<{ busiest: readonly { id: string; initials: string; openTasks: number }[] }>(
      url,
      '{ busiest(first: 2) { id initials openTasks } }',
    );
    assert.deepEqual(busiest.errors, []);
    const expected = await cluster.query<{ id: string; open: number }>(
      US,
      "SELECT u.id::text, count(*) FILTER (WHERE t.status <> 'DONE')::int AS open FROM users u JOIN tasks t ON t.assignee_id = u.id GROUP BY u.id ORDER BY count(*) DESC, u.id LIMIT 2",
    );
    assert.deepEqual(
      busiest.data?.busiest.map(({ id, openTasks }) => ({ id, open: openTasks })),
      expected,
    );
    assert.match(busiest.data?.busiest[0]?.initials ?? '', /^\p{Lu}{2}/u);
    const [from, to] = [expected[0]?.id, expected[1]?.id];
    const reassign = `mutation { reassign(from: ${from}, to: ${to}) { moved to { openTasks } token } }`;
    assert.equal((await ask(url, reassign)).errors[0]?.extensions.code, 'UNAUTHENTICATED');
    const moved = await ask<{ reassign: { moved: number; to: { openTasks: number }; token: string } }>(
      url,
      reassign,
      as,
    );
    assert.deepEqual(moved.errors, []);
    assert.ok((moved.data?.reassign.moved ?? 0) > 0);
    assert.equal(moved.data?.reassign.to.openTasks, (expected[1]?.open ?? 0) + (moved.data?.reassign.moved ?? 0));
    assert.equal(moved.token, moved.data?.reassign.token);
    assert.deepEqual((await ask(url, '{ me { id } }', as)).data, { me: { id: '1' } });
    assert.equal(
      (await ask(url, '{ regionHealth { region } }', { headers: { 'x-user': '2' } })).errors[0]?.extensions.code,
      'FORBIDDEN',
    );
    assert.deepEqual((await ask(url, '{ regionHealth { region } }', as)).data, {
      regionHealth: [{ region: US }, { region: EU }],
    });
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
});
