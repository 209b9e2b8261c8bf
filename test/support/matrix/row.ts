/**
 * Owns what each row of the matrix goes through: setup, check, start, reading, writing, what somebody else writes, and
 * a request that is sent twice.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { createServer, createTelemetry, type Runtime } from '../../../src/index.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { checkDatabase } from '../../../src/postgres/check/check.ts';
import { type DatabaseTarget, type Finding } from '../../../src/postgres/check/finding.ts';
import { setupDatabase } from '../../../src/postgres/setup/setup.ts';
import { ask, TOKEN_SECRET, type Answer } from '../app.ts';
import { until } from '../observe.ts';
import { FIELDS, ITEM, KEPT, LABEL, PROBES, resolvers, SDL, SQL, TABLES } from './application.ts';
import { APP, OWNER, TCP, type Address, type MatrixPlace } from './place.ts';

const PATIENCE = { withinMs: 20_000 };

export interface MatrixRow {
  /** Of the database: lower-case letters, digits and `_`. */
  readonly name: string;
  /** How servers, check and setup are told where a database is; default TCP. */
  readonly url?: (address: Address) => string;
  /** Of the database; default UTF8. */
  readonly encoding?: string;
  /** What roles have as their defaults, before anything else is done. */
  readonly roles?: Readonly<Record<string, string>>;
  /** What the database has as its defaults. */
  readonly defaults?: Readonly<Record<string, string>>;
  /** Regions whose servers follow changes, and so cache; default both. */
  readonly caching?: readonly string[];
}

interface Session {
  readonly place: MatrixPlace;
  readonly row: MatrixRow;
  readonly us: Runtime;
  readonly eu: Runtime;
}

type Data = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

const literal = (value: string): string => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function settingsSql(what: string, settings: Readonly<Record<string, string>> = {}): readonly string[] {
  // Lists of names are written as such.
  const text = (name: string, value: string): string =>
    ['search_path', 'temp_tablespaces'].includes(name) && value !== '' ? value : literal(value);
  return Object.entries(settings).map(([name, value]) => `ALTER ${what} SET ${name} = ${text(name, value)}`);
}

/** Makes the row's database, and gives what it is reached by. */
export async function makeDatabase(
  place: MatrixPlace,
  { name, encoding = 'UTF8', roles, defaults }: MatrixRow,
): Promise<void> {
  const { primary } = place.set;
  await primary.query(
    `CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' OWNER ${OWNER} TEMPLATE template0`,
  );
  await place.run({ database: name, role: OWNER }, SQL);
  for (const sql of [
    ...settingsSql(`ROLE ${APP}`, roles),
    ...settingsSql(`ROLE ${OWNER}`, roles),
    ...settingsSql(`DATABASE ${name}`, defaults),
  ])
    await primary.query(sql);
  await place.caughtUp();
}

export async function forgetSettings(place: MatrixPlace, { name }: MatrixRow): Promise<void> {
  for (const role of [APP, OWNER]) await place.set.primary.query(`ALTER ROLE ${role} RESET ALL`);
  await place.set.primary.query(`ALTER DATABASE ${name} RESET ALL`);
  await place.caughtUp();
}

export function targetOf({ set, folder }: MatrixPlace, { name, url = TCP }: MatrixRow, role: string): DatabaseTarget {
  const servers = [
    ['us', set.primary],
    ['eu', set.replicas[0] ?? assert.fail('no replica')],
  ] as const;
  const regions = servers.map(([region, { port }]) => ({
    name: region,
    databaseUrl: url({ port, folder, database: name, role }),
  }));
  return { regions, tables: TABLES, kept: KEPT, options: defaultOptions({ slotName: name }) };
}

export async function serve(place: MatrixPlace, row: MatrixRow, region: string): Promise<Runtime> {
  const regions = Object.fromEntries(
    targetOf(place, row, APP).regions.map(({ name, databaseUrl }) => [name, { databaseUrl }]),
  );
  const settings = {
    region,
    regions,
    port: 0,
    tokenSecret: TOKEN_SECRET,
    auth: 'none',
    slotName: row.name,
    drainMs: 200,
    heartbeatMs: 200,
    probeMs: 100,
    writes: 'direct',
  };
  const telemetry = createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } });
  return createServer({ files: [{ name: 'matrix.graphql', body: SDL }], resolvers, telemetry, settings });
}

/** What is not as it should be, without the row's own name. */
export const toldOf = (findings: readonly Finding[], { name }: MatrixRow): readonly string[] =>
  findings
    .filter(({ severity }) => severity !== 'ok')
    .map(({ region, severity, what }) => `${region} ${severity}: ${what.replaceAll(name, 'name')}`)
    .sort();

/** Goes through all of it, and gives what check tells. */
export async function passRow(place: MatrixPlace, row: MatrixRow): Promise<readonly string[]> {
  const first = await setupDatabase({ ...targetOf(place, row, OWNER), role: APP });
  assert.deepEqual(
    first.findings.filter(({ severity }) => severity === 'error'),
    [],
    'setup',
  );
  const second = await setupDatabase(targetOf(place, row, OWNER));
  assert.deepEqual(
    second.steps.filter(({ changed }) => changed),
    [],
    'setup, the second time',
  );
  await place.caughtUp();
  const told = toldOf(await checkDatabase(targetOf(place, row, APP)), row);
  assert.deepEqual(
    told.filter((one) => one.includes(' error: ')),
    [],
    'check',
  );

  await using stack = new AsyncDisposableStack();
  const [us, eu] = (await Promise.all(
    ['us', 'eu'].map(async (region) => {
      const server = await serve(place, row, region);
      stack.defer(() => server.close());
      return server;
    }),
  )) as [Runtime, Runtime];
  const session: Session = { place, row, us, eu };
  await reads(session, await creates(session));
  await follows(session);
  await replays(session);
  await conflicts(session);
  await until(
    'every region is healthy, with nothing to tell',
    () =>
      [us, eu].every((server) =>
        server.layer.regionHealth().every(({ status, alerts }) => status === 'healthy' && alerts.length === 0),
      ),
    PATIENCE,
  );
  return told;
}

async function asked(
  server: Runtime,
  query: string,
  call: Parameters<typeof ask>[2] = {},
): Promise<Answer<Data> & { readonly data: Data }> {
  const answer = await ask<Data>(server.url, query, { token: '', ...call });
  assert.deepEqual(answer.errors, [], query);
  return answer as Answer<Data> & { readonly data: Data };
}

const CREATE = `mutation ($input: NewItem!) { createItem(input: $input) { item { ${FIELDS} } } }`;
const itemOf = ({ data }: { readonly data: Data }, field: string): Readonly<Record<string, unknown>> => {
  const payload = data[field]?.['item'] as Readonly<Record<string, unknown>> | undefined;
  return payload ?? assert.fail(`${field} shows no item`);
};

/** Written from the region that is away from the primary; gives the write's token. */
async function creates({ eu }: Session): Promise<string | null> {
  const answer = await asked(eu, CREATE, { variables: { input: ITEM } });
  assert.deepEqual(itemOf(answer, 'createItem'), { id: '1', ...ITEM, version: 1 });
  return answer.token;
}

async function reads({ us, eu, place, row }: Session, token: string | null): Promise<void> {
  for (const server of [eu, us]) {
    assert.deepEqual((await asked(server, `{ item(id: 1) { ${FIELDS} } }`, { token })).data, {
      item: { id: '1', ...ITEM, version: 1 },
    });
    const { data } = await asked(server, '{ probe shown: secret(id: 1) { text } hidden: secret(id: 2) { text } }', {
      token,
    });
    assert.deepEqual(
      JSON.parse(data['probe'] as unknown as string),
      PROBES.map(([, answer]) => answer),
    );
    assert.deepEqual([data['shown'], data['hidden']], [{ text: 'shown' }, null]);
    await assert.rejects(server.layer.read('UPDATE items SET n = 0'), /only reading is allowed/);
  }
  const rows = await place.run({ database: row.name, role: 'postgres' }, 'SELECT count(*)::int AS n FROM items');
  assert.deepEqual(rows, [{ n: 1 }]);
}

/** Whoever writes past Meridian has the same defaults; what would keep them from writing at all is taken back. */
const BESIDE = [
  'SET default_transaction_read_only = off',
  'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
  'SET idle_session_timeout = 0; SET client_min_messages = error; SET xmloption = content',
];

async function follows({ place, row, us, eu }: Session): Promise<void> {
  const query = '{ item(id: 1) { label n version } }';
  const { caching = ['us', 'eu'] } = row;
  for (const server of [us, eu].filter((_, i) => caching.includes(['us', 'eu'][i] ?? ''))) {
    await until(
      'the cache answers',
      async () => (await asked(server, query)).consistency?.servedBy.cache === 1,
      PATIENCE,
    );
  }
  await place.run(
    { database: row.name, role: OWNER },
    ...BESIDE,
    `UPDATE public.items SET n = 8, version = 2, label = label || ${literal(' ü')}`,
  );
  const { token } = await asked(us, '{ item(id: 1) @consistent(level: STRONG) { n } }');
  const changed = { item: { label: `${LABEL} ü`, n: 8, version: 2 } };
  for (const server of [eu, us]) {
    assert.deepEqual((await asked(server, query, { token })).data, changed);
    await until(
      'it is so without a token',
      async () => isDeepStrictEqual((await asked(server, query)).data, changed),
      PATIENCE,
    );
  }
}

async function replays({ us, eu }: Session): Promise<void> {
  const key = (name: string): Record<string, string> => ({ 'idempotency-key': name });
  const created = await asked(eu, CREATE, { variables: { input: ITEM }, headers: key('create') });
  for (const server of [eu, us])
    assert.deepEqual(
      (await asked(server, CREATE, { variables: { input: ITEM }, headers: key('create') })).data,
      created.data,
    );
  assert.deepEqual(itemOf(created, 'createItem'), { id: '2', ...ITEM, version: 1 });
  const bumped = await asked(us, 'mutation { bump(id: 1) }', { headers: key('bump') });
  assert.deepEqual(
    [bumped.data, (await asked(eu, 'mutation { bump(id: 1) }', { headers: key('bump') })).data],
    [{ bump: 9 }, { bump: 9 }],
  );
  const missing = { headers: key('missing') };
  for (const server of [us, eu, us]) {
    const { errors } = await ask(
      server.url,
      'mutation { updateItem(id: 99, input: { n: 1 }) { item { id } } }',
      missing,
    );
    assert.equal(errors[0]?.extensions.code, 'NOT_FOUND', JSON.stringify(errors));
  }
}

/** From older versions of rows, which a session of somebody else's has replaced or removed. */
async function conflicts({ place, row, us, eu }: Session): Promise<void> {
  const refused = await ask(
    eu.url,
    'mutation { updateSecret(id: 1, expectedVersion: 7, input: { text: "x" }) { secret { id } } }',
  );
  assert.equal(refused.errors[0]?.extensions.code, 'CONFLICT', JSON.stringify(refused));
  assert.deepEqual(
    (await asked(eu, 'mutation { putSecret(input: { id: 1, text: "put" }) { secret { text version } } }')).data,
    { putSecret: { secret: { text: 'put', version: 2 } } },
  );
  const doubled = await ask(us.url, 'mutation { updateSecret(id: 2, input: { text: "x" }) { secret { id } } }');
  assert.equal(doubled.errors[0]?.extensions.code, 'NOT_FOUND', JSON.stringify(doubled));

  const update = `mutation ($id: ID!, $seen: Int, $input: ItemInput!) {
      updateItem(id: $id, expectedVersion: $seen, input: $input) { item { id label n version maybe } } }`;
  // Version 1 was replaced by somebody's own session; `n` and `label` have changed since, `maybe` has not.
  const merged = await asked(eu, update, { variables: { id: 1, seen: 1, input: { maybe: LABEL } } });
  assert.deepEqual(itemOf(merged, 'updateItem'), { id: '1', label: `${LABEL} ü`, n: 9, version: 4, maybe: LABEL });
  await place.run({ database: row.name, role: OWNER }, ...BESIDE, `DELETE FROM public.items WHERE id = 2`);
  await asked(eu, update, { variables: { id: 2, seen: 1, input: { n: 10 } } });
  const { data } = await asked(us, `{ item(id: 2) @consistent(level: STRONG) { ${FIELDS} } }`);
  assert.deepEqual(data['item'], { id: '2', ...ITEM, n: 10, version: 2 });
  // What no field shows was restored as well.
  assert.deepEqual(
    await place.run(
      { database: row.name, role: 'postgres' },
      `SELECT encode(bin, 'hex') AS bin FROM items WHERE id = 2`,
    ),
    [{ bin: '005cff27' }],
  );
  const gone = await asked(us, 'mutation { deleteItem(id: 2) { item { label } } }');
  assert.deepEqual(itemOf(gone, 'deleteItem'), { label: LABEL });
}
