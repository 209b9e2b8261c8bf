/**
 * Proves that a subgraph of Meridian passes Apollo's compatibility suite for subgraphs with rows from PostgreSQL, alone
 * and behind each gateway.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Trace } from '@apollo/usage-reporting-protobuf';
import { EU, startTestApp, type TestApp } from '../support/app.ts';
import {
  ALONE,
  ASSERTIONS,
  installSuite,
  runSuite,
  startSuiteSubgraphs,
  type SuiteSubgraphs,
} from '../support/compatibility.ts';
import { compose, type Subgraph } from '../support/compose.ts';
import { startApolloGateway, startHiveGateway, subgraphAt } from '../support/plain-gateways.ts';
import { productResolvers } from '../support/products.ts';

const given = (name: string): string => readFileSync(new URL(`../compatibility/${name}`, import.meta.url), 'utf8');
const allOf = (assertions: Iterable<string>): Record<string, string> =>
  Object.fromEntries([...assertions].map((name) => [name, 'passed']));

interface Fetched {
  readonly service: string | null | undefined;
  /** Whether the gateway could read the trace that came with the answer. */
  readonly parsed: boolean;
  readonly fields: readonly unknown[];
}

/** The fetches of a query plan's trace, in order. */
function fetchesOf(node: Trace.IQueryPlanNode | null | undefined): readonly Fetched[] {
  if (!node) return [];
  const { fetch, flatten, sequence, parallel } = node;
  const own = fetch
    ? [
        {
          service: fetch.serviceName,
          parsed: fetch.traceParsingFailed !== true,
          fields: (fetch.trace?.root?.child ?? []).map(({ responseName }) => responseName),
        },
      ]
    : [];
  return [...own, ...[flatten?.node, ...(sequence?.nodes ?? []), ...(parallel?.nodes ?? [])].flatMap(fetchesOf)];
}

describe("a subgraph under Apollo's compatibility suite", () => {
  let app: TestApp;
  let others: SuiteSubgraphs;
  let productsUrl: string;
  let subgraphs: readonly Subgraph[];

  before(async () => {
    installSuite();
    // A region away from the primary: what it shows has come by replication.
    app = await startTestApp({
      files: [{ name: 'products.graphql', body: given('products.graphql') }],
      sql: [given('products.sql')],
      server: { resolvers: productResolvers },
    });
    await app.cluster.caughtUp();
    others = await startSuiteSubgraphs();
    productsUrl = app.server(EU).url;
    subgraphs = [await subgraphAt('products', productsUrl), ...others.subgraphs];
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    await others[Symbol.asyncDispose]();
  });

  it('passes every test that needs no supergraph', async () => {
    assert.deepEqual(
      await runSuite({ productsUrl, supergraphUrl: null, files: Object.keys(ALONE) }),
      allOf(Object.values(ALONE).flat()),
    );
  });

  it('passes all tests behind Apollo Gateway', async () => {
    await using gateway = await startApolloGateway(compose(subgraphs, 'Apollo'));
    assert.deepEqual(await runSuite({ productsUrl, supergraphUrl: gateway.url }), allOf(ASSERTIONS));
  });

  it('returns the trace of each fetch to a gateway that asks for it', async () => {
    await using gateway = await startApolloGateway(compose(subgraphs, 'Apollo'));
    const query =
      '{ product(id: "apollo-federation") { sku createdBy { name yearsOfEmployment averageProductsCreatedPerYear } } }';
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'apollo-federation-include-trace': 'ftv1' },
      body: JSON.stringify({ query }),
    });
    const { data, extensions } = (await response.json()) as { data: unknown; extensions: { ftv1: string } };
    assert.deepEqual(data, {
      product: {
        sku: 'federation',
        createdBy: { name: 'Jane Smith', yearsOfEmployment: 10, averageProductsCreatedPerYear: 134 },
      },
    });
    const fetches = fetchesOf(Trace.decode(Buffer.from(extensions.ftv1, 'base64')).queryPlan);
    assert.deepEqual(fetches, [
      { service: 'products', parsed: true, fields: ['product'] },
      { service: 'users', parsed: true, fields: ['_entities'] },
      { service: 'products', parsed: true, fields: ['_entities'] },
    ]);
  });

  it('passes all tests behind Hive Gateway', async () => {
    await using gateway = await startHiveGateway(compose(subgraphs, 'Guild'));
    assert.deepEqual(await runSuite({ productsUrl, supergraphUrl: gateway.url }), allOf(ASSERTIONS));
  });
});
