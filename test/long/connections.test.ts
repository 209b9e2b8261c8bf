/**
 * Proves that servers, check and setup reach a database with every form of URL, encrypted and verified as the URL
 * requires, and that their errors contain no password.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createListener, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { messageOf } from '../../src/base/errors.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget, type Finding } from '../../src/postgres/check/finding.ts';
import { PostgresProber } from '../../src/postgres/read/probe.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { closeClient, openClient } from '../../src/postgres/connect/open.ts';
import { ask, TOKEN_SECRET } from '../support/app.ts';
import { POSTGRES_USER } from '../support/binaries.ts';
import { makeCertificates, type Certificates } from '../support/certificates.ts';
import { until } from '../support/observe.ts';
import { freePort } from '../support/ports.ts';
import { startSlowLink } from '../support/slow-link.ts';
import { startReplicaSet, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

const SDL = `
  type Query { note(id: ID!): Note }
  type Note @entity @key(fields: "id") { id: ID! text: String! }
  type Mutation { updateNote(id: ID!, input: NoteInput!): NotePayload! @update }
  input NoteInput { text: String }
  type NotePayload { note: Note token: ConsistencyToken }
`;
const READ = '{ note(id: 1) { text } }';
const ROLE = 'app';
const PASSWORD = 's/e@c:r%t hunter2';
const KEY_PASSWORD = 'of the key hunter2';
const encoded = encodeURIComponent(PASSWORD);
/** An address of this machine that is no loopback, as that of another machine. */
const FAR =
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address ?? null;

describe('connections', () => {
  let set: ReplicaSet;
  let replica: TestServer;
  let certificates: Certificates;
  let folder: string;
  const servers: Runtime[] = [];

  const admit = async (...lines: readonly string[]): Promise<void> => {
    for (const server of [set.primary, ...set.replicas]) {
      // The tests' own role, and the replica's way to its primary.
      writeFileSync(
        join(server.dataDir, 'pg_hba.conf'),
        ['host all,replication postgres 127.0.0.1/32 trust', ...lines, ''].join('\n'),
      );
      await server.query('SELECT pg_reload_conf()');
    }
  };
  const BY_TLS = `hostssl all ${ROLE} all scram-sha-256`;
  const BY_ANY = `host all ${ROLE} all scram-sha-256`;
  const BY_SOCKET = `local all ${ROLE} scram-sha-256`;

  before(async (context) => {
    const made = makeCertificates({ role: ROLE, password: KEY_PASSWORD });
    if (made === null)
      return (context as unknown as { skip(why: string): void }).skip(
        'there is no openssl, and this user may not install it',
      );
    certificates = made;
    folder = mkdtempSync(join(tmpdir(), 'meridian-sockets-'));
    chmodSync(folder, 0o755);
    if (POSTGRES_USER.uid !== undefined) chownSync(folder, POSTGRES_USER.uid, POSTGRES_USER.uid);
    set = await startReplicaSet(1, {
      ssl: 'on',
      ssl_cert_file: made.file('server.crt'),
      ssl_key_file: made.file('server.key'),
      ssl_ca_file: made.file('ca.crt'),
      listen_addresses: `127.0.0.1${FAR === null ? '' : `,${FAR}`}`,
      unix_socket_directories: process.platform === 'linux' ? `${folder},@${folder.slice(1)}` : folder,
    });
    replica = set.replicas[0] as TestServer;
    await set.primary.query(`
      SET password_encryption = 'scram-sha-256';
      CREATE ROLE ${ROLE} LOGIN REPLICATION SUPERUSER PASSWORD '${PASSWORD}';
      CREATE TABLE notes (id integer PRIMARY KEY, text text NOT NULL);
      INSERT INTO notes VALUES (1, 'first')`);
    await replica.caughtUp(await set.primary.position());
  });
  after(async () => {
    await closeAll();
    await set?.[Symbol.asyncDispose]();
    certificates?.[Symbol.dispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const closeAll = async (): Promise<void> =>
    void (await Promise.all(servers.splice(0).map((server) => server.close())));
  const urls = (form: Form): Record<string, string> => ({ us: form(set.primary.port), eu: form(replica.port) });
  const regionsOf = (of: Readonly<Record<string, string>>) =>
    Object.entries(of).map(([name, databaseUrl]) => ({ name, databaseUrl }));
  const target = (of: Readonly<Record<string, string>>): DatabaseTarget => ({
    regions: regionsOf(of),
    tables: [{ schema: 'public', name: 'notes' }],
    options: { ...defaultOptions(), connectMs: 2_000 },
  });
  const start = async (region: string, of: Readonly<Record<string, string>>): Promise<Runtime> => {
    const regions = Object.fromEntries(Object.entries(of).map(([name, databaseUrl]) => [name, { databaseUrl }]));
    const settings = {
      region,
      regions,
      port: 0,
      tokenSecret: TOKEN_SECRET,
      auth: 'none',
      drainMs: 200,
      logLevel: 'silent',
      heartbeatMs: 200,
      probeMs: 100,
      connectMs: 2_000,
      writes: 'direct',
    };
    const server = await createServer({ files: [{ name: 'app.graphql', body: SDL }], settings });
    servers.push(server);
    return server;
  };
  const wrong = (findings: readonly Finding[]): string[] =>
    findings
      .filter(({ severity }) => severity === 'error')
      .map(({ region, what, fix }) => `${region}: ${what} ${fix ?? ''}`);
  /** Whether sessions are encrypted: `true`, `false`, or both. */
  const encryption = async (server: TestServer): Promise<string> =>
    (
      await server.query<{ all: string }>(
        `SELECT string_agg(DISTINCT s.ssl::text, ', ') AS all FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = '${ROLE}'`,
      )
    )[0]?.all ?? '';

  type Form = (port: number) => string;
  const FORMS: readonly {
    readonly name: string;
    readonly form: Form;
    readonly hba: () => string;
    readonly ssl: string;
    readonly env?: Readonly<Record<string, string>>;
  }[] = [
    {
      name: 'a socket as a parameter, with a password',
      form: (port) => `postgres://${ROLE}:${encoded}@/postgres?host=${folder}&port=${port}`,
      hba: () => BY_SOCKET,
      ssl: 'false',
    },
    {
      name: 'a socket as the host, with everything else as parameters',
      form: (port) =>
        `postgresql://${encodeURIComponent(folder)}:${port}?user=${ROLE}&password=${encoded}&dbname=postgres&sslmode=verify-full`,
      hba: () => BY_SOCKET,
      ssl: 'false',
    },
    {
      name: 'name=value pairs, and a password of the environment',
      form: (port) => `host='${folder}' port = ${port} dbname=postgres user=${ROLE}\n`,
      hba: () => BY_SOCKET,
      ssl: 'false',
      env: { PGPASSWORD: PASSWORD },
    },
    {
      name: 'no word of TLS, at a server that takes nothing else',
      form: (port) => `postgres://${ROLE}:${encoded}@localhost:${port}/postgres`,
      hba: () => BY_TLS,
      ssl: 'true',
    },
    {
      name: 'sslmode=verify-full, a file of authorities and an empty password before the host',
      form: (port) =>
        `postgres://${ROLE}:@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=${certificates.file('ca.crt')}&password=${encoded}&channel_binding=require&require_auth=scram-sha-256`,
      hba: () => BY_TLS,
      ssl: 'true',
    },
    {
      name: 'a name and an address, and TLS at once',
      form: (port) =>
        `host=localhost hostaddr=127.0.0.1 port=${port} dbname=postgres user=${ROLE} password='${PASSWORD}' sslmode=verify-full sslrootcert=${certificates.file('ca.crt')} sslnegotiation=direct`,
      hba: () => BY_TLS,
      ssl: 'true',
    },
    {
      name: "a client's certificate in place of a password",
      form: (port) =>
        `postgres://${ROLE}@localhost:${port}/postgres?sslcert=${certificates.file('client.crt')}&sslkey=${certificates.file('locked.key')}&sslpassword=${encodeURIComponent(KEY_PASSWORD)}`,
      hba: () => `hostssl all ${ROLE} all cert`,
      ssl: 'true',
    },
    {
      name: 'several hosts, of which one is the primary',
      hba: () => BY_ANY,
      ssl: 'true',
      form: (port) =>
        `postgres://${ROLE}:${encoded}@${port === replica.port ? `localhost:${port}` : `localhost:${replica.port},localhost:${port}`}/postgres?target_session_attrs=${port === replica.port ? 'standby' : 'primary'}`,
    },
  ];

  for (const { name, form, hba, ssl, env = {} } of FORMS) {
    it(`work from check to replay with ${name}`, async () => {
      await admit(hba());
      const of = urls(form);
      const saved = { ...process.env };
      Object.assign(process.env, env);
      try {
        const { findings } = await setupDatabase(target(of));
        assert.deepEqual(wrong(findings), []);
        assert.deepEqual(wrong(await checkDatabase(target(of))), []);
        const eu = await start('eu', of);
        const text = `by ${name}`;
        assert.equal((await ask<{ note: { text: string } }>(eu.url, READ)).errors.length, 0);
        const headers = { 'idempotency-key': name.replaceAll(/[^a-z]/g, '-') };
        const mutation = `mutation { updateNote(id: 1, input: { text: ${JSON.stringify(text)} }) { note { text } } }`;
        const written = await ask<{ updateNote: { note: unknown } }>(eu.url, mutation, { headers });
        assert.deepEqual([written.errors, written.data?.updateNote.note], [[], { text }]);
        await set.primary.query(`UPDATE notes SET text = 'changed since'`);
        assert.deepEqual(
          (await ask<{ updateNote: { note: unknown } }>(eu.url, mutation, { headers })).data?.updateNote.note,
          { text },
          'the outcome is kept',
        );
        assert.equal((await ask(eu.url, READ, { token: written.token })).errors.length, 0);
        await until(
          'the tail follows',
          async () => (await ask<{ note: { text: string } }>(eu.url, READ)).data?.note.text === 'changed since',
        );
        await until('every region is healthy', () =>
          eu.layer.regionHealth().every(({ status, alerts }) => status === 'healthy' && alerts.length === 0),
        );
        assert.equal(await encryption(replica), ssl);
        assert.equal(await encryption(set.primary), ssl);
      } finally {
        process.env = saved;
        await closeAll();
      }
    });
  }

  /** Opens one connection: whether it is encrypted, or why there is none. */
  const outcome = async (databaseUrl: string): Promise<string> => {
    try {
      const client = await openClient({ databaseUrl, applicationName: 'test', connectMs: 2_000, statementMs: 2_000 });
      try {
        const { rows } = await client.query<{ ssl: boolean }>(
          'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
        );
        return rows[0]?.ssl === true ? 'encrypted' : 'plain';
      } finally {
        await closeClient(client);
      }
    } catch (error) {
      assert.doesNotMatch(`${messageOf(error)} ${String((error as Error).stack)}`, /hunter2/);
      return messageOf(error);
    }
  };
  const at = (host: string, query = ''): string =>
    `postgres://${ROLE}:${encoded}@${host}:${set.primary.port}/postgres${query}`;
  const table = async (cases: readonly (readonly [string, string | RegExp])[]): Promise<void> => {
    for (const [url, wanted] of cases) {
      const found = await outcome(url);
      if (typeof wanted === 'string') assert.equal(found, wanted, url.replaceAll(encoded, '…'));
      else assert.match(found, wanted, url.replaceAll(encoded, '…'));
    }
  };

  it('are encrypted and verified as sslmode requires, at a server that offers TLS', async () => {
    await admit(BY_ANY);
    const [ca, other, revoked] = ['ca.crt', 'other.crt', 'revoked.crl'].map((name) => certificates.file(name));
    await table([
      [at('localhost'), 'encrypted'],
      [at('localhost', '?sslmode=disable'), 'plain'],
      [at('localhost', '?sslmode=allow'), 'plain'],
      [at('localhost', '?sslmode=prefer'), 'encrypted'],
      [at('localhost', '?sslmode=require'), 'encrypted'],
      [at('localhost', '?sslmode=no-verify'), 'encrypted'],
      [at('localhost', '?ssl=true'), 'encrypted'],
      [at('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${ca}`), 'encrypted'],
      [at('localhost', `?sslmode=verify-full&sslrootcert=${ca}`), 'encrypted'],
      [
        at('127.0.0.1', `?sslmode=verify-full&sslrootcert=${ca}`),
        /127\.0\.0\.1 is not in the cert's list|does not match certificate/,
      ],
      [at('localhost', `?sslmode=verify-ca&sslrootcert=${other}`), /unable to verify|self-signed/],
      [at('localhost', `?sslmode=require&sslrootcert=${other}`), /unable to verify|self-signed/],
      [at('localhost', `?sslmode=require&sslrootcert=${ca}`), 'encrypted'],
      [at('localhost', `?sslmode=verify-ca&sslrootcert=${ca}&sslcrl=${revoked}`), /certificate revoked/],
      [at('localhost', '?sslmode=verify-full'), /unable to verify|self-signed/],
      [at('localhost', '?sslrootcert=system'), /unable to verify|self-signed/],
      [at('localhost', '?sslmode=verify-ca'), /sslmode=verify-ca needs the certificate of the authority/],
      // What cannot be verified is given up for plain text, as libpq does: prefer promises nothing.
      [at('localhost', `?sslmode=prefer&sslrootcert=${other}`), 'plain'],
      [at('localhost', '?sslmode=require&ssl_min_protocol_version=TLSv1.3'), 'encrypted'],
      [at('localhost', '?sslmode=require&channel_binding=require'), 'encrypted'],
      [at('localhost', '?sslmode=disable&channel_binding=require'), /channel_binding=require demands/],
      [at('localhost', '?require_auth=!scram-sha-256'), /scram-sha-256, which require_auth refuses/],
      [at('localhost', '?require_auth=md5,none'), /scram-sha-256, which require_auth refuses/],
      [
        `postgres://postgres@127.0.0.1:${set.primary.port}/postgres?require_auth=scram-sha-256`,
        /asks for no authentication, which require_auth refuses/,
      ],
      [
        `postgres://postgres@127.0.0.1:${set.primary.port}/postgres?channel_binding=require`,
        /without the proof that channel_binding=require demands/,
      ],
    ]);
  });

  it('use the other of TLS and plain text if pg_hba.conf refuses the first and sslmode allows it', async () => {
    await admit(BY_TLS);
    await table([
      [at('localhost', '?sslmode=allow'), 'encrypted'],
      [at('localhost', '?sslmode=disable'), /no pg_hba\.conf entry .*no encryption/],
    ]);
    await admit(BY_TLS.replace('hostssl', 'hostnossl'));
    await table([
      [at('localhost'), 'plain'],
      [at('localhost', '?sslmode=require'), /no pg_hba\.conf entry .*SSL encryption/],
    ]);
    await admit();
    await table([[at('localhost'), /^no pg_hba\.conf entry .*SSL encryption$/]]);
  });

  it('are in plain text at a server without TLS only on this machine or if sslmode allows it', async () => {
    await admit(BY_ANY);
    await set.primary.query(`ALTER SYSTEM SET ssl = off`);
    await set.primary.query('SELECT pg_reload_conf()');
    try {
      await until('TLS is off', async () => (await outcome(at('localhost'))) === 'plain');
      const refused =
        /^The server offers no TLS, which this URL demands: turn it on at the server \(ssl = on\), or add sslmode=prefer \(or sslmode=disable\)/;
      await table([
        [at('localhost', '?sslmode=require'), refused],
        [at('localhost', '?sslmode=verify-full'), refused],
        [at('localhost', '?sslnegotiation=direct'), /./],
      ]);
      if (FAR === null) return;
      await table([
        [at(FAR), refused],
        [at(FAR, '?sslmode=prefer'), 'plain'],
        [at(FAR, '?sslmode=disable'), 'plain'],
        [`${at(FAR)}?hostaddr=127.0.0.1`, 'plain'],
      ]);
      const findings = await checkDatabase(target({ us: at(FAR) }));
      assert.match(wrong(findings)[0] ?? '', /^us: .*The server offers no TLS.*sslmode=prefer/);
    } finally {
      await set.primary.query('ALTER SYSTEM RESET ssl');
      await set.primary.query('SELECT pg_reload_conf()');
    }
    await until('TLS is on', async () => (await outcome(at('localhost'))) === 'encrypted');
  });

  it('are reported by check if they leave this machine and are not verified', async (context) => {
    if (FAR === null) return context.skip("this machine has no other address than the loopback's");
    await admit(BY_ANY);
    const told = async (query: string): Promise<string | undefined> =>
      (await checkDatabase(target({ us: at(FAR, query) }))).find(({ what }) => /TLS|plain text|certificate/.test(what))
        ?.what;
    assert.match((await told('')) ?? '', /^The server's certificate is not checked/);
    assert.match((await told('?sslmode=prefer')) ?? '', /plain text/);
    assert.match((await told('?sslmode=disable')) ?? '', /plain text/);
    assert.match((await told(`?sslmode=verify-ca&sslrootcert=${certificates.file('ca.crt')}`)) ?? '', /name/);
    const full = `host=localhost hostaddr=${FAR} port=${set.primary.port} user=${ROLE} password='${PASSWORD}' dbname=postgres sslmode=verify-full sslrootcert=${certificates.file('ca.crt')}`;
    assert.deepEqual(
      (await checkDatabase(target({ us: full }))).filter(
        ({ what, severity }) => severity !== 'ok' && /TLS|plain text|certificate/.test(what),
      ),
      [],
    );
  });

  it('use sockets of every kind, and passwords from a file', async (context) => {
    await admit(BY_SOCKET, BY_ANY);
    const passfile = join(certificates.folder, 'pgpass');
    writeFileSync(passfile, `*:*:postgres:${ROLE}:${PASSWORD.replaceAll(/[:\\]/g, '\\$&')}\n`, { mode: 0o600 });
    const by = (host: string, more = ''): string =>
      `postgres://${ROLE}@/postgres?host=${encodeURIComponent(host)}&port=${set.primary.port}${more}`;
    await table([
      [by(folder, `&passfile=${passfile}`), 'plain'],
      [by('localhost', `&passfile=${passfile}`), 'encrypted'],
      [
        by(folder, `&passfile=${certificates.file('absent')}`),
        /asks for a password, and neither the database URL, PGPASSWORD nor the password file/,
      ],
      [by(folder, '&password=wrong'), /password authentication failed/],
      [by(join(folder, 'absent'), `&passfile=${passfile}`), /ENOENT/],
    ]);
    if (process.platform !== 'linux') return context.skip("abstract sockets are Linux's");
    await table([[by(`@${folder.slice(1)}`, `&passfile=${passfile}`), 'plain']]);
  });

  it('are reported without their password when they fail, in check, at start and in logs', async () => {
    await admit(BY_ANY);
    const bad = [
      at('localhost').replace(encoded, 'hunter2'),
      at('localhost', '?sslrootcert=/none'),
      at('localhost').replace('/postgres', '/absent'),
      at('localhost').replace(String(set.primary.port), String(await freePort())),
    ];
    for (const url of bad) {
      const findings = await checkDatabase(target({ us: url }));
      assert.equal(wrong(findings).length, 1);
      assert.doesNotMatch(JSON.stringify(findings), /hunter2/);
      await assert.rejects(
        start('us', { us: url }),
        (error) =>
          !`${messageOf(error)} ${JSON.stringify(error)} ${String((error as Error).stack)}`.includes('hunter2'),
      );
    }
  });

  it('go to the primary among several hosts, although another host does not answer', async () => {
    await admit(BY_ANY);
    const held: Socket[] = [];
    const hole = createListener((socket) => void held.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
    await new Promise((resolve) => hole.once('listening', resolve));
    const silent = (hole.address() as { port: number }).port;
    const hosts = (...ports: readonly number[]): string =>
      `postgres://${ROLE}:${encoded}@${ports.map((port) => `localhost:${port}`).join(',')}/postgres?target_session_attrs=primary`;
    try {
      const url = hosts(silent, await freePort(), replica.port, set.primary.port);
      const began = performance.now();
      assert.equal(await outcome(url), 'encrypted');
      assert.ok(performance.now() - began >= 2_000, 'the host that does not answer was given its time');
      const again = performance.now();
      assert.equal(await outcome(url), 'encrypted');
      assert.ok(performance.now() - again < 1_500, 'the host that was right is asked first');
      assert.match(
        await outcome(hosts(await freePort(), replica.port)),
        /ECONNREFUSED.*; The server is a replica, where target_session_attrs=primary asks for another/,
      );
      assert.match(
        await outcome(hosts(set.primary.port, replica.port).replace(encoded, 'hunter2')),
        /^password authentication failed/,
      );
      assert.match(await outcome(at('localhost', '?target_session_attrs=standby')), /The server is a primary/);
    } finally {
      for (const socket of held) socket.destroy();
      await new Promise((resolve) => hole.close(resolve));
    }
  });

  it('are found by probes, although opening one takes longer than the limit of a probe', async () => {
    await admit(BY_ANY);
    const link = await startSlowLink(set.primary.port, 300);
    const prober = new PostgresProber(
      new Map([['us', at('localhost').replace(String(set.primary.port), String(link.port))]]),
      { connectMs: 5_000, probeTimeoutMs: 1_000 },
    );
    try {
      await assert.rejects(
        prober.probe('us', AbortSignal.timeout(1_000)),
        (error: Error) => error.name === 'TimeoutError',
      );
      const { role } = await until(
        'a later probe has it',
        () => prober.probe('us', AbortSignal.timeout(1_000)).catch(() => null),
        { withinMs: 10_000 },
      );
      assert.equal(role, 'primary');
    } finally {
      await prober.close();
      await link[Symbol.asyncDispose]();
    }
  });

  it('follow the primary to another of their hosts', async () => {
    await admit(BY_ANY);
    const url = `postgres://${ROLE}:${encoded}@localhost:${set.primary.port},localhost:${replica.port}/postgres?target_session_attrs=read-write`;
    const us = await start('us', { us: url });
    const write = async (text: string): Promise<unknown> =>
      (
        await ask<{ updateNote: { note: unknown } }>(
          us.url,
          `mutation { updateNote(id: 1, input: { text: "${text}" }) { note { text } } }`,
        )
      ).data?.updateNote?.note;
    assert.deepEqual(await write('at the first host'), { text: 'at the first host' });
    await replica.caughtUp(await set.primary.position());
    await set.primary.stop('SIGQUIT');
    await replica.query('SELECT pg_promote()');
    await until(
      'writes go to the new primary',
      async () => JSON.stringify(await write('at the second host')) === '{"text":"at the second host"}',
      { withinMs: 20_000 },
    );
    assert.deepEqual(await replica.query('SELECT text FROM notes'), [{ text: 'at the second host' }]);
    await until(
      'reads and the tail follow',
      async () => {
        await replica.query(`UPDATE notes SET text = 'changed there'`);
        return (await ask<{ note: { text: string } }>(us.url, READ)).data?.note?.text === 'changed there';
      },
      { withinMs: 20_000 },
    );
    await until('the region is healthy', () => us.layer.regionHealth().every(({ status }) => status === 'healthy'), {
      withinMs: 20_000,
    });
  });
});
