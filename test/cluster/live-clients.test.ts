/** Proves that client libraries follow live queries with their tokens, over every transport that they have. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { meridianLink } from '../../src/client/apollo.ts';
import { createTokenStore, type TokenStore } from '../../src/client/index.ts';
import { meridianExchange } from '../../src/client/urql.ts';
import { AP, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const TITLE = 'subscription ($id: ID!) { task(id: $id) { id title } }';

/** Titles as one client was shown them. */
type Follow = (region: string, store: TokenStore, titles: string[]) => () => void;

describe('client libraries that follow a live query', () => {
  let app: TestApp;
  let store: TokenStore;

  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { heartbeatMs: 200, probeMs: 100 } });
  });
  after(async () => app[Symbol.asyncDispose]());
  beforeEach(() => {
    store = createTokenStore();
  });

  const socket = (region: string): SocketClient =>
    createSocketClient({ url: app.server(region).url.replace('http', 'ws'), webSocketImpl: WebSocket });
  const titleOf = (data: unknown): string => (data as { task: { title: string } }).task.title;
  const apollo = (terminating: ApolloLink, kept: TokenStore, titles: string[]): (() => void) => {
    const client = new ApolloClient({
      link: ApolloLink.from([meridianLink({ store: kept }), terminating]),
      cache: new InMemoryCache(),
    });
    const following = client.subscribe({ query: gql(TITLE), variables: { id: '1' } }).subscribe({
      next: ({ data }) => titles.push(titleOf(data)),
    });
    return () => {
      following.unsubscribe();
      client.stop();
    };
  };

  const clients: Readonly<Record<string, Follow>> = {
    'Apollo Client over WebSocket': (region, kept, titles) => {
      const client = socket(region);
      const stop = apollo(new GraphQLWsLink(client), kept, titles);
      return () => {
        stop();
        void client.dispose();
      };
    },
    'Apollo Client over multipart HTTP': (region, kept, titles) =>
      apollo(new HttpLink({ uri: app.server(region).url }), kept, titles),
    'urql over WebSocket': (region, kept, titles) => {
      const client = socket(region);
      const urql = new Client({
        url: app.server(region).url,
        exchanges: [
          meridianExchange({ store: kept }),
          fetchExchange,
          subscriptionExchange({
            forwardSubscription: (request) => ({
              subscribe: (sink) => ({
                unsubscribe: client.subscribe({ ...request, query: request.query ?? '' }, sink as never),
              }),
            }),
          }),
        ],
      });
      const following = urql.subscription(TITLE, { id: '1' }).subscribe(({ data }) => titles.push(titleOf(data)));
      return () => {
        following.unsubscribe();
        void client.dispose();
      };
    },
    'urql over Server-Sent Events': (region, kept, titles) => {
      const urql = new Client({
        url: app.server(region).url,
        fetchSubscriptions: true,
        exchanges: [meridianExchange({ store: kept }), fetchExchange],
      });
      const following = urql.subscription(TITLE, { id: '1' }).subscribe(({ data }) => titles.push(titleOf(data)));
      return () => following.unsubscribe();
    },
    'graphql-sse': (region, kept, titles) => {
      const client = createEventClient({
        url: app.server(region).url,
        headers: () => ({ 'consistency-token': kept.tokens().join(',') }),
      });
      const stop = client.subscribe(
        { query: TITLE, variables: { id: '1' } },
        { next: ({ data }) => titles.push(titleOf(data)), error: () => undefined, complete: () => undefined },
      );
      return () => {
        stop();
        client.dispose();
      };
    },
  };

  for (const [name, follow] of Object.entries(clients)) {
    it(`receive each change with ${name}, which shows its user's write from another region first`, async () => {
      await app.cluster.caughtUp();
      await app.cluster.pauseReplay(AP);
      const titles: string[] = [];
      let stop: (() => void) | undefined;
      try {
        const written = await app.gql(
          US,
          `mutation { updateTask(id: 1, input: { title: "written, ${name}" }) { task { title } } }`,
          { token: '' },
        );
        store.learn({ answered: [written.token ?? ''] });
        stop = follow(AP, store, titles);
        await until('the first message', () => titles.length > 0);
        assert.equal(titles[0], `written, ${name}`);
      } finally {
        await app.cluster.resumeReplay(AP);
      }
      await app.gql(EU, `mutation { updateTask(id: 1, input: { title: "again, ${name}" }) { task { title } } }`);
      await until('the second message', () => titles.length > 1);
      assert.deepEqual(titles, [`written, ${name}`, `again, ${name}`]);
      stop?.();
    });
  }

  it('receive the token of each message, so that their next read, in any region, is not older', async () => {
    const titles: string[] = [];
    const stop = apollo(new HttpLink({ uri: app.server(US).url }), store, titles);
    await until('the first message', () => titles.length > 0);
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      await app.cluster.query(US, "UPDATE tasks SET title = 'seen in the US' WHERE id = 1");
      await until('the change', () => titles.includes('seen in the US'));
      const query = '{ task(id: 1) { title } }';
      const without = await app.gql<{ task: { title: string } }>(AP, query);
      assert.notEqual(without.data?.task.title, 'seen in the US');
      const token = store.tokens().join(',');
      const found = await app.gql<{ task: { title: string } }>(AP, query, { token });
      assert.equal(found.data?.task.title, 'seen in the US');
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    stop();
  });
});
