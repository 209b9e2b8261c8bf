/**
 * Proves that connection strings are read as libpq reads them, and that no message quotes one. Each line was tried with
 * psql.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DatabaseUrlError, parseDatabaseUrl } from '../../../src/config/database-url.ts';

const READ: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['postgres://', {}],
  ['postgresql://h', { host: 'h' }],
  ['postgres://u:p@h:5433/db', { user: 'u', password: 'p', host: 'h', port: '5433', dbname: 'db' }],
  ['  postgres://h/db\n', { host: 'h', dbname: 'db' }],
  ['postgres://u:@h/db', { user: 'u', host: 'h', dbname: 'db' }],
  ['postgres://:p@h', { password: 'p', host: 'h' }],
  ['postgres://u:p:q@h/a/b', { user: 'u', password: 'p:q', host: 'h', dbname: 'a/b' }],
  [
    'postgres://app:secret@/app?host=/var/run/postgresql',
    { user: 'app', password: 'secret', dbname: 'app', host: '/var/run/postgresql' },
  ],
  ['postgres:///app?host=/s&user=app&password=', { dbname: 'app', host: '/s', user: 'app', password: '' }],
  ['postgres://%2Fvar%2Frun%2Fpostgresql/db', { host: '/var/run/postgresql', dbname: 'db' }],
  ['postgres://%40meridian/db', { host: '@meridian', dbname: 'db' }],
  ['postgres://u%40x:s%2Fe%40c%3Ar%25t@h/d%C3%A9', { user: 'u@x', password: 's/e@c:r%t', host: 'h', dbname: 'dé' }],
  ['postgres://[::1]:5/db', { host: '::1', port: '5', dbname: 'db' }],
  ['postgres://[fe80::1%25eth0]/', { host: 'fe80::1%eth0' }],
  ['postgres://:5433/db', { port: '5433', dbname: 'db' }],
  [
    'postgres://a:1,[::2]:2,c/db?target_session_attrs=primary',
    { host: 'a,::2,c', port: '1,2,', dbname: 'db', target_session_attrs: 'primary' },
  ],
  ['postgres://h/db?host=o&port=99&dbname=e&user=a@b', { host: 'o', port: '99', dbname: 'e', user: 'a@b' }],
  ['postgres://h?dbname=a&dbname=b', { host: 'h', dbname: 'b' }],
  ['postgres://h/db?', { host: 'h', dbname: 'db' }],
  ['postgres://h/db?ssl=true', { host: 'h', dbname: 'db', sslmode: 'require' }],
  [
    'postgres://h/db?ssl=no-verify&uselibpqcompat=true',
    { host: 'h', dbname: 'db', sslmode: 'no-verify', uselibpqcompat: 'true' },
  ],
  ['postgres://h/db?options=-c%20work_mem%3D64MB', { host: 'h', dbname: 'db', options: '-c work_mem=64MB' }],
  ['host=h dbname=d', { host: 'h', dbname: 'd' }],
  ["host = h\n dbname = 'my db' password='it\\'s \\\\ x'", { host: 'h', dbname: 'my db', password: "it's \\ x" }],
  ["host=h dbname=a\\ b user=o'k", { host: 'h', dbname: 'a b', user: "o'k" }],
  ["host=h dbname='' user= password=p=q", { host: 'h', dbname: '', user: 'password=p=q' }],
  ["dbname='a'port=3 port=4", { dbname: 'a', port: '4' }],
  [
    'host=a,b port=1,2 target_session_attrs=read-write',
    { host: 'a,b', port: '1,2', target_session_attrs: 'read-write' },
  ],
  [
    'hostaddr=192.0.2.1,2001:db8::1 target_session_attrs=primary',
    { hostaddr: '192.0.2.1,2001:db8::1', target_session_attrs: 'primary' },
  ],
];

const S = 'hunter2';
const REFUSED: readonly (readonly [string, RegExp])[] = [
  [S, /is no postgres URL; write it as in postgres:/],
  [`mysql://u:${S}@h/d?a=b`, /is no postgres URL/],
  ['postgres://[::1', /host that cannot be read/],
  ['postgres://[]/db', /host that cannot be read/],
  ['postgres://[::1]x', /host that cannot be read/],
  ['postgres://::1/db', /port that is no number/],
  [`postgres://u:a@${S}@h/db`, /an @ in its host or database; percent-encode special characters of the password: %40/],
  [`postgres://u:${S}/x@h/db`, /an @ in its host or database/],
  [`postgres://u:${S}/x`, /port that is no number/],
  [`postgres://u:a@h?${S}=1@h/db`, /has a parameter that libpq does not know/],
  [`postgres://h/%zz${S}`, /percent sign/],
  ['postgres://h/%00', /percent sign/],
  ['postgres://h/%ff', /no UTF-8/],
  ['postgres://h/db?user', /not written as name=value/],
  ['postgres://h/db?user=a=b', /not written as name=value/],
  ['postgres://h/db?&', /not written as name=value/],
  ['postgres://h/db?ssl_mode=require', /has a parameter ssl_mode that libpq does not know; did you mean sslmode\.$/],
  ['postgres://h/db?sslmodus=require', /did you mean sslmode/],
  [
    'postgres://h/db?schema=public',
    /has a parameter schema that libpq does not know; correct or remove it; settings of the session go into options/,
  ],
  ['postgres://h/db?SSLMODE=require', /did you mean sslmode/],
  [
    'postgres://h/db?sslmode=on',
    /sslmode that has a value that libpq does not know; give one of disable, allow, prefer, require, verify-ca, verify-full, no-verify/,
  ],
  ['postgres://h/db?sslmode=', /sslmode that has a value that libpq does not know/],
  ['postgres://h/db?ssl=perhaps', /has a parameter ssl that libpq does not know/],
  [`host=h password=my ${S}`, /cannot be read as name=value pairs; put values with spaces into single quotes/],
  [`host=h password=my ${S}=x`, /has a parameter that libpq does not know/],
  [`host=h password='${S}`, /cannot be read as name=value pairs/],
  ['host=h =x', /cannot be read as name=value pairs/],
  ['host=h port=1,2', /another number of ports than of hosts/],
  ['host=h port=0', /port that is no number from 1 to 65535/],
  ['host=h port=70000', /port that is no number/],
  ['host=a,b hostaddr=192.0.2.1 target_session_attrs=primary', /another number of hosts than of host addresses/],
  ['hostaddr=example.com', /hostaddr that is no network address/],
  ...[
    '',
    '?target_session_attrs=any',
    '?target_session_attrs=prefer-standby',
    '?target_session_attrs=standby',
    '?target_session_attrs=read-only',
  ].map(
    (query) =>
      [
        `postgres://a,b/db${query}`,
        /names several hosts, and does not ask for the primary among them; add target_session_attrs=primary.*two replicas/,
      ] as const,
  ),
  ['postgres://h/db?target_session_attrs=master', /target_session_attrs that has a value that libpq does not know/],
  ['postgres://h/db?load_balance_hosts=random', /random order/],
  ['postgres://h/db?client_encoding=latin1', /client_encoding that is no UTF8/],
  ['postgres://h/db?replication=database', /asks for a replication connection; leave it out/],
  ['postgres://h/db?gssencmode=require', /GSSAPI/],
  ['postgres://h/db?requirepeer=postgres', /who owns the server's process/],
  ['postgres://h/db?require_auth=scram', /a method that libpq does not know/],
  ['postgres://h/db?require_auth=md5,!password', /mixes methods/],
  ['postgres://h/db?connect_timeout=soon', /connect_timeout that is no whole number/],
  ['postgres://h/db?sslcertmode=require', /demands that the server asks for a certificate/],
  ['postgres://h/db?sslrootcert=system&sslmode=require', /sslrootcert=system with another sslmode than verify-full/],
  [
    'postgres://h/db?sslnegotiation=direct&sslmode=prefer',
    /sslnegotiation=direct with an sslmode that may do without TLS/,
  ],
  [
    'postgres://h/db?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2',
    /ssl_min_protocol_version above/,
  ],
  ['postgres://h/db?min_protocol_version=3.2', /a protocol that the driver does not speak/],
  [`postgres://h/db?oauth_client_secret=${S}`, /OAuth/],
  [`postgres://h/db?scram_client_key=${S}`, /give the password/],
  ['postgres://h/db?sslkeylogfile=/tmp/x', /keys of TLS/],
];

/** Known to libpq, and taken. */
const TAKEN = [
  'application_name=a',
  'fallback_application_name=a',
  'connect_timeout=5',
  'client_encoding=auto',
  'client_encoding=UTF8',
  'keepalives=0',
  'keepalives_idle=5',
  'keepalives_interval=5',
  'keepalives_count=5',
  'tcp_user_timeout=5',
  'load_balance_hosts=disable',
  'channel_binding=require',
  'require_auth=scram-sha-256,none',
  'require_auth=!password,!md5',
  'sslcompression=0',
  'sslcert=a',
  'sslkey=a',
  'sslpassword=a',
  'sslcrl=a',
  'sslcrldir=a',
  'sslsni=0',
  'sslcertmode=disable',
  'sslrootcert=system',
  'sslrootcert=system&sslmode=verify-full',
  'sslnegotiation=direct',
  'ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3',
  'gssencmode=disable',
  'krbsrvname=a',
  'gsslib=gssapi',
  'gssdelegation=0',
  'replication=false',
  'min_protocol_version=3.0',
  'max_protocol_version=latest',
  'passfile=a',
  'service=a&servicefile=b',
  'target_session_attrs=prefer-standby',
  'target_session_attrs=standby',
  ...['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'].map(
    (mode) => `sslmode=${mode}`,
  ),
];

describe('a connection string', () => {
  for (const [text, wanted] of READ) {
    it(`is read from ${JSON.stringify(text)}`, () => {
      const found = Object.fromEntries(parseDatabaseUrl(text));
      assert.deepEqual(found, wanted);
    });
  }

  for (const [text, why] of REFUSED) {
    it(`is refused with a sentence where it is ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseDatabaseUrl(text),
        (error) => {
          assert.ok(error instanceof DatabaseUrlError);
          assert.equal(error.code, 'CONFIG_INVALID');
          assert.match(error.message, why);
          assert.doesNotMatch(
            `${error.message}${error.what}${error.fix}${JSON.stringify(error.details)}`,
            new RegExp(S),
          );
          return true;
        },
      );
    });
  }

  it('may have every parameter of libpq that Meridian can honour', () => {
    for (const query of TAKEN) assert.doesNotThrow(() => parseDatabaseUrl(`postgres://h/db?${query}`), query);
  });
});
