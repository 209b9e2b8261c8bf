/**
 * Finds out which part of a client's `@consistent` each gateway passes on by itself, with supergraphs of both
 * composers: the table of docs/gateways.md.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ask } from '../../support/app.ts';
import { compose, COMPOSER_NAMES } from '../../support/compose.ts';
import { GATEWAY_KINDS, startGateway, type GatewayKind, type TestGateway } from '../../support/gateways.ts';
import { startStubs, type StubGraph } from '../../support/stub-subgraphs.ts';

/**
 * For each fetch of accounts → work → accounts where the directive stands: on the operation, on a field, or nowhere.
 */
type Places = readonly ('operation' | 'field' | null)[];

const BELOW = 'name tasks { title owner { name } }';
const CASES: readonly {
  readonly what: string;
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly places: Readonly<Record<GatewayKind, Places>>;
}[] = [
  {
    what: 'the operation',
    query: `query @consistent(level: STRONG) { user(id: 1) { ${BELOW} } }`,
    places: { hive: [null, null, null], apollo: ['operation', 'operation', 'operation'] },
  },
  {
    what: 'the operation, with variables',
    query: `query ($l: ConsistencyLevel, $m: Int) @consistent(level: $l, maxLagMs: $m) { user(id: 1) { ${BELOW} } }`,
    variables: { l: 'BOUNDED', m: 5 },
    places: { hive: [null, null, null], apollo: ['operation', 'operation', 'operation'] },
  },
  {
    what: 'a root field',
    query: `{ user(id: 1) @consistent { ${BELOW} } }`,
    places: { hive: ['field', 'field', null], apollo: ['field', null, null] },
  },
  {
    what: 'a root field, with a variable',
    query: `query ($l: ConsistencyLevel) { user(id: 1) @consistent(level: $l) { ${BELOW} } }`,
    variables: { l: 'STRONG' },
    places: { hive: ['field', 'field', null], apollo: ['field', null, null] },
  },
  {
    what: 'a field of an entity',
    query: '{ user(id: 1) { name tasks @consistent(level: STRONG) { title owner { name } } } }',
    places: { hive: [null, 'field', null], apollo: [null, 'field', null] },
  },
  {
    what: 'a field of an entity in a fragment, with a variable',
    query:
      'query ($l: ConsistencyLevel) { user(id: 1) { name ...F } } fragment F on User { tasks @consistent(level: $l) { title owner { name } } }',
    variables: { l: 'STRONG' },
    places: { hive: [null, 'field', null], apollo: [null, 'field', null] },
  },
];

describe('what gateways pass on of @consistent', () => {
  let graph: StubGraph;
  before(async () => {
    graph = await startStubs();
  });
  after(async () => graph[Symbol.asyncDispose]());

  for (const kind of GATEWAY_KINDS) {
    for (const composer of COMPOSER_NAMES) {
      describe(`${kind}, composed by ${composer}`, () => {
        let gateway: TestGateway;
        before(async () => {
          gateway = await startGateway({ kind, supergraph: compose(graph.subgraphs, composer), mode: 'none' });
        });
        after(async () => gateway[Symbol.asyncDispose]());

        for (const { what, query, variables = {}, places } of CASES) {
          it(`on ${what}`, async () => {
            const { errors } = await ask(gateway.url, query, { variables });
            assert.deepEqual(errors, []);
            const found = graph.take().map(({ query: text }) => {
              const at = text.indexOf('@consistent');
              return at < 0 ? null : at < text.indexOf('{') ? 'operation' : 'field';
            });
            assert.deepEqual(found, places[kind]);
          });
        }
      });
    }
  }

  it('is lost for the whole graph where one subgraph does not define the directive', () => {
    const [accounts, work] = graph.subgraphs;
    assert.ok(accounts && work);
    const without = { ...work, sdl: work.sdl.replace(/directive @consistent\([^)]*\) on [A-Z |]+/, '') };
    assert.notEqual(without.sdl, work.sdl);
    for (const composer of COMPOSER_NAMES)
      assert.doesNotMatch(compose([accounts, without], composer), /directive @consistent/, composer);
  });
});
