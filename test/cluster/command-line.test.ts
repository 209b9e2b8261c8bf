/**
 * Proves the commands that connect to databases, run as a user runs them: check, setup, start, and the signal that ends
 * it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finding } from '../../src/postgres/check/finding.ts';
import { meridian } from '../support/command.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';

const SDL =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\ntype Query { item(id: ID!): Item }\ntype Item @entity @key(fields: "id") { id: ID!\n  note: String }';
const READY_MS = 20_000;

let set: ReplicaSet;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'meridian-command-'));
const sdl = (text: string): void => writeFileSync(join(folder, 'schema', 'items.graphql'), text);
before(async () => {
  set = await startReplicaSet(1);
  await set.primary.query(`CREATE TABLE item (id bigint PRIMARY KEY, note text); INSERT INTO item VALUES (1, 'here')`);
  mkdirSync(join(folder, 'schema'));
  sdl(SDL);
  env = {
    MERIDIAN_REGIONS: 'us,eu',
    DB_URL_US: set.primary.url,
    DB_URL_EU: set.replicas[0]?.url ?? '',
    MERIDIAN_SLOT_NAME: 'commands',
  };
});
after(async () => {
  await set[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test('check names what is missing and what to do, and ends with 1', async () => {
  const { status, stdout } = await meridian(['check'], { cwd: folder, env });
  assert.equal(status, 1, stdout);
  assert.match(stdout, /^REGION +STATUS +WHAT$/m);
  assert.match(stdout, /^us +error +The publication meridian does not exist\.\n +→ Run meridian setup\.$/m);
  assert.match(stdout, /^eu +ok +PostgreSQL 18, replica\.$/m);
  assert.match(stdout, /^schema +ok +The schema fits the database: 1 entities\.$/m);
  assert.match(stdout, /^Not ready: 1 error, \d+ warnings?\.$/m);
});

test('setup prepares the databases, changes nothing the second time, and check then ends with 0', async () => {
  const first = await meridian(['setup'], { cwd: folder, env });
  assert.equal(first.status, 0, first.stdout + first.stderr);
  assert.match(first.stdout, /^us +done +Created the publication meridian for 1 tables\.$/m);
  const second = await meridian(['setup', '--json'], { cwd: folder, env });
  assert.equal(second.status, 0);
  assert.deepEqual(
    (JSON.parse(second.stdout) as { steps: { changed: boolean }[] }).steps.filter(({ changed }) => changed),
    [],
  );
  const check = await meridian(['check', '--json'], { cwd: folder, env });
  assert.equal(check.status, 0);
  assert.deepEqual(
    (JSON.parse(check.stdout) as Finding[]).filter(({ severity }) => severity === 'error'),
    [],
  );
});

test('check reports mistakes of the schema by file and line, and regions that do not answer', async () => {
  sdl(SDL.replace('note: String', 'nope: String'));
  const wrong = await meridian(['check'], { cwd: folder, env });
  const setup = await meridian(['setup'], { cwd: folder, env: { ...env, MERIDIAN_PUBLICATION: 'other' } });
  sdl(SDL);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, /^schema +error +items\.graphql:4 .*nope/m);
  assert.equal(setup.status, 1);
  assert.match(
    setup.stderr,
    /^Nothing was changed, since the schema does not fit the database:\n(.*\n)*schema +error +items\.graphql:4 /,
  );
  assert.deepEqual(await set.primary.query(`SELECT FROM pg_publication WHERE pubname = 'other'`), []);
  const away = await meridian(['check'], {
    cwd: folder,
    env: { ...env, DB_URL_EU: 'postgres://postgres:hunter2@127.0.0.1:1/postgres' },
  });
  assert.equal(away.status, 1);
  assert.match(away.stdout, /^eu +error +Its database cannot be reached/m);
  assert.doesNotMatch(away.stdout + away.stderr, /hunter2/);
  const none = await meridian(['check', '--schema', 'nowhere'], { cwd: folder, env });
  assert.match(none.stdout, /^schema +warn +There is no folder nowhere/m);
});

test('start serves a region, with health and metrics, until it gets a signal', async () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const secrets = { MERIDIAN_TOKEN_SECRET: 't'.repeat(32), MERIDIAN_JWT_SECRET: 'j'.repeat(32) };
  const server = spawn(process.execPath, [main, 'start', '--region', 'eu', '--port', '0'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env, ...secrets, MERIDIAN_PROT: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  const lines: Record<string, unknown>[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not serving within ${READY_MS} ms: ${JSON.stringify(lines)}`)),
      READY_MS,
    );
    createInterface(server.stdout).on('line', (line) => {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      lines.push(parsed);
      if (typeof parsed['url'] !== 'string') return;
      clearTimeout(timer);
      resolve(parsed['url']);
    });
  });
  try {
    assert.equal((await fetch(url.replace('/graphql', '/health/ready'))).status, 200);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ item(id: 1) { note } }"}',
    });
    assert.deepEqual(await answer.json(), { data: { item: { note: 'here' } } });
    assert.match(answer.headers.get('consistency-token') ?? '', /^m1\./);
    const metrics = async (): Promise<string> => (await fetch(url.replace('/graphql', '/metrics'))).text();
    assert.match(await metrics(), /^meridian_graphql_operations_total\{type="query"\} 1$/m);
    assert.match(await metrics(), /^process_cpu_seconds_total /m);
    await until('the other region counts as healthy', async () =>
      (await metrics()).includes('meridian_region_status{region="us",status="healthy"} 1'),
    );
  } finally {
    server.kill('SIGTERM');
  }
  assert.deepEqual(await ended, [0, null]);
  assert.ok(
    lines.some(
      ({ level, msg, region }) => level === 'warn' && region === 'eu' && /did you mean MERIDIAN_PORT/.test(String(msg)),
    ),
    'warned of the unknown variable',
  );
  assert.doesNotMatch(JSON.stringify(lines), /tttt|jjjj/);
});
