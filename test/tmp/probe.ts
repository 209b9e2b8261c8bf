import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { composeServices as apolloCompose } from '@apollo/composition';
import { composeServices } from '@theguild/federation-composition';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { graphql, parse } from 'graphql';

const COMMON = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external"])
directive @consistent(level: ConsistencyLevel, maxLagMs: Int) on QUERY | MUTATION | FIELD
enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT }
`;
const ACCOUNTS = COMMON + `
type Query { user(id: ID!): User users: [User!]! }
type Mutation { renameUser(id: ID!, name: String!): User! touchUser(id: ID!): User! failUser: User! }
type User @key(fields: "id") { id: ID! name: String! }`;
const WORK = COMMON + `
type Query { task(id: ID!): Task tasks: [Task!]! }
type Mutation { createTask(title: String!): Task! }
type Task @key(fields: "id") { id: ID! title: String! owner: User! }
type User @key(fields: "id") { id: ID! tasks: [Task!]! }`;
const user = (id: string) => ({ __typename: 'User', id, name: 'u' + id, __resolveReference: undefined });
const task = (id: string) => ({ __typename: 'Task', id, title: 't' + id, owner: { __typename: 'User', id: '1' } });
const log: string[] = [];
async function sub(name: string, sdl: string, resolvers: any) {
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers }]);
  const server = createServer(async (req, res) => {
    let body = ''; for await (const c of req) body += c;
    const { query, variables, operationName } = JSON.parse(body);
    const h = Object.fromEntries(Object.entries(req.headers).filter(([k]) => /consist|idem|auth|trace|x-|apollo/.test(k)));
    log.push(`${name} <- ${query.replace(/\s+/g, ' ')} ${JSON.stringify(variables)} op=${operationName} ${JSON.stringify(h)}`);
    const r = await graphql({ schema, source: query, variableValues: variables, operationName });
    res.setHeader('content-type', 'application/json'); res.setHeader('consistency-token', 'tok-' + name);
    res.end(JSON.stringify({ ...r, extensions: { consistency: { token: 'tok-' + name } } }));
  });
  server.listen(0); await once(server, 'listening');
  const { sdl: s } = (await graphql({ schema, source: '{_service{sdl}}' })).data!['_service'] as any;
  return { name, url: `http://127.0.0.1:${(server.address() as any).port}/graphql`, typeDefs: parse(s), server };
}
const accounts = await sub('accounts', ACCOUNTS, { Query: { user: (_: any, { id }: any) => user(id), users: () => [user('1'), user('2')] }, User: { __resolveReference: (r: any) => user(r.id) }, Mutation: { renameUser: (_: any, { id }: any) => user(id), touchUser: (_: any, { id }: any) => user(id), failUser: () => { throw new Error('x'); } } });
const work = await sub('work', WORK, { Query: { task: (_: any, { id }: any) => task(id), tasks: () => [task('1')] }, User: { __resolveReference: (r: any) => ({ ...r }), tasks: () => [task('5')] }, Task: { __resolveReference: (r: any) => task(r.id) }, Mutation: { createTask: () => task('9') } });
const a = apolloCompose([accounts, work]); const g = composeServices([accounts, work]);
console.log('apollo composition', (a as any).errors, 'consistent' , /directive @consistent/.test(a.supergraphSdl!)); console.log('guild', (g as any).errors, /directive @consistent/.test(g.supergraphSdl!));
const supergraph = { apollo: a.supergraphSdl!, guild: g.supergraphSdl! };
const which = (process.argv[2] ?? 'guild') as 'apollo' | 'guild';
const hive = createGatewayRuntime({ transports: { http: (await import('/tmp/gwx/t/package/dist/index.js' as string)).default } as any, supergraph: supergraph[which], logging: 'error', plugins: () => [{
  onSubgraphExecute({ executionRequest, subgraphName }: any) { const i = executionRequest.info; log.push(`   hook sub=${subgraphName} opType=${executionRequest.operationType} info.path=${JSON.stringify(i?.path)} rootValue=${!!executionRequest.rootValue} ctx=${!!executionRequest.context?.params}`); return ({ result }: any) => { log.push('   done ext=' + JSON.stringify(result.extensions)); }; },
  onFetch({ executionRequest, options, url }: any) { log.push(`   fetch ${!!executionRequest?.context?.params}`); },
} as any] });
const ag = new ApolloServer({ gateway: new ApolloGateway({ supergraphSdl: supergraph[which], buildService: ({ url }) => new RemoteGraphQLDataSource({ url: url! }) }) });
await ag.start();
const OPS: Record<string, [string, any?]> = {
  opLevel: ['query Q @consistent(level: STRONG) { user(id: 1) { name tasks { title } } }'],
  opBare: ['query @consistent { user(id: 1) { name } task(id: 1) { title } }'],
  opVar: ['query Q($l: ConsistencyLevel, $m: Int) @consistent(level: $l, maxLagMs: $m) { user(id: 1) { name } }', { l: 'BOUNDED', m: 5 }],
  rootField: ['{ user(id: 1) @consistent(level: STRONG) { name } }'],
  rootFieldVar: ['query($l: ConsistencyLevel) { user(id: 1) @consistent(level: $l) { name tasks { title } } }', { l: 'STRONG' }],
  entityField: ['{ user(id: 1) { name tasks @consistent(level: STRONG) { title } } }'],
  entityFieldVar: ['query($l: ConsistencyLevel) { user(id: 1) { name tasks @consistent(level: $l) { title } } }', { l: 'STRONG' }],
  nested: ['{ user(id: 1) { name tasks @consistent(level: STRONG) { title owner { name } } } }'],
  fragment: ['{ user(id: 1) { ...F } } fragment F on User { name tasks @consistent { title } }'],
  mutation: ['mutation M @consistent { a: renameUser(id: 1, name: "x") { name } b: renameUser(id: 2, name: "y") { name tasks { title } } createTask(title: "z") { title owner { name } } }'],
  parallel: ['{ users { name } tasks { title owner { name tasks { title } } } }'],
  sameField: ['{ a: user(id: 1) { name } b: user(id: 2) { name } }'],
};
for (const [name, [query, variables]] of Object.entries(OPS)) {
  if (process.argv[3] && process.argv[3] !== name) continue;
  console.log('==', name, query);
  const r = await hive.fetch('http://x/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query, variables }) });
  console.log(' HIVE', await r.text(), r.headers.get('consistency-token')); console.log(log.splice(0).map((l) => '   ' + l).join('\n'));
  const { body } = await ag.executeOperation({ query, variables }) as any;
  console.log(' APOLLO', JSON.stringify(body.singleResult)); console.log(log.splice(0).map((l) => '   ' + l).join('\n'));
}
process.exit(0);
