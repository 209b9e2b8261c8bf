/**
 * Proves what Hive Gateway does of its own accord (retries, one request for equal ones, header propagation) against the
 * promise and against mutations that run twice.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ask } from '../../support/app.ts';
import { compose } from '../../support/compose.ts';
import { startGateway, type TestGateway, type TestGatewayOptions } from '../../support/gateways.ts';
import { startStubs, type Came, type StubGraph } from '../../support/stub-subgraphs.ts';

const WRITE = 'mutation { renameUser(id: 1, name: "x") { name } }';
const READ = '{ user(id: 1) { name } }';

describe('Hive Gateway with the plugin', () => {
  let graph: StubGraph;
  let supergraph: string;
  before(async () => {
    graph = await startStubs();
    supergraph = compose(graph.subgraphs);
  });
  afterEach(() => {
    graph.disturb = null;
    graph.take();
    graph.ran.splice(0);
  });
  after(async () => graph[Symbol.asyncDispose]());

  const gateway = (hive: TestGatewayOptions['hive'] = {}): Promise<TestGateway> =>
    startGateway({ kind: 'hive', supergraph, hive });
  const writes = (): Came[] => graph.take().filter(({ query }) => query.startsWith('mutation'));
  /** The first `tries` that come meet `status`, `after` they have run or before. */
  const failing = (tries: number, status: number, ran: boolean): void => {
    let left = tries;
    graph.disturb = () =>
      (left -= 1) >= 0
        ? {
            status,
            after: ran,
            body: { errors: [{ message: 'Not now.', extensions: { code: 'OVERLOADED', retryable: true } }] },
          }
        : undefined;
  };

  describe('that tries again', () => {
    let retrying: TestGateway;
    before(async () => {
      retrying = await gateway({ upstreamRetry: { maxRetries: 2, retryDelay: 5 } });
    });
    after(async () => retrying[Symbol.asyncDispose]());

    it('sends the same headers with each try', async () => {
      failing(1, 503, false);
      const { errors, token } = await ask(retrying.url, `query @consistent ${READ}`, {
        headers: { authorization: 'Bearer x' },
        token: '',
      });
      const came = graph.take();
      assert.deepEqual([errors, came.length], [[], 2]);
      assert.deepEqual(
        came.map(({ headers }) => [
          headers['authorization'],
          headers['consistency-level'],
          headers['consistency-token'],
          headers['consistency-operation'],
        ]),
        [
          ['Bearer x', 'DEFAULT', '', undefined],
          ['Bearer x', 'DEFAULT', '', undefined],
        ],
      );
      assert.ok(token);
    });

    it('runs a mutation once without a key, whether its answer was lost or said 503', async () => {
      for (const status of [0, 503]) {
        failing(1, status, true);
        const { errors } = await ask(retrying.url, WRITE);
        assert.deepEqual(graph.ran.splice(0), ['renameUser']);
        assert.deepEqual(
          [writes().length, errors.map(({ extensions: { code, retryable, details } }) => [code, retryable, details])],
          [1, [['WRITE_OUTCOME_UNKNOWN', false, { committed: null }]]],
        );
      }
    });

    it('tries a mutation again that was refused unread', async () => {
      failing(1, 429, false);
      const { errors, data } = await ask(retrying.url, WRITE);
      assert.deepEqual(
        [errors, data, graph.ran, writes().length],
        [[], { renameUser: { name: 'user 1' } }, ['renameUser'], 2],
      );
    });

    it('tries a mutation again with its key, by which the subgraph knows it', async () => {
      failing(1, 0, true);
      const { errors } = await ask(retrying.url, WRITE, { headers: { 'idempotency-key': 'k' } });
      assert.deepEqual([errors, writes().map(({ headers }) => headers['idempotency-key'])], [[], ['k', 'k']]);
    });

    it('keeps the tries of two viewers apart', async () => {
      // The first try of each fails, and not before that of the other has come.
      const both = Promise.withResolvers<undefined>();
      let tries = 0;
      graph.disturb = async () => {
        tries += 1;
        if (tries > 2) return undefined;
        if (tries === 2) both.resolve(undefined);
        await both.promise;
        return {
          status: 503,
          after: false,
          body: { errors: [{ message: 'Not now.', extensions: { code: 'OVERLOADED', retryable: true } }] },
        };
      };
      await Promise.all(
        ['Bearer a', 'Bearer b'].map((authorization) => ask(retrying.url, READ, { headers: { authorization } })),
      );
      assert.deepEqual(
        graph
          .take()
          .map(({ headers }) => headers['authorization'])
          .sort(),
        ['Bearer a', 'Bearer a', 'Bearer b', 'Bearer b'],
      );
    });
  });

  it('asks for each operation by itself, so that nobody is answered with what was read before they asked, or without a token', async () => {
    await using plain = await gateway();
    let release = (): void => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    graph.disturb = () => held;
    const asked = Array.from({ length: 3 }, () => ask(plain.url, READ));
    while (graph.take().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(release, 100);
    const answers = await Promise.all(asked);
    assert.ok(
      answers.every(({ token }) => token !== null),
      JSON.stringify(answers),
    );
  });

  it('shows what goes wrong without the plugin: equal requests share one answer, whose token only one client gets', async () => {
    await using bare = await startGateway({ kind: 'hive', supergraph, mode: 'headers' });
    let release = (): void => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    graph.disturb = () => held;
    const asked = Array.from({ length: 3 }, () => ask(bare.url, READ));
    setTimeout(release, 1_000);
    const answers = await Promise.all(asked);
    assert.deepEqual([graph.take().length, answers.filter(({ token }) => token !== null).length], [1, 1]);
  });

  it('answers with one token also where the gateway propagates headers itself', async () => {
    await using both = await gateway({
      propagateHeaders: {
        fromClientToSubgraphs: ({ request }) => ({
          'consistency-token': request.headers.get('consistency-token'),
          'idempotency-key': request.headers.get('idempotency-key'),
          authorization: 'Bearer of the gateway',
        }),
        fromSubgraphsToClient: ({ response }) => ({ 'consistency-token': response.headers.get('consistency-token') }),
      },
    });
    const { token } = await ask(both.url, '{ user(id: 1) { name tasks { title } } }', {
      headers: { authorization: 'Bearer x' },
    });
    assert.deepEqual(
      [token?.split(',').length, new Set(graph.take().map(({ headers }) => headers['authorization']))],
      [1, new Set(['Bearer of the gateway'])],
    );
    await ask(
      both.url,
      'mutation { a: renameUser(id: 1, name: "x") { name } b: renameUser(id: 2, name: "x") { name } }',
      { headers: { 'idempotency-key': 'k' } },
    );
    assert.equal(new Set(writes().map(({ headers }) => headers['idempotency-key'])).size, 2);
  });

  it('answers several operations of one request with one header', async () => {
    await using batching = await gateway({ batching: { limit: 3 } });
    const response = await fetch(batching.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'consistency-token': '' },
      body: JSON.stringify([{ query: READ }, { query: '{ tasks { title } }' }]),
    });
    const bodies = (await response.json()) as { extensions: { consistency: { token: string } } }[];
    const lsns = bodies.map(({ extensions }) => graph.lsns(extensions.consistency.token));
    assert.deepEqual(
      lsns.map((one) => Object.keys(one)),
      [['accounts'], ['work']],
      'each operation is one of its own',
    );
    assert.deepEqual(graph.lsns(response.headers.get('consistency-token')), Object.assign({}, ...lsns));
  });
});
