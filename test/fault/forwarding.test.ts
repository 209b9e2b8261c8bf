/**
 * Proves that mutations from other regions are forwarded as a whole in one round trip, and are answered as in the
 * primary's region.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { request } from 'undici';
import { stacksOf } from '../../src/app/layer.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { SIGNATURE_HEADER } from '../../src/protocol/headers.ts';
import { forwardKeys, sign } from '../../src/forwarding/signature.ts';
import {
  AP,
  ask,
  EU,
  WAN_DELAYS,
  startTestApp,
  TOKEN_SECRET,
  US,
  type Answer,
  type Call,
  type TestApp,
} from '../support/app.ts';
import { NOTES_SDL, NOTES_SQL, notesResolvers } from '../support/notes.ts';
import { counting, until } from '../support/observe.ts';

const RTT_MS = WAN_DELAYS['us-east-1/ap-northeast-1'];
const WIDE_RTT_MS = 300;
const SIX = 'mutation($id: ID!) { sixSteps(id: $id) { statements n region token note { id n text } } }';
const WHO = 'mutation { who { id tenant roles region } }';
interface Six {
  readonly sixSteps: {
    readonly statements: number;
    readonly n: number;
    readonly region: string;
    readonly token: string;
    readonly note: { readonly id: string; readonly n: number; readonly text: string };
  };
}
interface Who {
  readonly who: {
    readonly id: string | null;
    readonly tenant: string | null;
    readonly roles: string[] | null;
    readonly region: string;
  };
}

describe('mutations from other regions', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'notes.graphql', body: NOTES_SDL }],
      sql: NOTES_SQL,
      wan: WAN_DELAYS,
      forwarding: true,
      settings: { viewerSettings: 'app.user_id=id' },
      server: { resolvers: notesResolvers },
    });
    for (const region of [EU, AP]) {
      await until(
        `${region} knows that the primary's server is ready`,
        () => stacksOf(app.server(region).layer).write.serverState(US) === 'ready',
      );
      await app.gql(region, WHO);
    }
  });
  after(async () => app[Symbol.asyncDispose]());

  const wrote = async <D>(region: string, query: string, call?: Call): Promise<Answer<D> & { data: D }> => {
    const answer = await app.gql<D>(region, query, call);
    assert.deepEqual([answer.status, answer.errors], [200, []], query);
    return answer as Answer<D> & { data: D };
  };
  const waysIn = async (region: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await stacksOf(app.server(region).layer).telemetry.metrics.mutations.get()).values.map(({ labels, value }) => [
        String(labels.way),
        value,
      ]),
    );

  it('cross the simulated WAN once, whatever they contain', async () => {
    const before = await waysIn(US);
    const times: number[] = [];
    // So wide that what a busy machine adds is little beside it.
    await app.cluster.setRtt(US, AP, WIDE_RTT_MS);
    for (let i = 0; i < 5; i += 1) {
      const { value, statements } = await counting(app, AP, () => wrote<Six>(AP, SIX, { variables: { id: '1' } }));
      times.push(value.ms);
      assert.deepEqual([statements, value.data.sixSteps.region, value.consistency?.writes], [0, US, 'forwarded']);
    }
    await app.cluster.setRtt(US, AP, RTT_MS);
    const best = Math.min(...times);
    assert.ok(
      best >= WIDE_RTT_MS - 2 && best < 1.6 * WIDE_RTT_MS,
      `${times.map(Math.round).join(', ')} ms at ${WIDE_RTT_MS} ms`,
    );
    assert.deepEqual(
      [(await waysIn(AP))['direct'], (await waysIn(US))['received']],
      [undefined, (before['received'] ?? 0) + 5],
    );
  });

  it('give a token that the next read honours, here and elsewhere', async () => {
    for (const from of [EU, AP]) {
      const { data, token, consistency } = await wrote<Six>(from, SIX, { variables: { id: '2' } });
      assert.deepEqual([consistency?.token, consistency?.level], [token, 'SESSION']);
      // The field's own covers the write; that of the answer what was read behind it as well, and need not be the same.
      for (const one of [token, data.sixSteps.token])
        for (const region of [US, EU, AP])
          assert.equal(
            (await wrote<{ note: { n: number } }>(region, '{ note(id: 2) { n } }', { token: one })).data.note.n,
            data.sixSteps.n,
            `${from} → ${region}`,
          );
    }
    const { token } = await wrote(US, 'mutation { editNote(id: 3, n: 7) { note { n } } }');
    const later = await wrote<{ editNote: { note: { n: number; text: string } } }>(
      AP,
      'mutation { editNote(id: 3) { note { n text } } }',
      { token },
    );
    assert.deepEqual(later.data.editNote.note, { n: 7, text: 'note 3' });
  });

  it("return the same data, errors, paths and details as in the primary's region", async () => {
    const cases: readonly (readonly [string, Call?])[] = [
      ['mutation { who { region } again: who { region } editNote(id: 4, n: 1) { note { id n text } } }'],
      ['mutation { addNote(text: "note 5", n: 1) { note { id } } }'],
      [
        'mutation { editNote(id: 5, n: 2) { note { n } } fails(how: "constraint") after: editNote(id: 5, n: 3) { note { n } } }',
      ],
      ['mutation { fails(how: "graphql") }'],
      ['mutation Missing { editNote(id: 4711, n: 1) { note { id } } }'],
      ['mutation First { who { region } } mutation Second { editNote(id: 6, n: 5) { note { n } } }'],
      ['mutation($id: ID!) { editNote(id: $id, n: 1) { note { id } } }'],
      ['mutation($n: Int) { editNote(id: 7, n: $n) { note { n } } }', { variables: { n: 'many' } }],
      ['mutation { editNote(id: 8, n: 1) { note { nothing } } }'],
      ['mutation @consistent(level: BOUNDED, maxLagMs: -1) { who { region } }'],
      [WHO, { token: 'm1.forged.token' }],
    ];
    for (const [query, call] of cases) {
      const [there, here] = [await app.gql(US, query, call), await app.gql(AP, query, call)];
      assert.deepEqual(
        { status: here.status, data: here.data, errors: here.errors },
        { status: there.status, data: there.data, errors: there.errors },
        query,
      );
    }
    const masked = await app.gql(AP, 'mutation { fails(how: "plain") }');
    assert.deepEqual([masked.errors[0]?.extensions.code, masked.errors[0]?.path], ['INTERNAL_SERVER_ERROR', ['fails']]);
    assert.doesNotMatch(JSON.stringify(masked), /hunter2/);
  });

  it('are refused without crossing the WAN when they are invalid', async () => {
    const before = await waysIn(AP);
    for (const [query, call] of [
      ['mutation { nothing }'],
      ['mutation {'],
      [WHO, { token: 'm1.forged.token' }],
    ] as const) {
      const { errors } = await app.gql(AP, query, call);
      assert.ok(errors.length > 0, query);
    }
    assert.deepEqual(await waysIn(AP), before);
  });

  it('run for the viewer who sent them, and for no other viewer', async () => {
    const authorization = `Bearer ${await app.bearer({ id: '7', tenant: 't1', roles: ['editor'] })}`;
    assert.deepEqual((await wrote<Who>(AP, WHO, { headers: { authorization } })).data.who, {
      id: '7',
      tenant: 't1',
      roles: ['editor'],
      region: US,
    });
    assert.deepEqual((await wrote(AP, 'mutation { asked }', { headers: { authorization } })).data, { asked: '7' });
    assert.deepEqual((await wrote<Who>(AP, WHO)).data.who, { id: null, tenant: null, roles: null, region: US });
    const denied = await app.gql(AP, WHO, { headers: { authorization: 'Bearer x.y.z' } });
    assert.equal(denied.errors[0]?.extensions.code, 'UNAUTHENTICATED');
  });

  it('are accepted only from a server of this graph, and only once', async () => {
    const envelope = JSON.stringify({
      query: WHO,
      operationName: null,
      variables: {},
      extensions: {},
      viewer: { id: '1', tenant: 't1', roles: ['admin'] },
      headers: {},
    });
    const post = async (
      headers: Record<string, string>,
      { to = US, body = envelope }: { readonly to?: string; readonly body?: string } = {},
    ): Promise<readonly [number, string | undefined]> => {
      // `fetch` sends a request again by itself when it is answered with 421.
      const response = await request(new URL('/forward', app.server(to).url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      });
      return [
        response.statusCode,
        ((await response.body.json()) as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code,
      ];
    };
    const received = (await waysIn(US))['received'];
    assert.deepEqual(await post({}), [401, 'UNAUTHENTICATED']);
    assert.deepEqual(await post({ authorization: `Bearer ${app.adminToken}` }), [401, 'UNAUTHENTICATED']);
    assert.deepEqual(
      await post({ [SIGNATURE_HEADER]: `v1 ${Date.now()} ${'A'.repeat(22)} ${AP} ${US} ${'A'.repeat(43)}` }),
      [401, 'UNAUTHENTICATED'],
    );
    assert.equal((await waysIn(US))['received'], received);
    const [key] = forwardKeys([TOKEN_SECRET]);
    assert.ok(key);
    const signed = (to: string): Record<string, string> => ({
      [SIGNATURE_HEADER]: sign({ key, body: envelope, from: AP, to }),
    });
    const good = signed(US);
    assert.deepEqual(await post(good, { body: envelope.replace('"1"', '"2"') }), [401, 'UNAUTHENTICATED']);
    assert.deepEqual(await post(good, { to: EU }), [401, 'UNAUTHENTICATED']);
    assert.deepEqual(
      [await post(good), await post(good)],
      [
        [200, undefined],
        [401, 'UNAUTHENTICATED'],
      ],
    );
    // Where the primary is not, nothing is run, and nothing sent on.
    assert.deepEqual(await post(signed(EU), { to: EU }), [421, 'PRIMARY_UNAVAILABLE']);
    assert.equal((await waysIn(US))['received'], Number(received) + 1);
    assert.equal((await waysIn(EU))['received'], undefined);
    // Headers by which a client might want to pass for somebody else, or for a server, are the client's own and mean
    // nothing.
    const smuggled = await wrote<Who>(AP, WHO, {
      headers: { viewer: envelope, 'x-viewer': '{"id":"1"}', [SIGNATURE_HEADER]: 'v1', 'meridian-answered': '200' },
    });
    assert.equal(smuggled.data.who.id, null);
    const extension = await ask<Who>(app.server(AP).url, WHO, {
      variables: { viewer: { id: '1', tenant: 't1', roles: ['admin'] } },
    });
    assert.equal(extension.data?.who.id, null);
  });

  it('do not take queries with them, which run in their own region', async () => {
    const before = await waysIn(AP);
    const { consistency } = await wrote(AP, '{ note(id: 1) { n } }', { token: '' });
    assert.deepEqual([consistency?.region, consistency?.writes, await waysIn(AP)], [AP, undefined, before]);
  });

  it("name the region in which they ran, in the primary's region too", async () => {
    assert.equal((await wrote(US, 'mutation { editNote(id: 9, n: 1) { note { n } } }')).consistency?.writes, 'local');
  });

  it('continue when their client disconnects', async () => {
    const client = new AbortController();
    const asked = fetch(app.server(AP).url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'mutation { slowly(text: "nobody waits", ms: 300) }' }),
      signal: client.signal,
    });
    setTimeout(() => client.abort(), RTT_MS);
    await assert.rejects(asked);
    await until(
      'it was written',
      async () => (await app.cluster.query(US, `SELECT FROM notes WHERE text = 'nobody waits'`)).length === 1,
    );
  });

  it("use the direct connection while the server in the primary's region is stopped, and are finished by that server before it stops", async () => {
    const underWay = wrote(AP, 'mutation { slowly(text: "taken before the end", ms: 400) }');
    await until(
      'it has arrived',
      async () =>
        (
          await app.cluster.query(
            US,
            `SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'INSERT INTO notes%'`,
          )
        ).length === 1,
    );
    await app.stopServer(US);
    assert.equal((await underWay).consistency?.writes, 'forwarded');
    for (let i = 0; i < 3; i += 1) {
      const { consistency, data } = await wrote<{ editNote: { note: { n: number } } }>(
        AP,
        'mutation($n: Int) { editNote(id: 10, n: $n) { note { n } } }',
        { variables: { n: i } },
      );
      assert.deepEqual([consistency?.writes, data.editNote.note.n], ['direct', i]);
    }
    await app.startServer(US);
    await until(
      'they are forwarded again',
      async () =>
        (await wrote(AP, 'mutation { editNote(id: 10, n: 9) { note { n } } }')).consistency?.writes === 'forwarded',
    );
  });

  it('are not forwarded in a circle when the primary moves', async () => {
    await app.cluster.caughtUp();
    await app.cluster.promote(EU);
    await app.cluster.killPostgres(US);
    // US still thinks that it is the primary's region, or AP that US is: each finds out by itself.
    const { consistency, data } = await until(
      'a mutation succeeds',
      async () => {
        const answer = await app.gql<Six>(AP, SIX, { variables: { id: '11' } });
        return answer.errors.length === 0 && answer.data !== null ? { ...answer, data: answer.data } : null;
      },
      { withinMs: 15_000 },
    );
    assert.ok(['forwarded', 'direct'].includes(consistency?.writes ?? ''));
    await until(
      'AP forwards to EU',
      async () => (await app.gql<Six>(AP, SIX, { variables: { id: '11' } })).data?.sixSteps.region === EU,
      { withinMs: 15_000 },
    );
    const [row] = await app.cluster.query<{ n: number }>(EU, 'SELECT n FROM notes WHERE id = 11');
    assert.ok(Number(row?.n) >= data.sixSteps.n + 6 && Number(row?.n) % 6 === 0, String(row?.n));
    assert.equal((await wrote(EU, 'mutation { editNote(id: 12, n: 1) { note { n } } }')).consistency?.writes, 'local');
    // Nor is a position that a client names, of a write that was lost or never was, taken for the new primary's.
    const [codec, lsn] = [new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4_096 }), toLsn(1n << 60n)];
    const own = [...codec.decode((await wrote<Six>(AP, SIX, { variables: { id: '11' } })).token ?? '').values()][0];
    assert.ok(own);
    const lost = codec.encode(new Map([[own.cluster, { ...own, timeline: own.timeline - 1, lsn }]]));
    assert.deepEqual(
      (await app.gql(AP, SIX, { variables: { id: '11' }, token: lost })).errors.map(
        ({ extensions }) => extensions.code,
      ),
      ['CONSISTENCY_LOST'],
    );
    await app.gql(AP, WHO, { token: codec.encode(new Map([[own.cluster, { ...own, lsn }]])) });
    assert.ok((stacksOf(app.server(AP).layer).health.monitor.primaryLsn ?? lsn) < lsn);
  });
});
