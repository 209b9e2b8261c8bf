/**
 * Owns the clients that tests ask with: Apollo Client, urql, Relay and plain fetch, alike to use, each as an
 * application makes it, with tokens or without.
 */
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, fetchExchange, type Exchange } from '@urql/core';
import {
  commitMutation,
  Environment,
  fetchQuery,
  Network,
  RecordSource,
  Store,
  type FetchFunction,
  type GraphQLResponse,
} from 'relay-runtime';
import { meridianLink } from '../../src/client/apollo.ts';
import { withTokens, type TokenStore } from '../../src/client/index.ts';
import { meridianFetch } from '../../src/client/relay.ts';
import { meridianExchange } from '../../src/client/urql.ts';
import { relayRequest } from './relay-request.ts';

export const CLIENTS = ['Apollo Client', 'urql', 'Relay', 'fetch'] as const;
export type ClientName = (typeof CLIENTS)[number];

export interface Outcome<D> {
  readonly data: D | null;
  readonly codes: readonly string[];
}

/** Asks the network each time: what the client's own cache does is not looked at. */
export interface TestClient {
  query<D>(text: string, variables?: Record<string, unknown>, signal?: AbortSignal): Promise<Outcome<D>>;
  mutate<D>(text: string, variables?: Record<string, unknown>): Promise<Outcome<D>>;
}

export interface ClientSettings {
  readonly url: string;
  /** Null: without tokens, as the client is by itself. */
  readonly store: TokenStore | null;
  readonly idempotencyKeys?: boolean;
  /** Below the tokens: where a retry of the network's faults may be. */
  readonly fetch?: typeof fetch;
}

export function makeClient(name: ClientName, settings: ClientSettings): TestClient {
  switch (name) {
    case 'Apollo Client':
      return apolloClient(settings);
    case 'urql':
      return urqlClient(settings);
    case 'Relay':
      return relayClient(settings);
    case 'fetch':
      return fetchClient(settings);
  }
}

type Failures = readonly { readonly extensions?: { readonly [name: string]: unknown } | undefined }[];
const codesOf = (errors: Failures): string[] =>
  errors.map(({ extensions }) => (typeof extensions?.['code'] === 'string' ? extensions['code'] : 'NONE'));

export function apolloOver(links: readonly ApolloLink[]): ApolloClient {
  return new ApolloClient({ link: ApolloLink.from([...links]), cache: new InMemoryCache(), queryDeduplication: false });
}

function apolloClient({ url, store, idempotencyKeys = false, fetch: own = fetch }: ClientSettings): TestClient {
  const client = apolloOver([
    ...(store === null ? [] : [meridianLink({ store, idempotencyKeys })]),
    new HttpLink({ uri: url, fetch: own }),
  ]);
  const outcomeOf = <D>({ data, error }: { readonly data?: unknown; readonly error?: unknown }): Outcome<D> => {
    if (error !== undefined && !CombinedGraphQLErrors.is(error)) throw error as Error;
    return { data: (data ?? null) as D | null, codes: error === undefined ? [] : codesOf(error.errors) };
  };
  return {
    query: async (text, variables = {}, signal) =>
      outcomeOf(
        await client.query({
          query: gql(text),
          variables,
          fetchPolicy: 'network-only',
          errorPolicy: 'all',
          ...(signal ? { context: { fetchOptions: { signal } } } : {}),
        }),
      ),
    mutate: async (text, variables = {}) =>
      outcomeOf(await client.mutate({ mutation: gql(text), variables, errorPolicy: 'all' })),
  };
}

function urqlClient({ url, store, idempotencyKeys = false, fetch: own = fetch }: ClientSettings): TestClient {
  const exchanges: Exchange[] = [
    ...(store === null ? [] : [meridianExchange({ store, idempotencyKeys })]),
    fetchExchange,
  ];
  // Without Meridian's exchange, urql sends queries by GET, which a server refuses unless a header makes browsers ask
  // first.
  const client = new Client({ url, exchanges, fetch: own, ...(store === null ? { preferGetMethod: false } : {}) });
  const outcomeOf = <D>({ data, error }: Awaited<ReturnType<typeof client.query>>): Outcome<D> => {
    if (error?.networkError) throw error.networkError;
    return { data: (data ?? null) as D | null, codes: codesOf(error?.graphQLErrors ?? []) };
  };
  return {
    query: (text, variables = {}, signal) =>
      new Promise((resolve, reject) => {
        // Whoever turns away from a result of urql's gives its request up.
        const subscription = client.query(text, variables, { requestPolicy: 'network-only' }).subscribe((result) => {
          queueMicrotask(() => subscription.unsubscribe());
          try {
            resolve(outcomeOf(result));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
        signal?.addEventListener('abort', () => {
          subscription.unsubscribe();
          reject(new DOMException('given up', 'AbortError'));
        });
      }),
    mutate: async (text, variables = {}) => outcomeOf(await client.mutation(text, variables).toPromise()),
  };
}

function relayClient({ url, store, idempotencyKeys = false, fetch: own = fetch }: ClientSettings): TestClient {
  let given: AbortSignal | undefined;
  const fetcher =
    (headers: Readonly<Record<string, string>>): FetchFunction =>
    async ({ text }, variables) => {
      const response = await own(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: text, variables }),
        ...(given ? { signal: given } : {}),
      });
      return (await response.json()) as GraphQLResponse;
    };
  const network = Network.create(
    store === null ? fetcher({}) : meridianFetch({ store, idempotencyKeys, fetch: fetcher }),
  );
  // Keys are those of tables: a user and a task may have the same.
  const getDataID = (fields: { readonly id?: string }, type: string): string | undefined =>
    fields.id === undefined ? undefined : `${type}:${fields.id}`;
  const environment = new Environment({ network, store: new Store(new RecordSource()), getDataID });
  /** Relay throws where there is no data, and holds the errors in the error. */
  const outcomeOf = async <D>(work: Promise<unknown>): Promise<Outcome<D>> => {
    try {
      return { data: ((await work) ?? null) as D | null, codes: [] };
    } catch (error) {
      const { source } = error as { readonly source?: { readonly errors?: Failures } };
      if (!source?.errors) throw error;
      return { data: null, codes: codesOf(source.errors) };
    }
  };
  return {
    query: (text, variables = {}, signal) => {
      given = signal;
      return outcomeOf(
        fetchQuery(environment, relayRequest(text), variables, { fetchPolicy: 'network-only' }).toPromise(),
      );
    },
    mutate: (text, variables = {}) =>
      outcomeOf(
        new Promise(
          (resolve, reject) =>
            void commitMutation(environment, {
              mutation: relayRequest(text),
              variables,
              onCompleted: resolve,
              onError: reject,
            }),
        ),
      ),
  };
}

function fetchClient({ url, store, idempotencyKeys = false, fetch: own = fetch }: ClientSettings): TestClient {
  const fetcher = store === null ? own : withTokens(own, { store, idempotencyKeys });
  const ask = async <D>(
    text: string,
    variables: Record<string, unknown> = {},
    signal: AbortSignal | null = null,
  ): Promise<Outcome<D>> => {
    const operationName = /^\s*(?:query|mutation) (\w+)/.exec(text)?.[1];
    const response = await fetcher(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: text, variables, operationName }),
      signal,
    });
    const { data, errors } = (await response.json()) as { data?: D | null; errors?: Failures };
    return { data: data ?? null, codes: codesOf(errors ?? []) };
  };
  return { query: ask, mutate: ask };
}
