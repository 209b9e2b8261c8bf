/** Proves that a subgraph of Meridian's passes Apollo's suite for subgraphs, alone and behind each gateway, from rows in PostgreSQL. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { EU, startTestApp, type TestApp } from '../support/app.ts';
import { ALONE, ASSERTIONS, installSuite, runSuite, startSuiteSubgraphs, type SuiteSubgraphs } from '../support/compatibility.ts';
import { composeWithApollo, composeWithGuild, startApolloGateway, startHiveGateway, subgraphAt, type Subgraph } from '../support/plain-gateways.ts';
import { productResolvers } from '../support/products.ts';

const given = (name: string): string => readFileSync(new URL(`../compatibility/${name}`, import.meta.url), 'utf8');
const allOf = (assertions: Iterable<string>): Record<string, string> => Object.fromEntries([...assertions].map((name) => [name, 'passed']));

describe('the compatibility suite for subgraphs', () => {
  let app: TestApp;
  let others: SuiteSubgraphs;
  let productsUrl: string;
  let subgraphs: readonly Subgraph[];

  before(async () => {
    installSuite();
    // A region away from the primary: what it shows has come by replication.
    app = await startTestApp({ files: [{ name: 'products.graphql', body: given('products.graphql') }], sql: [given('products.sql')], server: { resolvers: productResolvers } });
    await app.cluster.caughtUp();
    others = await startSuiteSubgraphs();
    productsUrl = app.server(EU).url;
    subgraphs = [await subgraphAt('products', productsUrl), ...others.subgraphs];
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    await others[Symbol.asyncDispose]();
  });

  it('passes alone, in all that needs no supergraph', async () => {
    assert.deepEqual(await runSuite({ productsUrl, supergraphUrl: null, files: Object.keys(ALONE) }), allOf(Object.values(ALONE).flat()));
  });

  it('passes whole behind Apollo Gateway', async () => {
    await using gateway = await startApolloGateway(composeWithApollo(subgraphs));
    assert.deepEqual(await runSuite({ productsUrl, supergraphUrl: gateway.url }), allOf(ASSERTIONS));
  });

  it('passes whole behind Hive Gateway', async () => {
    await using gateway = await startHiveGateway(composeWithGuild(subgraphs));
    assert.deepEqual(await runSuite({ productsUrl, supergraphUrl: gateway.url }), allOf(ASSERTIONS));
  });
});
