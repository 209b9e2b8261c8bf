/**
 * Proves what each gateway's plugin sends to subgraphs and answers to clients: tokens, levels, keys, reports and
 * errors, in parallel and in sequence.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ask, type Answer, type Call } from '../../support/app.ts';
import { compose } from '../../support/compose.ts';
import { GATEWAY_KINDS, startGateway, type TestGateway } from '../../support/gateways.ts';
import {
  CLUSTERS,
  startStubs,
  STUB_SECRET,
  stubCodec,
  type Came,
  type StubGraph,
} from '../../support/stub-subgraphs.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { type ClusterId, type Position } from '../../../src/base/lineage.ts';

const ROUND = '{ user(id: 1) { name tasks { title owner { name } } } }';
const PARALLEL = '{ users { name } tasks { title } }';

const tokenOf = (lsns: Partial<Record<keyof typeof CLUSTERS, number>>): string =>
  stubCodec.encode(
    new Map(
      Object.entries(lsns).map(([name, lsn]): [ClusterId, Position] => {
        const cluster = CLUSTERS[name as keyof typeof CLUSTERS] as ClusterId;
        return [cluster, { cluster, timeline: 1, lsn: toLsn(BigInt(lsn)) }];
      }),
    ),
  ) ?? '';

for (const kind of GATEWAY_KINDS) {
  describe(`the plugin of ${kind}`, () => {
    let graph: StubGraph;
    let folding: TestGateway;
    let holding: TestGateway;

    before(async () => {
      graph = await startStubs();
      const supergraph = compose(graph.subgraphs);
      folding = await startGateway({
        kind,
        supergraph,
        options: { tokenSecret: ['a new secret', STUB_SECRET].reverse(), forwardHeaders: ['X-Team'] },
      });
      holding = await startGateway({ kind, supergraph });
    });
    afterEach(() => {
      graph.disturb = null;
      graph.take();
      graph.ran.splice(0);
    });
    after(async () => {
      for (const one of [folding, holding, graph]) await one[Symbol.asyncDispose]();
    });

    const send = <D = Record<string, unknown>>(query: string, call: Call = {}, gateway = folding): Promise<Answer<D>> =>
      ask<D>(gateway.url, query, call);
    const header = (came: readonly Came[], name: string): (string | undefined)[] =>
      came.map(({ headers }) => headers[name]);
    const floors = (came: readonly Came[]): unknown[] =>
      header(came, 'consistency-floor').map((floor) => (floor === undefined ? null : graph.lsns(floor)));

    it('sends with each fetch what was seen by then, and answers with one token that covers all of it', async () => {
      Object.assign(graph.at, { accounts: 5, work: 8 });
      const { data, errors, token, consistency } = await send(ROUND);
      assert.deepEqual(
        [errors, data],
        [[], { user: { name: 'user 1', tasks: [{ title: 'task 5', owner: { name: 'user 1' } }] } }],
      );
      const came = graph.take();
      assert.deepEqual(
        came.map(({ subgraph }) => subgraph),
        ['accounts', 'work', 'accounts'],
      );
      assert.deepEqual(floors(came), [null, { accounts: 5 }, { accounts: 5, work: 8 }]);
      assert.deepEqual([graph.lsns(token), token?.includes(',')], [{ accounts: 5, work: 8 }, false]);
      assert.deepEqual(
        [consistency, header(came, 'consistency-token')],
        [null, [undefined, undefined, undefined]],
        'the client did not ask for extensions',
      );
    });

    it('merges the tokens of fetches that ran in parallel', async () => {
      const { token } = await send(PARALLEL);
      assert.deepEqual(
        [floors(graph.take()), graph.lsns(token)],
        [[null, null], { accounts: graph.at.accounts, work: graph.at.work }],
      );
    });

    it('answers without a secret with the fewest tokens', async () => {
      const parallel = await send(PARALLEL, {}, holding);
      assert.deepEqual(
        [parallel.token?.split(',').length, graph.lsns(parallel.token)],
        [2, { accounts: graph.at.accounts, work: graph.at.work }],
      );
      const next = await send(ROUND, { token: parallel.token }, holding);
      assert.deepEqual(
        [next.token?.split(',').length, graph.lsns(next.token)],
        [1, { accounts: graph.at.accounts, work: graph.at.work }],
        "each answer covers the request's tokens, so that the last one alone is left",
      );
    });

    it('answers operations that came in one request with the tokens of all of them', async () => {
      Object.assign(graph.at, { accounts: 15, work: 18 });
      await using batching = await startGateway({ kind, supergraph: compose(graph.subgraphs), batching: true });
      const queries = ['{ users { name } }', '{ tasks { title } }', '{ __typename }'];
      const response = await fetch(batching.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'consistency-token': '' },
        body: JSON.stringify(queries.map((query) => ({ query }))),
      });
      const results = (await response.json()) as readonly {
        readonly data?: unknown;
        readonly extensions?: { readonly consistency?: { readonly token: string } };
      }[];
      assert.equal(
        results.filter(({ data }) => data !== undefined && data !== null).length,
        3,
        JSON.stringify(results),
      );
      assert.deepEqual(graph.lsns(response.headers.get('consistency-token')), { accounts: 15, work: 18 });
      assert.deepEqual(
        results.map(({ extensions }) => graph.lsns(extensions?.consistency?.token ?? null)),
        [{ accounts: 15 }, { work: 18 }, {}],
      );
    });

    it("hands the client's tokens to every subgraph as they are, and never answers below them", async () => {
      const held = `${tokenOf({ accounts: 900 })}, ${tokenOf({ work: 3 })}`;
      for (const gateway of [folding, holding]) {
        const { token } = await send(ROUND, { token: held }, gateway);
        const came = graph.take();
        assert.deepEqual(new Set(header(came, 'consistency-token')), new Set([held]));
        assert.deepEqual(graph.lsns(token), { accounts: 900, work: graph.at.work });
      }
    });

    it('answers extensions.consistency only when the client asks for it', async () => {
      const asking: readonly (readonly [string, Call])[] = [
        [ROUND, { token: '' }],
        [ROUND, { token: tokenOf({ accounts: 1 }) }],
        [ROUND.replace('{', 'query @consistent {'), {}],
        ['{ user(id: 1) @consistent { name tasks { title } } }', {}],
        ['mutation { renameUser(id: 1, name: "x") { name tasks { title } } }', {}],
      ];
      for (const [query, call] of asking) {
        const { consistency, token } = await send(query, call);
        assert.ok(consistency, query);
        assert.equal(consistency.token, token);
        const parts = graph.take().length;
        assert.deepEqual(
          [consistency.servedBy, consistency.waitedMs, consistency.staleness, consistency.region],
          [{ cache: parts, replica: 2 * parts, primary: 0 }, 7, 30, 'here'],
          query,
        );
        assert.equal(consistency.writes, query.startsWith('mutation') ? 'local' : undefined);
      }
      assert.equal(
        (await send('mutation { renameUser(id: 1, name: "x") { name } createTask(title: "y") { title } }')).consistency
          ?.writes,
        'forwarded',
        'the farther way of two',
      );
      for (const query of [ROUND, PARALLEL]) assert.equal((await send(query)).consistency, null);
    });

    it("keeps the viewer's and the trace's headers, and passes no other than those that were named", async () => {
      await send(ROUND, {
        headers: {
          authorization: 'Bearer x',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          tracestate: 'a=b',
          baggage: 'c=d',
          'x-team': 'blue',
          'x-other': 'no',
          'consistency-floor': 'from outside',
          'consistency-level': 'STRONG',
        },
      });
      for (const { headers } of graph.take()) {
        assert.deepEqual(
          [
            headers['authorization'],
            headers['traceparent'],
            headers['tracestate'],
            headers['baggage'],
            headers['x-team'],
            headers['x-other'],
            headers['consistency-level'],
            headers['consistency-operation'],
          ],
          [
            'Bearer x',
            '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
            'a=b',
            'c=d',
            'blue',
            undefined,
            undefined,
            undefined,
          ],
        );
        assert.ok(!headers['consistency-floor']?.includes('outside'));
      }
    });

    it('passes on texts that are no tokens, and tokens that nobody of the graph has signed', async () => {
      graph.disturb = ({ headers }) =>
        headers['consistency-token'] === undefined
          ? undefined
          : {
              status: 200,
              body: {
                data: null,
                errors: [
                  {
                    message: 'It was not signed here.',
                    extensions: { code: 'CONSISTENCY_TOKEN_FORGED', retryable: false },
                  },
                ],
              },
            };
      for (const token of [
        'hello',
        'm1.AAAA.BBBB',
        'x'.repeat(5_000),
        Array.from({ length: 1_000 }, (_, i) => i.toString(36)).join(','),
      ]) {
        const { errors, token: answered } = await send('{ user(id: 1) { name } }', { token });
        assert.deepEqual(
          errors.map(({ extensions: { code, retryable } }) => [code, retryable]),
          [['CONSISTENCY_TOKEN_FORGED', false]],
        );
        assert.deepEqual(header(graph.take(), 'consistency-token'), [token]);
        assert.equal(
          answered,
          token.length < 4_000 && token.split(',').length < 32 ? token : null,
          "what was refused is still the client's",
        );
      }
    });

    it("keeps code, retryable and details of a subgraph's errors, also under another status than 200", async () => {
      const broken = await send('{ broken { name } tasks { title } }');
      assert.deepEqual(
        broken.errors.map(({ message, path, extensions: { code, retryable, details } }) => [
          message,
          path,
          code,
          retryable,
          details,
        ]),
        [['It is lost.', ['broken'], 'CONSISTENCY_LOST', false, { committed: true }]],
      );
      assert.deepEqual(
        [broken.data, graph.lsns(broken.token)],
        [
          { broken: null, tasks: [{ title: 'task 1' }, { title: 'task 2' }] },
          { accounts: graph.at.accounts, work: graph.at.work },
        ],
      );
      const refused = await send('mutation { failUser(id: 1) { name } }');
      assert.deepEqual(
        refused.errors.map(({ message, extensions: { code, details } }) => [message, code, details]),
        [['Somebody was faster.', 'CONFLICT', { version: 7 }]],
      );
      for (const [status, code] of [
        [401, 'UNAUTHENTICATED'],
        [403, 'FORBIDDEN'],
        [503, 'OVERLOADED'],
        [400, 'BAD_USER_INPUT'],
      ] as const) {
        graph.disturb = () => ({
          status,
          body: {
            errors: [{ message: 'Not so.', extensions: { code, retryable: status === 503, details: { what: 'it' } } }],
          },
        });
        const { errors } = await send('{ user(id: 1) { name } }');
        assert.deepEqual(
          errors.map(({ message, extensions }) => [
            message,
            extensions.code,
            extensions['retryable'],
            extensions['details'],
          ]),
          [['Not so.', code, status === 503, { what: 'it' }]],
        );
      }
    });

    it('says what @consistent asks for where the directive does not come along', async () => {
      const levels = async (query: string, variables: Record<string, unknown> = {}): Promise<unknown[]> => {
        const { errors } = await send(query, { variables });
        assert.deepEqual(errors, [], query);
        return graph.take().map((came) => [came.subgraph, came.headers['consistency-level'] ?? null]);
      };
      const round = (level: string | null, entities = level): unknown[] => [
        ['accounts', level],
        ['work', entities],
        ['accounts', entities],
      ];
      assert.deepEqual(await levels(`query @consistent ${ROUND}`), round('DEFAULT'));
      assert.deepEqual(await levels(`query @consistent(level: EVENTUAL) ${ROUND}`), round('EVENTUAL'));
      assert.deepEqual(
        await levels(`query ($m: Int = 5) @consistent(level: BOUNDED, maxLagMs: $m) ${ROUND}`),
        round('BOUNDED; maxLagMs=5'),
      );
      assert.deepEqual(
        await levels(`query ($l: ConsistencyLevel) @consistent(level: $l) ${ROUND}`, { l: 'SNAPSHOT' }),
        round('SNAPSHOT'),
      );
      assert.deepEqual(
        await levels('{ user(id: 1) @consistent(level: STRONG) { name tasks { title owner { name } } } }'),
        round(null, 'STRONG'),
      );
      assert.deepEqual(
        await levels(
          'query @consistent(level: BOUNDED) { user(id: 1) { name ...F } } fragment F on User { tasks @consistent { title owner { name } } }',
        ),
        round('BOUNDED', 'STRONG'),
      );
      assert.deepEqual(
        await levels(
          'query ($no: Boolean = false) { user(id: 1) { name tasks @include(if: $no) @consistent { title } } }',
        ),
        [['accounts', null]],
      );
      assert.deepEqual(
        await levels('mutation @consistent(level: STRONG) { renameUser(id: 1, name: "x") { name tasks { title } } }'),
        [
          ['accounts', 'STRONG'],
          ['work', 'STRONG'],
        ],
      );
    });

    it('lets no read be old that was not asked for as EVENTUAL, and no read behind a write', async () => {
      const levels = async (query: string): Promise<unknown[]> => {
        const { errors } = await send(query, { token: tokenOf({ accounts: 1, work: 1 }) });
        assert.deepEqual(errors, [], query);
        return graph
          .take()
          .map((came) => [came.subgraph, came.headers['consistency-level'] ?? null])
          .sort();
      };
      assert.deepEqual(
        await levels('{ users @consistent(level: EVENTUAL) { name } user(id: 1) { tasks { title } } }'),
        [
          ['accounts', null],
          ['work', null],
        ],
        'the tasks are under a neighbour',
      );
      assert.deepEqual(
        await levels(
          'query @consistent(level: SESSION) { users @consistent(level: EVENTUAL) { name } user(id: 1) { tasks { title } } }',
        ),
        [
          ['accounts', 'SESSION'],
          ['work', 'SESSION'],
        ],
      );
      assert.deepEqual(
        await levels(
          'mutation @consistent(level: EVENTUAL) { renameUser(id: 1, name: "x") { name tasks { title owner { name } } } }',
        ),
        [
          ['accounts', 'EVENTUAL'],
          ['accounts', null],
          ['work', null],
        ].sort(),
        'the name is what the mutation has written',
      );
      assert.deepEqual(
        await levels('mutation @consistent(level: BOUNDED) { renameUser(id: 1, name: "x") { name tasks { title } } }'),
        [
          ['accounts', 'BOUNDED'],
          ['work', 'BOUNDED'],
        ],
      );
    });

    describe('with an idempotency key', () => {
      const MUTATIONS =
        'mutation { a: renameUser(id: 1, name: "x") { name } createTask(title: "y") { title owner { name } } b: renameUser(id: 2, name: "z") { name } }';
      const keysOf = async (query: string, key: string): Promise<(string | undefined)[]> => {
        const { errors } = await send(query, { headers: { 'idempotency-key': key } });
        assert.deepEqual(errors, []);
        return header(
          graph.take().filter(({ query: text }) => text.startsWith('mutation')),
          'idempotency-key',
        );
      };

      it('gives each mutation a key of its own, and the same one when the client comes again', async () => {
        const first = await keysOf(MUTATIONS, 'k'.repeat(255));
        assert.equal(new Set(first).size, 3);
        for (const key of first) assert.match(key ?? '', /^[\w-]{43}$/);
        assert.deepEqual(await keysOf(MUTATIONS, 'k'.repeat(255)), first);
        assert.deepEqual(await keysOf(MUTATIONS, `"${'k'.repeat(255)}"`), first, 'the same key in its other spelling');
        assert.notDeepEqual(await keysOf(MUTATIONS, 'other'), first);
      });

      it("passes on the client's key with a single mutation, and an invalid key with every mutation", async () => {
        assert.deepEqual(await keysOf('mutation { renameUser(id: 1, name: "x") { name } }', '"my key"'), ['"my key"']);
        const [first, ...others] = await keysOf(
          'mutation ($no: Boolean = false) { renameUser(id: 1, name: "x") { name } createTask(title: "y") @include(if: $no) { title } }',
          'k',
        );
        assert.ok(first !== 'k' && !others.includes(first), 'also where what is left out is sent');
        assert.deepEqual(new Set(await keysOf(MUTATIONS, 'k'.repeat(256))), new Set(['k'.repeat(256)]));
        assert.deepEqual(new Set(await keysOf(MUTATIONS, 'a "quote')), new Set(['a "quote']));
      });

      it('sends no key along with reads', async () => {
        await send(MUTATIONS, { headers: { 'idempotency-key': 'k' } });
        assert.deepEqual(
          header(
            graph.take().filter(({ query }) => !query.startsWith('mutation')),
            'idempotency-key',
          ),
          [undefined],
        );
      });
    });
  });
}
