/**
 * Owns the page that tests open in a browser: an application with Apollo Client, or with the one that `?client=` names.
 * `?tokens=off|memory` changes what it does about tokens.
 */
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { meridianLink } from '../../src/client/apollo.ts';
import { createTokenStore, type TokenStorage } from '../../src/client/index.ts';
import { makeClient, type ClientName } from './clients.ts';

/** What a test calls from outside. */
export interface TestPage {
  readonly problems: string[];
  ask(url: string, text: string, variables?: Record<string, unknown>): Promise<unknown>;
  tokens(): readonly string[];
  learn(token: string): void;
  signOut(): void;
}

const page = globalThis as typeof globalThis & {
  testPage: TestPage;
  initialTokens: string | null;
  location: { readonly search: string };
  localStorage: TokenStorage;
};
const search = new URLSearchParams(page.location.search);
const mode = search.get('tokens') ?? 'shared';
const named = search.get('client') as ClientName | null;
const problems: string[] = [];

const store = createTokenStore({
  ...(mode === 'memory' ? {} : { storage: () => page.localStorage }),
  initial: page.initialTokens,
  onProblem: ({ problem }) => problems.push(problem),
  onLost: ({ code }) => problems.push(code),
});
const tokens = mode === 'off' ? [] : [meridianLink({ store, idempotencyKeys: true })];
const clients = new Map<string, ApolloClient>();

function clientOf(uri: string): ApolloClient {
  const known =
    clients.get(uri) ??
    new ApolloClient({ link: ApolloLink.from([...tokens, new HttpLink({ uri })]), cache: new InMemoryCache() });
  clients.set(uri, known);
  return known;
}

page.testPage = {
  problems,
  async ask(url, text, variables = {}) {
    if (named !== null) {
      const client = makeClient(named, { url, store: mode === 'off' ? null : store, idempotencyKeys: true });
      return (await client[text.startsWith('mutation') ? 'mutate' : 'query'](text, variables)).data;
    }
    const client = clientOf(url);
    const document = gql(text);
    const { data } = text.startsWith('mutation')
      ? await client.mutate({ mutation: document, variables })
      : await client.query({ query: document, variables, fetchPolicy: 'network-only' });
    return data;
  },
  tokens: () => store.tokens(),
  learn: (token) => store.learn({ answered: [token] }),
  signOut: () => store.clear(),
};
