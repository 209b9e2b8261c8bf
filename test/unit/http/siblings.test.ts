/**
 * Tests of questions to other subgraphs' servers over real HTTP: what is sent, what is believed, and that none takes
 * longer or more than it may.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { regionHealthQuestion } from '../../../src/http/sibling-answers.ts';
import { Siblings, type Asker, type SiblingsOptions } from '../../../src/http/siblings.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { startReceiver, type Receiver, type Reply } from '../../support/http.ts';

const LIMITS: SiblingsOptions['limits'] = { siblingMs: 10_000, siblingBytes: 20_000, siblingQuestions: 8 };
const ASKER: Asker = {
  headers: { authorization: 'Bearer x.y.z', traceparent: '00-1-2-01' },
  token: 'm1.token.x',
  signal: undefined,
};
const REGION = {
  region: 'us-east-1',
  subgraph: 'work',
  cluster: 'AAAAAAAA',
  role: 'PRIMARY',
  status: 'HEALTHY',
  databaseHealthy: true,
  cacheHealthy: null,
  cache: null,
  serverHealthy: true,
  replicationLagMs: 0,
  replicationLagBytes: '0',
  replayLsn: '0/16',
  timeline: 1,
  rttMs: 0.4,
  alerts: [{ kind: 'LAG', message: 'late', since: '2026-01-31T09:30:00.000Z' }],
  error: null,
};
const answering = (rows: unknown): Reply => ({ body: JSON.stringify({ data: { regionHealth: rows } }) });

const QUESTION = regionHealthQuestion('regionHealth');

describe('questions to other subgraphs', () => {
  let receiver: Receiver;
  let reply: (index: number) => Reply;
  before(async () => {
    receiver = await startReceiver((_request, index) => reply(index));
  });
  beforeEach(() => {
    reply = () => answering([REGION]);
  });
  after(() => receiver[Symbol.asyncDispose]());

  const siblings = (
    urls: Readonly<Record<string, string>> = { work: receiver.url },
    limits: Partial<SiblingsOptions['limits']> = {},
  ): Siblings =>
    new Siblings({
      self: 'accounts',
      urls: new Map(Object.entries(urls)),
      limits: { ...LIMITS, ...limits },
      fields: { regionHealth: 'regionHealth', conflicts: 'conflicts' },
      log: silentTelemetry().log,
    });
  /** The one sibling's rows, or why there are none. */
  const told = async (from: Siblings = siblings()): Promise<unknown> => {
    const [{ answer } = { answer: null }] = await from.regionHealth(ASKER);
    return answer?.ok ? answer.rows : answer?.why;
  };

  it("go out with the viewer's credentials and the trace, say who asks, and ask for everything that is read", async () => {
    const from = receiver.received.length;
    assert.deepEqual(await told(), [REGION]);
    const { headers, body, method } = receiver.received[from] ?? assert.fail();
    assert.deepEqual(
      [
        method,
        headers.authorization,
        headers['traceparent'],
        headers['meridian-sibling'],
        headers['consistency-token'],
      ],
      ['POST', 'Bearer x.y.z', '00-1-2-01', 'accounts', undefined],
    );
    assert.equal((JSON.parse(body) as { query: string }).query, QUESTION.query);
    assert.match(
      QUESTION.query,
      /^query \{ regionHealth \{ region subgraph cluster .*cache \{ servers .* operationBytes \} .*alerts \{ kind message since \} error \} \}$/,
    );
  });

  it('give a server without a name the one by which it is known, and believe none that has another', async () => {
    reply = () => answering([{ ...REGION, subgraph: null }]);
    assert.deepEqual(await told(), [REGION]);
    reply = () => answering([{ ...REGION, subgraph: 'accounts' }]);
    assert.equal(await told(), 'says that it is subgraph "accounts": correct siblings');
  });

  it('do not go to the subgraph that asks', async () => {
    const from = receiver.received.length;
    assert.deepEqual(await siblings({ accounts: receiver.url }).regionHealth(ASKER), []);
    assert.equal(receiver.received.length, from);
  });

  it('are not answered where the answer has another form', async () => {
    const garbage: readonly (readonly [Reply, string])[] = [
      [{ body: 'hello' }, 'answered what no server of this version answers'],
      [{ body: 'null' }, 'answered what no server of this version answers'],
      [{ body: '{"data":{"regionHealth":null}}' }, 'answered what no server of this version answers'],
      [answering([]), 'answered what no server of this version answers'],
      [answering([{ ...REGION, status: 'FINE' }]), 'answered what no server of this version answers'],
      [answering([{ ...REGION, timeline: 2 ** 40 }]), 'answered what no server of this version answers'],
      [
        answering([{ ...REGION, alerts: [{ kind: 'LAG', message: '', since: 'yesterday' }] }]),
        'answered what no server of this version answers',
      ],
      [{ status: 502, body: '<html>' }, 'answered with status 502'],
      [
        {
          body: JSON.stringify({
            data: null,
            errors: [{ message: 'For administrators.', extensions: { code: 'FORBIDDEN' } }],
          }),
        },
        'refused: For administrators.',
      ],
      [answering([{ ...REGION, error: 'x'.repeat(30_000) }]), 'answered more than siblingBytes'],
    ];
    for (const [answer, why] of garbage) {
      reply = () => answer;
      assert.equal(await told(), why);
    }
    assert.equal(await told(siblings({ work: 'http://127.0.0.1:1/graphql' })), 'cannot be reached');
  });

  it('end at their time limit also where the answer has begun', async () => {
    const server = createServer(
      (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"data":'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const began = performance.now();
      assert.equal(
        await told(
          siblings({ work: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, { siblingMs: 300 }),
        ),
        'did not answer within 300 ms',
      );
      assert.ok(performance.now() - began < 5_000);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('end at their time limit, and hold up none of the others', async () => {
    reply = (index) => ({
      ...answering([{ ...REGION, subgraph: null }]),
      ...(receiver.received[index]?.url === '/slow' ? { afterMs: 6_000 } : {}),
    });
    const began = performance.now();
    const answers = await siblings(
      { slow: `${receiver.url}/slow`, work: receiver.url, dead: 'http://127.0.0.1:1/' },
      { siblingMs: 1_000 },
    ).regionHealth(ASKER);
    const tookMs = performance.now() - began;
    assert.deepEqual(
      answers.map(({ subgraph, answer }) => [subgraph, answer.ok ? answer.rows.length : answer.why]),
      [
        ['slow', 'did not answer within 1000 ms'],
        ['work', 1],
        ['dead', 'cannot be reached'],
      ],
    );
    assert.ok(tookMs >= 990 && tookMs < 5_000, `took ${tookMs} ms`);
  });

  it('say since when a server has not answered, until it does', async () => {
    const asking = siblings();
    const since = async (): Promise<number | null | undefined> => (await asking.regionHealth(ASKER))[0]?.failingSinceMs;
    reply = () => ({ status: 500 });
    const first = await since();
    assert.ok(typeof first === 'number' && Math.abs(first - Date.now()) < 5_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await since(), first);
    reply = () => answering([REGION]);
    assert.equal(await since(), null);
    reply = () => ({ status: 500 });
    assert.ok(((await since()) ?? 0) > first);
  });

  it('are limited in how many may be under way', async () => {
    reply = () => ({ ...answering([REGION]), afterMs: 50 });
    const asking = siblings(undefined, { siblingQuestions: 2 });
    const all = await Promise.all(Array.from({ length: 5 }, () => told(asking)));
    assert.deepEqual(
      all.map((one) => (Array.isArray(one) ? 'told' : one)),
      ['told', 'told', ...Array<string>(3).fill('was not asked: 2 questions to other subgraphs are under way already')],
    );
    assert.deepEqual(await told(asking), [REGION]);
  });

  it('end when the client goes away', async () => {
    reply = () => ({ ...answering([REGION]), afterMs: 2_000 });
    const client = new AbortController();
    const asked = siblings(undefined, { siblingMs: 5_000 }).regionHealth({ ...ASKER, signal: client.signal });
    setTimeout(() => client.abort(), 20);
    const began = performance.now();
    assert.equal((await asked)[0]?.answer.ok, false);
    assert.ok(performance.now() - began < 1_500);
  });

  it('for conflicts carry the arguments and the tokens, and bring a token back', async () => {
    const record = {
      id: '7',
      subgraph: null,
      at: '2026-01-31T09:30:00.123456Z',
      entity: 'Task',
      rowId: '1',
      mutation: 'editTask',
      policy: 'MERGE',
      outcome: 'MERGED',
      reason: null,
      winner: 'BOTH',
      viewer: null,
      tenant: null,
      region: 'us-east-1',
      seenVersion: '1',
      version: '2',
      newVersion: '3',
      base: null,
      current: { id: 1 },
      incoming: { title: 'x' },
      result: { a: [1] },
      fields: [{ column: 'title', rule: null, taken: 'x' }],
    };
    reply = () => ({ body: JSON.stringify({ data: { conflicts: [record] } }) });
    const from = receiver.received.length;
    const args = { entity: 'Task', id: '1', since: null, before: '9', first: 5 };
    assert.deepEqual(await siblings().conflicts('work', args, ASKER), {
      ok: true,
      rows: [{ ...record, subgraph: 'work' }],
      token: null,
    });
    // A question that the test before has given up may still arrive.
    const { headers, body } =
      receiver.received.slice(from).find((one) => one.body.includes('conflicts')) ?? assert.fail();
    assert.deepEqual(
      [headers['consistency-token'], (JSON.parse(body) as { variables: unknown }).variables],
      ['m1.token.x', args],
    );
    assert.deepEqual(await siblings().conflicts('nobody', args, ASKER), {
      ok: false,
      why: 'is not known here',
      code: null,
    });
  });
});
