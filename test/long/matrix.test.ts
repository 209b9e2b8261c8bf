/**
 * Proves the same application with databases, roles, poolers and URLs of many kinds: each works as an ordinary database
 * does, or is refused in one sentence.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { germanLocale } from '../support/locales.ts';
import { APP, OWNER, startMatrix, TCP, type MatrixPlace } from '../support/matrix/place.ts';
import { forgetSettings, makeDatabase, passRow, serve, targetOf, type MatrixRow } from '../support/matrix/row.ts';
import { oddSettings, unjudgedSettings } from '../support/matrix/user-settings.ts';
import { pgbouncer, startBouncer } from '../support/pgbouncer.ts';

const ORDINARY: MatrixRow = { name: 'ordinary' };

const ENCODINGS: readonly MatrixRow[] = ['LATIN1', 'LATIN9', 'WIN1252', 'EUC_JIS_2004'].map((encoding) => ({
  name: encoding.toLowerCase(),
  encoding,
}));

/** Forms of URLs; each is a row. */
const URLS: readonly MatrixRow[] = [
  {
    name: 'url_tcp',
    url: ({ role, port, database }) => `postgresql://${role}@localhost:${port}/${database}?sslmode=disable`,
  },
  {
    name: 'url_socket',
    url: ({ role, port, database, folder }) =>
      `postgres://${role}@localhost:${port}/${database}?host=${encodeURIComponent(folder)}`,
  },
];

/** As `options` of a URL has them. */
const asOptions = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll('\\', '\\\\').replaceAll(' ', '\\ ')}`)
    .join(' ');

const POOLER =
  /The database is reached through a connection pooler, such as PgBouncer, that .*: values would be read wrong, /;
const DROPPED = 'extra_float_digits, options, statement_timeout, lock_timeout, idle_in_transaction_session_timeout';
const POOLERS: readonly (readonly [name: string, settings: Readonly<Record<string, string>>])[] = [
  ['of sessions', { pool_mode: 'session' }],
  ['of transactions', { pool_mode: 'transaction' }],
  ['of statements', { pool_mode: 'statement' }],
  ['of sessions that drops settings', { pool_mode: 'session', ignore_startup_parameters: DROPPED }],
  ['of transactions that drops settings', { pool_mode: 'transaction', ignore_startup_parameters: DROPPED }],
  ['of statements that drops settings', { pool_mode: 'statement', ignore_startup_parameters: DROPPED }],
];

describe('the matrix of databases', () => {
  let place: MatrixPlace;
  let ordinary: readonly string[] = [];
  let locales: ReadonlySet<string> = new Set();

  before(async () => {
    const german = germanLocale();
    locales = new Set(['C', 'POSIX', ...(german ? ['de_DE.UTF-8'] : [])]);
    place = await startMatrix();
    await makeDatabase(place, ORDINARY);
    ordinary = await passRow(place, ORDINARY);
  });
  after(async () => place?.[Symbol.asyncDispose]());

  const passes = async (row: MatrixRow): Promise<void> => {
    try {
      await makeDatabase(place, row);
      const told = await passRow(place, row);
      // Of all the settings this one is worth a warning, since other programs of that role have it too.
      assert.deepEqual(
        told.filter((one) => !one.startsWith('us warn: synchronous_commit is')),
        ordinary,
      );
    } finally {
      await forgetSettings(place, row);
    }
  };

  it('has a row for every setting that a session may have, or a reason for having none', async () => {
    const rows = await place.set.primary.query<{ name: string }>(`SELECT name FROM pg_settings WHERE context = 'user'`);
    assert.deepEqual(unjudgedSettings(rows.map(({ name }) => name)), []);
  });

  for (const row of [...ENCODINGS, ...URLS]) it(`passes with ${row.name}`, () => passes(row));

  for (const turn of [0, 1, 2]) {
    it(`passes with roles of unusual settings (set of values ${turn})`, () =>
      passes({ name: `roles_${turn}`, roles: oddSettings({ turn, known: place.settings, locales, superuser: true }) }));
    it(`passes with a database of unusual settings (set of values ${turn})`, () =>
      passes({
        name: `defaults_${turn}`,
        defaults: oddSettings({ turn, known: place.settings, locales, superuser: true }),
      }));
  }

  it('passes with URLs of unusual options', () => {
    const options = asOptions(oddSettings({ turn: 0, known: place.settings, locales, superuser: false }));
    return passes({ name: 'url_options', url: (address) => `${TCP(address)}?options=${encodeURIComponent(options)}` });
  });

  /** That check finds it in every region, and that setup and start say it. */
  async function isRefused(row: MatrixRow, sentence: RegExp): Promise<void> {
    const findings = (await checkDatabase(targetOf(place, row, APP))).filter(({ severity }) => severity === 'error');
    for (const region of ['us', 'eu']) {
      const told = findings.filter((finding) => finding.region === region);
      assert.ok(
        told.some(({ what, fix }) => sentence.test(what) && fix !== null),
        JSON.stringify(findings),
      );
    }
    for (const work of [
      () => setupDatabase(targetOf(place, row, OWNER)),
      () => serve(place, row, 'us'),
      () => serve(place, row, 'eu'),
    ]) {
      await assert.rejects(
        work,
        (error: Error) => isMeridianError(error, 'DATABASE_NOT_READY') && sentence.test(error.message),
      );
    }
  }

  it('refuses a database of SQL_ASCII', async () => {
    const row = { name: 'sql_ascii', encoding: 'SQL_ASCII' };
    await makeDatabase(place, row);
    await isRefused(row, /encoding SQL_ASCII/);
  });

  for (const [name, settings] of POOLERS) {
    it(`refuses a pooler ${name}`, async (context) => {
      const program = pgbouncer();
      if (program === null) return context.skip('there is no PgBouncer, and this user may not install one');
      await using us = await startBouncer(program, place.set.primary.port, settings);
      await using eu = await startBouncer(program, place.set.replicas[0]?.port ?? 0, settings);
      const ports = new Map([
        [place.set.primary.port, us.port],
        [place.set.replicas[0]?.port, eu.port],
      ]);
      await isRefused(
        { ...ORDINARY, url: (address) => TCP({ ...address, port: ports.get(address.port) ?? 0 }) },
        POOLER,
      );
    });
  }
});
