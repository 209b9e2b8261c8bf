/** Proves that check reports row-level security policies that are never applied, with the reason and what to do. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { checkSecurity } from '../../src/postgres/check/security.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

let server: ScratchPostgres;
let client: pg.Client;

before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
  await client.query(`
    CREATE ROLE app LOGIN; CREATE ROLE viewer; CREATE ROLE passer LOGIN BYPASSRLS; CREATE ROLE stranger;
    GRANT viewer TO app;
    CREATE TABLE guarded (id bigint PRIMARY KEY, tenant text); CREATE TABLE idle (id bigint PRIMARY KEY); CREATE TABLE closed (id bigint PRIMARY KEY); CREATE TABLE plain (id bigint PRIMARY KEY);
    CREATE TABLE owned (id bigint PRIMARY KEY); ALTER TABLE owned OWNER TO app;
    CREATE VIEW loose AS SELECT * FROM guarded; CREATE VIEW strict WITH (security_invoker = true) AS SELECT * FROM guarded;
    CREATE POLICY mine ON guarded USING (tenant = current_setting('app.tenant', true)); CREATE POLICY p ON idle USING (true); CREATE POLICY p ON owned USING (true);
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE closed ENABLE ROW LEVEL SECURITY; ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
    GRANT SELECT ON guarded, idle, closed, plain, owned, loose, strict TO app, passer;
    GRANT SELECT ON guarded, idle TO viewer`);
});
after(() => server[Symbol.asyncDispose]());

async function said(user: string, viewerSettings: string, tables: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  const databaseUrl = `postgres://${user}@127.0.0.1:${client.port}/postgres`;
  await checkSecurity(
    {
      databaseUrl,
      viewerSettings,
      connectMs: 10_000,
      statementMs: 10_000,
      tables: tables.map((name) => ({ schema: 'public', name })),
    },
    (severity, what, fix) => {
      if (severity !== 'ok') assert.ok(fix && fix.length > 10, what);
      lines.push(`${severity}: ${what}`);
    },
  );
  return lines;
}

test('check names policies that are never applied, with the reason', async () => {
  assert.deepEqual(await said('postgres', '', ['guarded', 'plain']), [
    'warn: The policies of public.guarded are never asked: the role postgres is a superuser.',
  ]);
  assert.deepEqual(await said('passer', '', ['guarded', 'idle']), [
    'warn: The policies of public.idle are never asked: row-level security is not enabled there.',
    'warn: The policies of public.guarded are never asked: the role passer has BYPASSRLS.',
  ]);
  assert.deepEqual(await said('app', 'app.tenant=tenant', ['guarded', 'owned']), [
    'warn: The policies of public.owned are never asked: the role app owns the tables.',
    'ok: Row-level security holds for the role app on public.guarded.',
  ]);
  assert.deepEqual(await said('app', '', ['closed']), [
    'warn: Nobody sees a row of public.closed: row-level security is enabled there, and there is no policy.',
  ]);
});

test('check warns if the policies are not told which viewer reads', async () => {
  assert.match(
    (await said('app', '', ['guarded'])).join(),
    /^warn: Row-level security holds on public.guarded, and the database is not told who the viewer is/,
  );
  assert.match(
    (await said('app', 'app.tenant=tenant', ['plain'])).join(),
    /^warn: viewerSettings carry the viewer into the database, where no policy/,
  );
  assert.match(
    (await said('app', 'app.tenant=tenant', ['guarded', 'loose', 'strict'])).join('\n'),
    /^ok: .*\nwarn: public.loose: what a view shows is decided by the rights of its owner/,
  );
});

test('check looks at the role that viewerSettings names', async () => {
  assert.deepEqual(await said('app', 'app.tenant=tenant,role:viewer', ['guarded']), [
    'ok: Row-level security holds for the role viewer on public.guarded.',
  ]);
  assert.deepEqual(await said('postgres', 'app.tenant=tenant,role:viewer', ['guarded']), [
    'ok: Row-level security holds for the role viewer on public.guarded.',
  ]);
  assert.match(
    (await said('app', 'role:viewer', ['guarded', 'plain'])).join('\n'),
    /^error: The role viewer, which viewerSettings names, may not read public.plain/,
  );
  for (const role of ['stranger', 'nobody'])
    assert.match(
      (await said('app', `role:${role}`, ['guarded'])).join(),
      new RegExp(`^error: The role ${role}, which viewerSettings names, cannot be taken on`),
    );
});

test('check reports nothing about policies if a database has none', async () => {
  assert.deepEqual(await said('app', '', ['plain', 'loose']), []);
});
