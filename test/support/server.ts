/** Owns a real server over a small schema for tests of the HTTP side; no database stands behind it. */
import { makeSlow, type Slow } from './slow.ts';
import { buildSchema, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { GraphQLError } from 'graphql';
import { systemClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { type Viewer } from '../../src/base/viewer.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { LiveQueries } from '../../src/live/queries.ts';
import { type ForwardSettings } from '../../src/server/forward-receiver.ts';
import { type Readiness } from '../../src/server/health.ts';
import { startServer, type IncomingRequest, type RunningServer, type ServerSettings } from '../../src/server/start.ts';
import { createViewers, type ViewerHook } from '../../src/server/viewer.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/telemetry.ts';

export interface TestContext {
  readonly viewer: Viewer | null;
  readonly request: IncomingRequest;
}

const SDL = `
  type Query { hello: String me: String slow: String node: Node fail(how: String!): String int(value: Int!): Int }
  type Mutation { touch: String }
  type Subscription { hello: String me: String slow: String node: Node long(bytes: Int!): String }
  type Node { id: ID! child: Node }
`;

export interface TestServerSettings {
  readonly options?: Partial<Options>;
  readonly hook?: ViewerHook;
  readonly ready?: () => Promise<Readiness>;
  /** Takes forwarded mutations. */
  readonly forward?: ForwardSettings;
  /** Answers that are kept whole. */
  readonly answers?: ServerSettings<TestContext>['answers'];
  readonly tokenCookies?: ServerSettings<TestContext>['tokenCookies'];
  /** Serves subscriptions; default not. */
  readonly live?: boolean;
  /** Instead of giving the viewer to resolvers. */
  readonly context?: (request: IncomingRequest) => Promise<TestContext>;
}

export interface TestServer extends AsyncDisposable {
  readonly running: RunningServer;
  /** Without `/graphql`. */
  readonly base: string;
  readonly telemetry: Telemetry;
  /** Log lines so far, parsed. */
  readonly logged: Record<string, unknown>[];
  /** Holds the answer of `{ slow }` until released. */
  readonly slow: Slow;
  readonly queries: LiveQueries;
  /** Posts an operation; the answer's status, headers and JSON body. */
  ask(query: string, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    data?: Record<string, unknown> | null;
    errors?: { message: string; extensions: Record<string, unknown> }[];
  };
}

export async function startTestServer(settings: TestServerSettings = {}): Promise<TestServer> {
  const logged: Record<string, unknown>[] = [];
  const telemetry = createTelemetry({
    level: 'debug',
    destination: { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const options = defaultOptions({ port: 0, auth: 'none', ...settings.options });
  const slow = makeSlow();
  const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
  const queries = new LiveQueries({ cache: null, limits: options, clock: systemClock, observe });
  const running = await startServer<TestContext>({
    schema: testSchema(slow),
    context: settings.context ?? ((request) => ({ viewer: request.viewer, request })),
    viewers: createViewers(options, settings.hook),
    health: { ready: settings.ready ?? (async () => ({ ok: true })) },
    options,
    telemetry,
    ...(settings.live ? { live: { queries, scopeOf: () => null, encode: () => null } } : {}),
    ...(settings.forward ? { forward: settings.forward } : {}),
    ...(settings.answers ? { answers: settings.answers } : {}),
    ...(settings.tokenCookies ? { tokenCookies: settings.tokenCookies } : {}),
  });
  const ask = async (query: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(running.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  };
  return {
    running,
    base: running.url.replace('/graphql', ''),
    telemetry,
    logged,
    slow,
    queries,
    ask,
    [Symbol.asyncDispose]: () => running.close(),
  };
}

type Resolver = GraphQLFieldResolver<unknown, TestContext, { how?: string; value?: number; bytes?: number }>;

const FAILURES: Record<string, () => Error> = {
  plain: () => new TypeError('connect to postgres://root:hunter2@db failed at SELECT secret'),
  meridian: () =>
    new MeridianError({
      code: 'OVERLOADED',
      message: 'Too many reads; try again.',
      details: { what: 'reads', limit: 5 },
    }),
  database: () =>
    new MeridianError({
      code: 'DATABASE_ERROR',
      message: 'The statement failed.',
      cause: new Error('syntax error at SELECT hunter2'),
    }),
  custom: () => new GraphQLError('Not today.', { extensions: { code: 'CLOSED' } }),
};

function testSchema(slow: Slow): GraphQLSchema {
  const schema = buildSchema(SDL);
  const resolvers: Record<string, Resolver> = {
    hello: () => 'world',
    me: (_source, _args, { viewer }) => (viewer ? `${viewer.id}/${viewer.tenant}/${viewer.roles.join('+')}` : null),
    slow: () => slow.wait(),
    node: () => ({ id: '1', child: null }),
    int: (_source, { value }) => value,
    // Another one each time.
    long: (_source, { bytes }) => String(Math.random()).padEnd(bytes ?? 0, '-'),
    fail: (_source, { how }) => {
      throw FAILURES[how ?? '']?.() ?? new Error('no such failure');
    },
  };
  for (const type of [schema.getQueryType(), schema.getSubscriptionType()])
    for (const [name, field] of Object.entries(type?.getFields() ?? {}))
      field.resolve = resolvers[name] as GraphQLFieldResolver<unknown, unknown>;
  return schema;
}
