/**
 * Owns two small subgraphs for tests of gateways: real GraphQL and real tokens over HTTP, with a counter for a
 * database, and a record of what came.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { graphql, parse, type GraphQLSchema } from 'graphql';
import { type ClusterId } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { mergePositions, type Positions } from '../../src/consistency/positions.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { type Subgraph } from './compose.ts';

export const STUB_SECRET = 'the secret of the stubs';
export const stubCodec = new TokenCodec({ secrets: [STUB_SECRET], maxTokenBytes: 4_096 });
export const CLUSTERS = { accounts: 'AAAAAAAA', work: 'BBBBBBBB' } as const;

export interface Came {
  readonly subgraph: keyof typeof CLUSTERS;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Stands in the way of a request: what it returns is answered instead. */
export type Disturb = (came: Came) => Promise<Disturbed | undefined> | Disturbed | undefined;
export interface Disturbed {
  /** 0: the connection breaks. */
  readonly status: number;
  readonly body?: unknown;
  /** Run it all the same, and answer otherwise. */
  readonly after?: boolean;
}

export interface StubGraph extends AsyncDisposable {
  readonly subgraphs: readonly Subgraph[];
  /** What came since the last look, in order. */
  take(): Came[];
  disturb: Disturb | null;
  /** Mutations that have run, by name. */
  readonly ran: string[];
  /** What a token of these names, by cluster. */
  lsns(token: string | null): Readonly<Record<string, number>>;
  /** The position of each subgraph's database now. */
  readonly at: Record<keyof typeof CLUSTERS, number>;
}

const COMMON = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external"])
directive @consistent(level: ConsistencyLevel, maxLagMs: Int) on QUERY | MUTATION | FIELD
enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT }
`;
const SDL = {
  accounts: `${COMMON}
type Query { user(id: ID!): User users: [User!]! broken: User }
type Mutation { renameUser(id: ID!, name: String!): User! touchUser(id: ID!): User! failUser(id: ID!): User }
type User @key(fields: "id") { id: ID! name: String! }`,
  work: `${COMMON}
type Query { task(id: ID!): Task tasks: [Task!]! }
type Mutation { createTask(title: String!): Task! }
type Task @key(fields: "id") { id: ID! title: String! owner: User! }
type User @key(fields: "id") { id: ID! tasks: [Task!]! }`,
};

const user = (id: string): object => ({ __typename: 'User', id, name: `user ${id}` });
const task = (id: string): object => ({
  __typename: 'Task',
  id,
  title: `task ${id}`,
  owner: { __typename: 'User', id: '1' },
});

export async function startStubs(): Promise<StubGraph> {
  const came: Came[] = [];
  const ran: string[] = [];
  const at = { accounts: 1, work: 1 };
  const mutation =
    (name: keyof typeof CLUSTERS, field: string, result: (args: Record<string, string>) => object) =>
    (_: unknown, args: Record<string, string>): object => {
      at[name] += 1;
      ran.push(field);
      return result(args);
    };
  const schemas: Record<keyof typeof CLUSTERS, GraphQLSchema> = {
    accounts: buildSubgraphSchema([
      {
        typeDefs: parse(SDL.accounts),
        resolvers: {
          Query: {
            user: (_: unknown, { id }: { id: string }) => user(id),
            users: () => [user('1'), user('2')],
            broken: () => {
              throw Object.assign(new Error('It is lost.'), {
                extensions: { code: 'CONSISTENCY_LOST', retryable: false, details: { committed: true } },
              });
            },
          },
          User: { __resolveReference: ({ id }: { id: string }) => user(id) },
          Mutation: {
            renameUser: mutation('accounts', 'renameUser', ({ id = '' }) => user(id)),
            touchUser: mutation('accounts', 'touchUser', ({ id = '' }) => user(id)),
            failUser: mutation('accounts', 'failUser', () => {
              throw Object.assign(new Error('Somebody was faster.'), {
                extensions: { code: 'CONFLICT', retryable: false, details: { version: 7 } },
              });
            }),
          },
        } as never,
      },
    ]),
    work: buildSubgraphSchema([
      {
        typeDefs: parse(SDL.work),
        resolvers: {
          Query: { task: (_: unknown, { id }: { id: string }) => task(id), tasks: () => [task('1'), task('2')] },
          Task: { __resolveReference: ({ id }: { id: string }) => task(id) },
          User: { __resolveReference: (reference: object) => reference, tasks: () => [task('5')] },
          Mutation: { createTask: mutation('work', 'createTask', () => task('9')) },
        } as never,
      },
    ]),
  };
  const graph: Omit<StubGraph, 'subgraphs'> & { subgraphs: Subgraph[] } = {
    subgraphs: [],
    ran,
    at,
    disturb: null,
    take: () => came.splice(0),
    lsns: (token) =>
      Object.fromEntries(
        [...stubCodec.decode(token ?? '')].map(([cluster, { lsn }]) => [
          cluster === CLUSTERS.accounts ? 'accounts' : cluster === CLUSTERS.work ? 'work' : cluster,
          Number(lsn),
        ]),
      ),
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
  const servers: Server[] = [];
  for (const name of ['accounts', 'work'] as const) {
    const server = createServer((request, response) => {
      void answer(request, { name, schema: schemas[name], graph, came }).then(({ status, headers, body }) => {
        if (status === 0) return void response.destroy();
        response.writeHead(status, headers).end(body);
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { data } = await graphql({ schema: schemas[name], source: '{ _service { sdl } }' });
    graph.subgraphs.push({
      name,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
      sdl: (data as { _service: { sdl: string } })._service.sdl,
    });
  }
  return graph;
}

interface Stub {
  readonly name: keyof typeof CLUSTERS;
  readonly schema: GraphQLSchema;
  readonly graph: Pick<StubGraph, 'at' | 'disturb'>;
  readonly came: Came[];
}

async function answer(
  request: IncomingMessage,
  { name, schema, graph, came }: Stub,
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { query, variables } = JSON.parse(text) as { query: string; variables?: Record<string, unknown> };
  const headers = request.headers as Record<string, string | undefined>;
  const one: Came = { subgraph: name, query: query.replace(/\s+/g, ' '), headers };
  came.push(one);
  const disturbed = await graph.disturb?.(one);
  const json = { 'content-type': 'application/json' };
  if (disturbed && disturbed.after !== true)
    return { status: disturbed.status, headers: json, body: JSON.stringify(disturbed.body ?? {}) };
  const result = await graphql({ schema, source: query, ...(variables ? { variableValues: variables } : {}) });
  if (disturbed) return { status: disturbed.status, headers: json, body: JSON.stringify(disturbed.body ?? {}) };
  const mine: Positions = new Map([
    [
      CLUSTERS[name] as ClusterId,
      { cluster: CLUSTERS[name] as ClusterId, timeline: 1, lsn: toLsn(BigInt(graph.at[name])) },
    ],
  ]);
  const token =
    stubCodec.encode(
      mergePositions(
        ...['consistency-token', 'consistency-floor'].map((header) => stubCodec.decode(headers[header] ?? '')),
        mine,
      ),
    ) ?? '';
  const mutates = query.trimStart().startsWith('mutation');
  const asked =
    headers['consistency-token'] !== undefined ||
    headers['consistency-level'] !== undefined ||
    query.includes('@consistent') ||
    mutates;
  const report = {
    token,
    level: headers['consistency-token'] ? 'SESSION' : 'EVENTUAL',
    region: 'here',
    servedBy: { cache: 1, replica: 2, primary: 0 },
    waitedMs: name === 'work' ? 7 : 3,
    staleness: name === 'work' ? 20 : 30,
    ...(mutates ? { writes: name === 'work' ? 'forwarded' : 'local' } : {}),
  };
  return {
    status: 200,
    headers: { ...json, 'consistency-token': token, 'set-cookie': `subgraph=${name}; Path=/` },
    body: JSON.stringify({ ...result, ...(asked ? { extensions: { consistency: report } } : {}) }),
  };
}
