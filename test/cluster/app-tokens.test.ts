/**
 * Proves that a token that is damaged, forged, foreign, too long or ahead of the primary leads to a typed error with
 * status 200 and no SQL.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ClusterId, type Position } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { AP, ask, EU, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

const SECRET = 'the secret of this test';
const QUERY = '{ user(id: 1) { name } }';
const WRITE = 'mutation { updateUser(id: 2, input: { bio: "written" }) { token } }';
const STRANGER = 'AAAAAAAA' as ClusterId;

const codec = (secret = SECRET): TokenCodec => new TokenCodec({ secrets: [secret], maxTokenBytes: 4_096 });
const tokenOf = (...positions: readonly Position[]): string =>
  codec().encode(new Map(positions.map((position) => [position.cluster, position]))) ?? '';

describe('a server that is sent tokens over HTTP', () => {
  let app: TestApp;
  /** What a good token names: this cluster's timeline and a position that it has. */
  let here: Position;

  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { tokenSecret: SECRET } });
    const { token } = await app.gql(AP, QUERY);
    [here] = [
      ...codec()
        .decode(token ?? '')
        .values(),
    ] as [Position];
  });
  after(async () => app[Symbol.asyncDispose]());

  /** Asks AP, and demands that the token is refused with `code` and that no statement was sent. */
  const refused = async (token: string, code: string, query = QUERY): Promise<Answer> => {
    const { value, statements } = await counting(app, AP, () => app.gql(AP, query, { token }));
    assert.deepEqual(
      [
        value.status,
        value.data,
        value.errors.map(({ extensions }) => extensions.code),
        value.token,
        value.consistency,
        statements,
      ],
      [200, null, [code], null, null, 0],
      `${token.slice(0, 80)}: ${JSON.stringify(value)}`,
    );
    return value;
  };

  it('sends a statement to the database if the token is valid, so that a refusal is known to send none', async () => {
    const { value, statements } = await counting(app, AP, () => app.gql(AP, QUERY, { token: tokenOf(here) }));
    assert.deepEqual([value.errors, statements], [[], 1]);
  });

  it('refuses a string that is no token', async () => {
    const good = tokenOf(here);
    const [version, payload = '', signature] = good.split('.');
    for (const token of [
      'hello',
      'm1',
      'm1..',
      `m2.${payload}.${signature}`,
      `${version}.${payload}`,
      `${good}.${signature}`,
      `${version}.${payload}.${signature}=`,
      `${version}.${payload}.short`,
      `${good};${good}`,
      `${good},hello`,
      '\\'.repeat(50),
      "'; DROP TABLE users; --",
    ]) {
      await refused(token, 'CONSISTENCY_TOKEN_MALFORMED');
    }
    const { errors } = await refused('hello', 'CONSISTENCY_TOKEN_MALFORMED', WRITE);
    assert.equal(errors[0]?.extensions['retryable'], false);
    const [row] = await app.cluster.query<{ bio: string | null }>(US, 'SELECT bio FROM users WHERE id = 2');
    assert.notEqual(row?.bio, 'written', 'the mutation ran although its token was refused');
  });

  it('refuses tokens that are too long before it looks at them', async () => {
    await refused(`m1.${'A'.repeat(5_000)}.AAAAAAAAAAAAAAAAAAAAAA`, 'CONSISTENCY_TOKEN_MALFORMED');
    await refused(Array.from({ length: 100 }, () => tokenOf(here)).join(','), 'CONSISTENCY_TOKEN_MALFORMED');
  });

  it('refuses tokens that another secret has signed, and tokens with a changed payload', async () => {
    await refused(
      codec('the secret of another graph').encode(new Map([[here.cluster, here]])) ?? '',
      'CONSISTENCY_TOKEN_FORGED',
    );
    const [version, payload = '', signature] = tokenOf(here).split('.');
    for (const at of [0, 9, 20, payload.length - 1]) {
      const changed = payload.slice(0, at) + (payload[at] === 'A' ? 'B' : 'A') + payload.slice(at + 1);
      await refused(`${version}.${changed}.${signature}`, 'CONSISTENCY_TOKEN_FORGED');
    }
    await refused(`${tokenOf(here)},${version}.${payload}.${'A'.repeat(22)}`, 'CONSISTENCY_TOKEN_FORGED');
  });

  it('refuses in the floor header of a gateway what it refuses in the token header, and names the header', async () => {
    const good = tokenOf(here);
    for (const [floor, code] of [
      ['hello', 'MALFORMED'],
      [`${good},hello`, 'MALFORMED'],
      [`m1.${'A'.repeat(5_000)}.AAAAAAAAAAAAAAAAAAAAAA`, 'MALFORMED'],
      [codec('another').encode(new Map([[here.cluster, here]])) ?? '', 'FORGED'],
    ] as const) {
      for (const query of [QUERY, WRITE]) {
        const { value, statements } = await counting(app, AP, () =>
          app.gql(AP, query, { headers: { 'consistency-floor': floor } }),
        );
        assert.deepEqual(
          [value.status, value.data, value.errors.map(({ extensions }) => extensions.code), statements],
          [200, null, [`CONSISTENCY_TOKEN_${code}`], 0],
          floor.slice(0, 60),
        );
        if (code === 'MALFORMED') assert.match(value.errors[0]?.message ?? '', /consistency-floor/);
      }
    }
    const many = Array.from({ length: 130 }, (_, i) => ({
      ...here,
      cluster: Buffer.from([1, 2, 3, 4, 5, i]).toString('base64url') as ClusterId,
    }));
    const { errors } = await app.gql(AP, QUERY, {
      token: tokenOf(...many.slice(0, 100)),
      headers: { 'consistency-floor': tokenOf(...many.slice(50, 130), ...many.slice(0, 20)) },
    });
    assert.deepEqual(
      errors.map(({ extensions }) => extensions.code),
      [],
      'what both name fits',
    );
  });

  it('refuses an invalid level before it looks at tokens', async () => {
    for (const level of [
      '',
      'strong',
      'STRONG; maxLagMs=5',
      'BOUNDED; maxLagMs=99999999999',
      'x'.repeat(10_000),
      'STRONG, SESSION',
    ]) {
      const { value, statements } = await counting(app, AP, () =>
        app.gql(AP, QUERY, { token: tokenOf(here), headers: { 'consistency-level': level } }),
      );
      assert.deepEqual(
        [value.status, value.data, value.errors.map(({ extensions }) => extensions.code), statements],
        [200, null, ['BAD_USER_INPUT'], 0],
        level.slice(0, 40),
      );
    }
  });

  it('returns a token that covers the positions of a gateway, also of other clusters, without unrequested extensions', async () => {
    const { errors, token, consistency } = await app.gql(AP, QUERY, {
      headers: { 'consistency-floor': tokenOf({ ...here, cluster: STRANGER }) },
    });
    assert.deepEqual(
      [
        errors,
        consistency,
        codec()
          .decode(token ?? '')
          .has(STRANGER),
      ],
      [[], null, true],
    );
    const strong = await app.gql(AP, QUERY, {
      headers: { 'consistency-floor': tokenOf(here), 'consistency-level': 'DEFAULT' },
    });
    assert.equal(strong.consistency?.level, 'STRONG');
  });

  it('refuses in every region a position that the primary has never reached', async () => {
    const far = tokenOf({ ...here, lsn: toLsn(here.lsn + (1n << 40n)) });
    const later = tokenOf({ ...here, timeline: here.timeline + 1 });
    for (const token of [far, later]) {
      for (const region of [AP, EU, US]) {
        const { status, data, errors } = await app.gql<{ user: null }>(region, QUERY, { token });
        assert.deepEqual(
          [status, data, errors.map(({ extensions }) => extensions.code)],
          [200, { user: null }, ['CONSISTENCY_TOKEN_FUTURE']],
          `${region}: ${JSON.stringify(errors)}`,
        );
      }
    }
    // By name the client may still ask for whatever there is.
    assert.deepEqual((await app.gql(AP, `query @consistent(level: EVENTUAL) ${QUERY}`, { token: far })).errors, []);
  });

  it("returns the positions of other subgraphs' clusters unchanged", async () => {
    const strange: Position = { cluster: STRANGER, timeline: 3, lsn: toLsn(77n) };
    for (const query of [QUERY, WRITE, '{ __typename }']) {
      const answer = await app.gql(AP, query, { token: `${tokenOf(here)}, ${tokenOf(strange)}` });
      assert.deepEqual(answer.errors, []);
      const positions = codec().decode(answer.token ?? '');
      assert.deepEqual(positions.get(STRANGER), strange);
      assert.ok((positions.get(here.cluster)?.lsn ?? 0n) >= here.lsn);
    }
    // A token of strangers alone is no floor here: what is read is as fresh as without one.
    const alone = await app.gql(AP, QUERY, { token: tokenOf(strange) });
    assert.deepEqual([alone.errors, alone.consistency?.level], [[], 'EVENTUAL']);
  });

  it("refuses positions of unknown clusters if the graph's clusters are listed", async () => {
    const strict = await startStrict(app, here.cluster);
    try {
      const call = (token: string): Call => ({ token });
      assert.deepEqual((await ask(strict.url, QUERY, call(tokenOf(here)))).errors, []);
      const strange: Position = { cluster: STRANGER, timeline: 1, lsn: toLsn(1n) };
      for (const token of [tokenOf(strange), tokenOf(here, strange), `${tokenOf(here)},${tokenOf(strange)}`]) {
        const answer = await ask(strict.url, QUERY, call(token));
        assert.deepEqual(
          [answer.status, answer.data, answer.errors[0]?.extensions.code, answer.errors[0]?.extensions['details']],
          [200, null, 'CONSISTENCY_TOKEN_FOREIGN', { cluster: STRANGER }],
        );
      }
    } finally {
      await strict.close();
    }
  });

  it('counts refusals by code', async () => {
    const metrics = await (await fetch(app.server(AP).url.replace('/graphql', '/metrics'))).text();
    for (const code of ['MALFORMED', 'FORGED', 'FUTURE'])
      assert.match(metrics, new RegExp(`meridian_token_errors_total\\{code="CONSISTENCY_TOKEN_${code}"\\} [1-9]`));
  });
});

/** Another server of AP that knows which clusters the graph has. */
function startStrict(app: TestApp, cluster: ClusterId): Promise<Runtime> {
  const regions = Object.fromEntries(
    app.cluster.regions.map(({ name }) => [name, { databaseUrl: app.cluster.dsnFor(AP, name) }]),
  );
  return createServer({
    settings: { region: AP, regions, port: 0, auth: 'none', tokenSecret: SECRET, tokenClusters: cluster },
    files: readSdlFolder('schema/workspace'),
    telemetry: silentTelemetry(),
  });
}
