/**
 * Proves what a database URL comes to: defaults, environment, files of passwords and services, and which TLS each host
 * gets.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { isMeridianError } from '../../../src/base/errors.ts';
import { clientConfig, loginOf, poolConfig } from '../../../src/postgres/connect/connect.ts';
import { DatabaseClient } from '../../../src/postgres/connect/client.ts';
import { readTarget, type Environment } from '../../../src/postgres/connect/target.ts';
import { modeOf, protectionOf, waysTo } from '../../../src/postgres/connect/tls.ts';
import { TypeParsers } from '../../../src/postgres/types/types.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-urls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const NONE: Environment = {};
const ME = userInfo().username;

describe('the target of a database URL', () => {
  const shape = (url: string, env: Environment = NONE): unknown => {
    const { hosts, user, database } = readTarget(url, env);
    return [hosts.map(({ name, address, port }) => [name, address, port]), user, database];
  };
  const CASES: readonly (readonly [string, Environment, unknown])[] = [
    ['postgres://h', NONE, [[['h', 'h', 5432]], ME, ME]],
    ['postgres://u@h', NONE, [[['h', 'h', 5432]], 'u', 'u']],
    ['postgres://u@h:7/d', NONE, [[['h', 'h', 7]], 'u', 'd']],
    ['postgres://%2Fs:7/d?user=u', NONE, [[['/s', '/s/.s.PGSQL.7', 7]], 'u', 'd']],
    ['host=@s dbname=d user=u', NONE, [[['@s', '\0s/.s.PGSQL.5432', 5432]], 'u', 'd']],
    ['host=h hostaddr=192.0.2.1 dbname=d user=u', NONE, [[['h', '192.0.2.1', 5432]], 'u', 'd']],
    ['hostaddr=::1 dbname=d user=u', NONE, [[['', '::1', 5432]], 'u', 'd']],
    [
      'postgres://u@a,b:7/d?target_session_attrs=primary',
      NONE,
      [
        [
          ['a', 'a', 5432],
          ['b', 'b', 7],
        ],
        'u',
        'd',
      ],
    ],
    [
      'postgres://u@a,b/d?target_session_attrs=primary&port=9',
      NONE,
      [
        [
          ['a', 'a', 9],
          ['b', 'b', 9],
        ],
        'u',
        'd',
      ],
    ],
    // The environment fills what the URL leaves out, and nothing else.
    ['postgres://', { PGHOST: 'e', PGPORT: '8', PGUSER: 'eu', PGDATABASE: 'ed' }, [[['e', 'e', 8]], 'eu', 'ed']],
    [
      'postgres://u@h:7/d',
      { PGHOST: 'e', PGHOSTADDR: '192.0.2.9', PGPORT: '8', PGUSER: 'eu', PGDATABASE: 'ed' },
      [[['h', 'h', 7]], 'u', 'd'],
    ],
    ['postgres://u@h', { PGPORT: '8', PGDATABASE: 'ed' }, [[['h', 'h', 8]], 'u', 'ed']],
    ['postgres://a,b/d?user=u', { PGTARGETSESSIONATTRS: 'primary' }, null],
  ];
  for (const [url, env, wanted] of CASES) {
    it(`is found for ${url} ${JSON.stringify(env)}`, () => {
      if (wanted === null) assert.throws(() => shape(url, env), /names several hosts/);
      else assert.deepEqual(shape(url, env), wanted);
    });
  }

  it('is a socket in a usual folder, else localhost, where no host is named', async () => {
    const port = 49_152 + Math.floor(Math.random() * 10_000);
    assert.deepEqual(shape(`postgres://u@:${port}/d`), [[['localhost', 'localhost', port]], 'u', 'd']);
    const server = createServer().listen(`/tmp/.s.PGSQL.${port}`);
    await new Promise((resolve) => server.once('listening', resolve));
    assert.deepEqual(shape(`postgres://u@:${port}/d`), [[['/tmp', `/tmp/.s.PGSQL.${port}`, port]], 'u', 'd']);
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes the service file before the environment where the URL says nothing', () => {
    const servicefile = file(
      'services',
      '# of the test\n[other]\nhost=wrong\n[mine]\nhost=sh\nport=9\nuser=su\n\n[later]\nhost=wrong\n',
    );
    assert.deepEqual(
      shape(`postgres://?service=mine&servicefile=${encodeURIComponent(servicefile)}&user=u`, {
        PGPORT: '8',
        PGDATABASE: 'ed',
      }),
      [[['sh', 'sh', 9]], 'u', 'ed'],
    );
    assert.deepEqual(shape('postgres://', { PGSERVICE: 'mine', PGSERVICEFILE: servicefile }), [
      [['sh', 'sh', 9]],
      'su',
      'su',
    ]);
    assert.throws(
      () => shape('service=none', { PGSERVICEFILE: servicefile }),
      (error) =>
        isMeridianError(error, 'CONFIG_INVALID') && /service that is in none of .*services/.test(error.message),
    );
    assert.throws(
      () => shape('service=bad', { PGSERVICEFILE: file('bad', '[bad]\nhost = h\n') }),
      /line 2 in .* has no parameter that libpq knows/,
    );
  });

  it('refuses values of the environment as it does those of the URL', () => {
    assert.throws(
      () => shape('postgres://h', { PGSSLMODE: 'on' }),
      (error) =>
        isMeridianError(error, 'CONFIG_INVALID') && /environment variable PGSSLMODE has a value/.test(error.message),
    );
    assert.throws(() => shape('postgres://h', { PGREQUIREPEER: 'postgres' }), /environment variable PGREQUIREPEER/);
    assert.doesNotThrow(() => shape('postgres://h?sslmode=require', { PGSSLMODE: 'on', PGCLIENTENCODING: 'LATIN1' }));
  });

  const passwordOf = (url: string, env: Environment = NONE): string => {
    const target = readTarget(url, env);
    return target.password(target.hosts[0] as (typeof target.hosts)[0]);
  };
  it('takes a password of the URL, else of the environment, else of a password file', () => {
    const passfile = file(
      'pgpass',
      '# comment\nh:5432:d:u\nh:5432:d:u:\nh:5432:d:u:first\n*:7:*:u:a\\:b\\\\c\nlocalhost:5432:d:u:of the socket\n/s:5432:d:u:of a socket\nh:5432:d:u:second\n192.0.2.1:5432:d:u:of the address\n',
    );
    const env = { PGPASSFILE: passfile };
    const table: readonly (readonly [string, Environment, string])[] = [
      ['postgres://u:p@h/d', { ...env, PGPASSWORD: 'e' }, 'p'],
      ['postgres://u@h/d', { ...env, PGPASSWORD: 'e' }, 'e'],
      // An empty one before the host is none; one as a parameter is empty, and then the file is asked.
      ['postgres://u:@h/d', { ...env, PGPASSWORD: 'e' }, 'e'],
      ['postgres://u@h/d?password=', { ...env, PGPASSWORD: 'e' }, 'first'],
      ['postgres://u@h/d', env, 'first'],
      ['postgres://u@elsewhere:7/x', env, 'a:b\\c'],
      ['postgres://u@/d?host=/var/run/postgresql', env, 'of the socket'],
      ['postgres://u@/d?host=/s', env, 'of a socket'],
      ['hostaddr=192.0.2.1 user=u dbname=d', env, 'of the address'],
      ['host=h hostaddr=192.0.2.1 user=u dbname=d', env, 'first'],
      [`postgres://u@h/d?passfile=${encodeURIComponent(passfile)}`, { PGPASSFILE: '/none' }, 'first'],
    ];
    for (const [url, given, wanted] of table) assert.equal(passwordOf(url, given), wanted, url);
    assert.throws(
      () => passwordOf('postgres://other@h/d', env),
      /asks for a password, and neither the database URL, PGPASSWORD nor the password file .*pgpass gives one/,
    );
    assert.throws(() => passwordOf('postgres://u@h/d', { PGPASSFILE: join(folder, 'absent') }), /gives one/);
    assert.throws(
      () => passwordOf('postgres://u@h/d', { PGPASSFILE: file('open', 'h:5432:d:u:p\n', 0o644) }),
      /others may read or write the password file .*chmod 0600/,
    );
  });

  it('is the user of this process where no user is named', () => {
    assert.equal(loginOf('postgres://h/d'), process.env['PGUSER'] ?? ME);
    assert.equal(loginOf('host=h user=o'), 'o');
  });
});

describe('the configuration of a connection', () => {
  const own = { applicationName: 'test', connectMs: 1_000, statementMs: 2, readOnly: true };
  it('never shows the URL or its password', () => {
    const url = 'postgres://u:hunter2@h/d?sslpassword=hunter2';
    const config = poolConfig({ ...own, databaseUrl: url, types: new TypeParsers() });
    const client = new DatabaseClient(clientConfig({ ...own, databaseUrl: url }));
    for (const shown of [
      inspect(config, { depth: 9, showHidden: true }),
      inspect(client, { depth: 9 }),
      JSON.stringify(config),
    ])
      assert.doesNotMatch(shown, /hunter2/);
  });
  it('has a time limit for every host and every address', () => {
    const ms = (databaseUrl: string): number | undefined =>
      poolConfig({ ...own, databaseUrl, types: new TypeParsers() }).connectionTimeoutMillis;
    assert.equal(ms('postgres://h/d?sslmode=require'), 2_000);
    assert.equal(ms('postgres://a,b/d?sslmode=prefer&target_session_attrs=primary'), 5_000);
  });
});

describe('sslmode', () => {
  const way = (url: string): readonly string[] => {
    const { hosts, parameters } = readTarget(url, NONE);
    return hosts.map(
      (host) =>
        `${modeOf(parameters, host)}: ${waysTo(parameters, host)
          .map(({ tls, plainIfNone }) => (tls === null ? 'plain' : plainIfNone ? 'tls if there is any' : 'tls'))
          .join(', ')}; ${protectionOf(parameters, host)}`,
    );
  };
  const TABLE: readonly (readonly [string, string])[] = [
    ['postgres://localhost/d', 'prefer: tls if there is any, plain; local'],
    ['postgres://127.0.0.1/d', 'prefer: tls if there is any, plain; local'],
    ['postgres://[::1]/d', 'prefer: tls if there is any, plain; local'],
    ['host=elsewhere hostaddr=127.0.0.1', 'prefer: tls if there is any, plain; local'],
    ['host=localhost hostaddr=192.0.2.1', 'require: tls; none'],
    ['postgres:///d?host=/s', 'disable: plain; local'],
    ['postgres:///d?host=/s&sslmode=verify-full', 'disable: plain; local'],
    ['postgres://h/d', 'require: tls; none'],
    ['postgres://h/d?sslmode=disable', 'disable: plain; plain text'],
    ['postgres://h/d?sslmode=allow', 'allow: plain, tls; maybe plain text'],
    ['postgres://h/d?sslmode=prefer', 'prefer: tls if there is any, plain; maybe plain text'],
    ['postgres://h/d?sslmode=require', 'require: tls; none'],
    ['postgres://h/d?sslmode=require&sslrootcert=/ca.crt', 'require: tls; chain'],
    ['postgres://h/d?sslmode=no-verify&sslrootcert=/ca.crt', 'no-verify: tls; none'],
    ['postgres://h/d?sslmode=verify-ca&sslrootcert=/ca.crt', 'verify-ca: tls; chain'],
    ['postgres://h/d?sslmode=verify-full', 'verify-full: tls; host'],
    ['postgres://h/d?sslrootcert=system', 'verify-full: tls; host'],
    ['postgres://localhost/d?sslnegotiation=direct', 'require: tls; local'],
  ];
  for (const [url, wanted] of TABLE) it(`is ${wanted} for ${url}`, () => assert.deepEqual(way(url), [wanted]));

  const settings = (url: string) => {
    const {
      hosts: [host],
      parameters,
    } = readTarget(url, NONE);
    return host && waysTo(parameters, host)[0]?.tls?.();
  };
  it("checks a certificate against the operating system's and Node.js's authorities where it must check it and no file is named", () => {
    for (const query of ['sslmode=verify-full', 'sslrootcert=system'])
      assert.equal(settings(`postgres://h/d?${query}`)?.verifies, true);
    assert.equal(settings('postgres://h/d')?.verifies, false);
    assert.throws(
      () => settings('postgres://h/d?sslmode=verify-ca'),
      /sslmode=verify-ca needs the certificate of the authority .*sslrootcert/,
    );
    assert.throws(() => settings('hostaddr=192.0.2.1 sslmode=verify-full'), /needs the name of the host/);
  });
  it('tells which file it cannot use', () => {
    const broken = file('broken.pem', 'no certificate');
    assert.throws(
      () => settings('postgres://h/d?sslrootcert=/none.crt'),
      /The file \/none\.crt \(sslrootcert\) cannot be read \(ENOENT\)/,
    );
    assert.throws(() => settings('postgres://h/d?sslcert=/none.crt'), /\/none\.crt \(sslcert\)/);
    assert.throws(() => settings(`postgres://h/d?sslcert=${broken}&sslkey=/none.key`), /\/none\.key \(sslkey\)/);
    assert.throws(() => settings('postgres://h/d?sslcrldir=/none'), /folder \/none \(sslcrldir\)/);
    assert.throws(
      () => settings(`postgres://h/d?sslcert=${broken}&sslkey=${broken}&sslpassword=hunter2`),
      (error: Error) => /cannot be used/.test(error.message) && !/hunter2/.test(error.message),
    );
  });
  it('names the host to the server, unless it is an address or this is not wanted', () => {
    assert.equal(settings('postgres://h/d')?.servername, 'h');
    assert.equal(settings('postgres://192.0.2.1/d')?.servername, undefined);
    assert.equal(settings('postgres://h/d?sslsni=0')?.servername, undefined);
  });
});
