/**
 * Proves that servers need no superuser: a role with the rights that `setup --role` grants runs everything, and check
 * names every missing right.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SignJWT } from 'jose';
import { stacksOf } from '../../src/app/layer.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget } from '../../src/postgres/check/finding.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { AP, ask, EU, US, type Answer } from '../support/app.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { until } from '../support/observe.ts';

const PASSWORD = 'correct-horse-battery';
const JWT_SECRET = 'a secret for tests that is long enough';
const WORKSPACE = new URL('../../schema/workspace', import.meta.url).pathname;
const LEVELS = ['EVENTUAL', 'BOUNDED', 'SESSION', 'STRONG', 'SNAPSHOT'];
const TABLES = ['organizations', 'users', 'projects', 'tasks', 'comments'];

describe('a server whose role is no superuser', () => {
  let cluster: TestCluster;
  let target: DatabaseTarget;
  const servers = new Map<string, Runtime>();
  const logged: string[] = [];

  const asApp = (from: string, to: string): string => {
    const url = new URL(cluster.dsnFor(from, to));
    [url.username, url.password] = ['app', PASSWORD];
    return url.href;
  };
  const start = async (region: string): Promise<void> => {
    const telemetry = createTelemetry({ level: 'debug', destination: { write: (line) => void logged.push(line) } });
    const regions = Object.fromEntries(cluster.regions.map(({ name }) => [name, { databaseUrl: asApp(region, name) }]));
    servers.set(
      region,
      await createServer({
        files: readSdlFolder(WORKSPACE),
        telemetry,
        settings: {
          region,
          regions,
          port: 0,
          tokenSecret: 'another secret for tests',
          jwtSecret: JWT_SECRET,
          drainMs: 500,
        },
      }),
    );
  };
  const urlOf = (region: string): string => servers.get(region)?.url ?? '';

  before(async () => {
    cluster = await startTestCluster({
      sql: [
        "SET meridian.scale = '0.05'",
        `${WORKSPACE}/001_schema.sql`,
        `${WORKSPACE}/002_data.sql`,
        `CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'`,
      ],
    });
    target = {
      regions: cluster.regions.map(({ name, dsn }) => ({ name, databaseUrl: dsn })),
      tables: TABLES.map((name) => ({ schema: 'public', name })),
      options: defaultOptions(),
    };
    await setupDatabase({ ...target, role: 'app' });
    await cluster.caughtUp();
    await Promise.all(cluster.regions.map(({ name }) => start(name)));
  });
  after(async () => {
    await Promise.allSettled([...servers.values()].map((server) => server.close()));
    await cluster.stop();
  });

  it('follows changes in every region, reads timelines, and raises no alert', async () => {
    const reports = await until('every region is healthy', () => {
      const all = [...servers.values()].map((server) => server.layer.regionHealth());
      return all.flat().every(({ status }) => status === 'healthy') && all;
    });
    for (const report of reports.flat())
      assert.deepEqual([report.timeline, report.error, report.alerts], [1, null, []], report.region);
    for (const server of servers.values())
      await until('the tail has applied a change', () => stacksOf(server.layer).change.applied.lsn !== null);
  });

  it('writes in one region and reads it in another at every level', async () => {
    const written = await ask(
      urlOf(EU),
      'mutation { updateUser(id: 1, input: { name: "Least" }) { user { name } } createTask(input: { projectId: 1, title: "t" }) { task { id } } addComment(input: { taskId: 1, authorId: 1, body: "b" }) { comment { id } } }',
    );
    assert.deepEqual(written.errors, []);
    for (const level of LEVELS) {
      const seen: Answer<{ user: { name: string } }> = await ask(
        urlOf(AP),
        `query @consistent(level: ${level}) { user(id: 1) { name } organizations { totalCount } }`,
        { token: written.token },
      );
      assert.deepEqual(seen.errors, [], level);
      if (level !== 'EVENTUAL' && level !== 'BOUNDED') assert.equal(seen.data?.user.name, 'Least', level);
    }
  });

  it('reports in check the functions that its role may not call, and setup grants them', async () => {
    const asRole: DatabaseTarget = {
      ...target,
      regions: cluster.regions.map(({ name }) => ({ name, databaseUrl: asApp(name, name) })),
    };
    const errorsOf = async (): Promise<string[]> =>
      (await checkDatabase(asRole))
        .filter(({ severity }) => severity === 'error')
        .map(({ region, what, fix }) => `${region}: ${what} ${fix ?? ''}`);
    assert.deepEqual(await errorsOf(), []);
    await cluster.query(US, 'REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_walfile_name(pg_lsn) FROM PUBLIC');
    await cluster.caughtUp();
    const found = await errorsOf();
    assert.equal(found.length, 3);
    for (const error of found)
      assert.match(
        error,
        /may not call pg_control_system\(\), pg_walfile_name\(pg_lsn\).* GRANT EXECUTE ON FUNCTION pg_control_system\(\), pg_walfile_name\(pg_lsn\) TO "app"/,
      );
    await setupDatabase({ ...target, role: 'app' });
    await cluster.caughtUp();
    assert.deepEqual(await errorsOf(), []);
  });

  it('writes neither password nor token into a log line or an answer, whatever fails', async () => {
    const jwt = await new SignJWT({ roles: ['x'] })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('eve')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(JWT_SECRET));
    const { token } = await ask(urlOf(EU), '{ task(id: 1) { id } }', { token: '' });
    const answers = [
      await ask(urlOf(EU), '{ regionHealth { region } }', { token, headers: { authorization: `Bearer ${jwt}` } }),
      await ask(urlOf(EU), '{ task(id: 1) { id } }', {
        token: `${token?.slice(0, -3)}AAA`,
        headers: { authorization: `Bearer ${jwt.slice(0, -3)}AAA` },
      }),
    ];
    // What the role may no longer do fails with the server's own words inside.
    await cluster.query(US, 'REVOKE UPDATE ON users FROM app');
    answers.push(await ask(urlOf(EU), 'mutation { updateUser(id: 1, input: { name: "SECRET VALUE" }) { token } }'));
    const [health, forged, forbidden] = answers.map(({ errors }) => errors[0]?.extensions.code);
    assert.deepEqual([health, forged, forbidden], ['FORBIDDEN', 'UNAUTHENTICATED', 'FORBIDDEN']);
    const leak = new RegExp(
      [PASSWORD, JWT_SECRET, jwt.slice(0, 30), 'm1\\.[\\w-]{20}', 'SECRET VALUE', 'UPDATE "', 'node_modules'].join('|'),
    );
    for (const { errors } of answers) assert.doesNotMatch(JSON.stringify(errors), leak);
    for (const line of logged) assert.doesNotMatch(line.replace(/"stack":"[^"]*"/g, ''), leak);
  });
});
