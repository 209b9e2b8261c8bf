/**
 * Owns the list of options: everything that can be tuned, each declared once. Docs, flags and environment follow from
 * it.
 */
import { COOKIE_DOMAIN, COOKIE_NAME, COOKIE_PATH } from '../base/cookie-rules.ts';
import { choice, count, flag, milliseconds, option, text, textLike, url, type Option } from './option.ts';
import { siblings, SUBGRAPH_NAME } from './siblings.ts';
import { viewerSettings } from './viewer-settings.ts';

/** As GraphQL has names; those that begin with two underscores are its own. */
const FIELD_NAME = {
  pattern: /^(?!__)[A-Za-z_]\w*$/,
  words: 'a name of GraphQL (letters, digits and underscores, no digit first), or empty',
};
/** Directives such as `no-cache` and `max-age=60`. */
const CACHE_CONTROL = {
  pattern: /^[a-z-]+(=\d+)?(, *[a-z-]+(=\d+)?)*$/,
  words: 'directives of Cache-Control, comma-separated, such as no-cache or max-age=60',
};

export const OPTIONS = {
  config: option(text(), {
    default: '',
    group: 'application',
    help: 'JSON file with regions and options; without it, meridian.json in the current folder is read if it is there. Flags and the environment win over it.',
  }),
  region: option(text(), {
    default: '',
    group: 'application',
    help: 'Name of the region that this server runs in; may be left out where only one region is configured.',
  }),
  schema: option(text(), {
    default: './schema',
    group: 'application',
    help: 'Folder with the SDL files of the application.',
  }),
  resolvers: option(text(), {
    default: '',
    group: 'application',
    help: 'TypeScript or JavaScript module with custom resolvers; empty for none.',
  }),

  port: option(count(0, 65_535), {
    default: 4000,
    group: 'server',
    help: 'TCP port of the GraphQL server; 0 picks a free one.',
  }),
  host: option(text(), { default: '127.0.0.1', group: 'server', help: 'Address that the GraphQL server listens on.' }),
  workers: option(count(1, 256), {
    default: 1,
    group: 'server',
    help: 'Processes of `meridian start` that serve the one port, so that a server uses several processor cores. Each has its own poolSize, cacheBytes and other limits. More than one needs a Redis of the region, or cache: false.',
  }),
  drainDelayMs: option(milliseconds(0), {
    default: 0,
    group: 'server',
    help: 'How long to go on serving after SIGTERM with /health/ready already failing, so that load balancers notice before connections are refused.',
  }),
  drainMs: option(milliseconds(), {
    default: 10_000,
    group: 'server',
    help: 'How long requests in flight may take to finish after SIGTERM.',
  }),
  closeMs: option(milliseconds(), {
    default: 5_000,
    group: 'server',
    help: 'How long connections to databases may take to close after that, before the process ends anyway.',
  }),
  receiveMs: option(milliseconds(), {
    default: 30_000,
    group: 'server',
    help: 'Time limit for receiving one whole request.',
  }),
  keepAliveMs: option(milliseconds(1_000), {
    default: 72_000,
    group: 'server',
    help: 'How long a connection is kept open for the next request on it.',
  }),
  maxRequestBytes: option(count(1, 1 << 30), { default: 1 << 20, group: 'server', help: 'Largest request body.' }),
  maxRequestDepth: option(count(10, 1_000), {
    default: 600,
    group: 'server',
    help: 'Levels that the JSON of a request, its variables above all, may nest.',
  }),
  readyMs: option(milliseconds(), {
    default: 2_000,
    group: 'server',
    help: 'Time limit of the checks behind /health/ready.',
  }),
  corsOrigins: option(text(), {
    default: '',
    group: 'server',
    help: 'Origins whose browsers may call the server, comma-separated, or * for all; empty for none.',
  }),
  corsCredentials: option(flag(), {
    default: false,
    group: 'server',
    help: 'Whether browsers of these origins may send cookies along (fetch with credentials: include), as tokenCookie needs of frontends on another origin of the same site; not together with *.',
  }),
  cacheControl: option(textLike(CACHE_CONTROL), {
    default: 'no-store',
    group: 'server',
    help: 'Cache-Control header of answers without errors to queries by GET, for browsers and proxies: no-cache lets them keep an answer and ask each time whether it still holds; with max-age they show it without asking. Answers for a viewer, with a token, or of another level than EVENTUAL stay no-store. Where the schema has @cacheControl, that decides instead.',
  }),
  maxQueryTokens: option(count(), {
    default: 10_000,
    group: 'server',
    help: 'Longest GraphQL document, in lexical tokens.',
  }),
  documentBytes: option(count(0, 2 ** 34), {
    default: 30 << 20,
    group: 'server',
    help: 'Bytes of parsed documents that one process keeps; 0 for none.',
  }),
  persistedQueryBytes: option(count(0, 2 ** 34), {
    default: 30 << 20,
    group: 'server',
    help: 'Bytes of query texts that one process keeps for clients and gateways that send a hash alone (automatic persisted queries); 0 refuses hashes.',
  }),
  maxQueryDepth: option(count(), {
    default: 15,
    group: 'server',
    help: 'Deepest selection that an operation may have.',
  }),
  maxAnswerValues: option(count(1, 100_000_000), {
    default: 250_000,
    group: 'server',
    help: 'Values that the answer to one operation could hold at most, every field counted and page sizes multiplied along its path; larger operations are refused before anything is read.',
  }),
  maxMutations: option(count(), {
    default: 50,
    group: 'server',
    help: 'Mutations that one operation may hold: they run one after the other.',
  }),

  poolSize: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Connections to each database that this server reads or writes; with several workers, that each of them does.',
  }),
  poolWarm: option(count(0), {
    default: 2,
    group: 'connections',
    help: 'Connections to each database that are opened ahead and kept open: opening one to another region takes half a dozen round trips.',
  }),
  poolQueue: option(count(0), {
    default: 1_000,
    group: 'connections',
    help: 'Statements that may wait for a connection; more are refused with OVERLOADED.',
  }),
  poolWaitMs: option(milliseconds(), { default: 2_000, group: 'connections', help: 'Longest wait for a connection.' }),
  connectMs: option(milliseconds(), {
    default: 2_000,
    group: 'connections',
    help: 'Time limit for opening a connection.',
  }),
  statementMs: option(milliseconds(), {
    default: 15_000,
    group: 'connections',
    help: 'Time limit for one SQL statement.',
  }),
  maxPrepared: option(count(10), {
    default: 500,
    group: 'connections',
    help: 'Prepared statements that one connection keeps; statements beyond are planned each time.',
  }),
  primaryReads: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Reads that may run at the primary at once from this server, so that a dead replica cannot overrun it.',
  }),
  operationStatements: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Reading statements of one operation that run at once; its other ones wait for these, and take no place in the queue for connections meanwhile. Never more than poolSize or primaryReads.',
  }),
  operationWaitMs: option(milliseconds(), {
    default: 30_000,
    group: 'connections',
    help: 'Longest wait of a statement for others of its own operation; beyond, it fails with OVERLOADED.',
  }),

  flushMs: option(milliseconds(10), {
    default: 5_000,
    group: 'consistency',
    help: 'Longest wait until the primary has flushed what a request has seen there; beyond, a read fails with CONSISTENCY_TIMEOUT.',
  }),
  maxWaitMs: option(milliseconds(0), {
    default: 2_000,
    group: 'consistency',
    help: 'Longest time a read may wait for its floor before it fails with CONSISTENCY_TIMEOUT.',
  }),
  maxWaiters: option(count(), {
    default: 10_000,
    group: 'consistency',
    help: 'Reads that may wait for a floor at once.',
  }),
  boundedLagMs: option(milliseconds(), {
    default: 5_000,
    group: 'consistency',
    help: 'Bound of level BOUNDED when the request names none.',
  }),
  maxTokenBytes: option(count(64, 65_536), {
    default: 4_096,
    group: 'consistency',
    help: 'Longest consistency token header.',
  }),

  tokenCookie: option(textLike(COOKIE_NAME), {
    default: '',
    group: 'cookies',
    help: 'What the names of cookies begin with that carry consistency tokens, for clients that can keep none themselves; empty: no cookies. Each graph of a host needs a name of its own. __Host- before it keeps other hosts of the domain from setting such cookies.',
  }),
  tokenCookiePath: option(textLike(COOKIE_PATH), {
    default: '/graphql',
    group: 'cookies',
    help: 'Path that browsers send the cookies to: that of GraphQL as they see it.',
  }),
  tokenCookieDomain: option(textLike(COOKIE_DOMAIN), {
    default: '',
    group: 'cookies',
    help: 'Domain whose hosts the cookies are sent to, where each region has a host of its own; empty: the host that answered, and no other.',
  }),
  tokenCookieSameSite: option(choice(['strict', 'lax']), {
    default: 'strict',
    group: 'cookies',
    help: 'Whether browsers send the cookies only along with requests that pages of the same site make, or (lax) also when a link leads here.',
  }),
  tokenCookieSecure: option(flag(), {
    default: true,
    group: 'cookies',
    help: 'Whether browsers send the cookies over HTTPS only. Most take localhost for secure as well.',
  }),
  tokenCookieMaxAgeS: option(count(1, 34_560_000), {
    default: 86_400,
    group: 'cookies',
    help: 'How long browsers keep such a cookie, in seconds. Secrets that no longer sign must verify for as long.',
  }),
  tokenCookieCount: option(count(1, 1_000), {
    default: 64,
    group: 'cookies',
    help: 'Token cookies that one request may have: as many as answers were under way to one browser at once. With more it is refused, and they are expired.',
  }),
  tokenCookieBytes: option(count(256, 65_536), {
    default: 8_192,
    group: 'cookies',
    help: 'Bytes of such cookies, names included, that one request may have; likewise.',
  }),

  subgraph: option(textLike(SUBGRAPH_NAME), {
    default: '',
    group: 'the graph',
    help: "Name of this server's subgraph, as the gateway knows it; needed where the graph has several.",
  }),
  siblings: option(siblings(), {
    default: '',
    group: 'the graph',
    help: "GraphQL URLs of the other subgraphs' servers in this region, by subgraph name; regionHealth and conflicts ask them, since a gateway asks one subgraph alone. This server's own name may be among them.",
  }),
  regionHealthField: option(textLike(FIELD_NAME), {
    default: 'regionHealth',
    group: 'the graph',
    help: 'Name of the field of Query that tells administrators how regions are; empty to leave it out. The same in every subgraph of a graph.',
  }),
  conflictsField: option(textLike(FIELD_NAME), {
    default: 'conflicts',
    group: 'the graph',
    help: 'Name of the field of Query that tells administrators of conflicts; empty to leave it out. The same in every subgraph of a graph.',
  }),
  subgraphMs: option(milliseconds(), {
    default: 60_000,
    group: 'the graph',
    help: "Time limit of one fetch of the development gateway's from a subgraph, which has limits of its own for all that it does: this one is for a server that hangs.",
  }),
  siblingMs: option(milliseconds(), {
    default: 1_000,
    group: 'the graph',
    help: "Time limit of one question to another subgraph's server, from connecting until the whole answer is there.",
  }),
  siblingBytes: option(count(1_024, 1 << 28), {
    default: 4 << 20,
    group: 'the graph',
    help: "Largest answer of another subgraph's server.",
  }),
  siblingQuestions: option(count(), {
    default: 32,
    group: 'the graph',
    help: "Questions to other subgraphs' servers that may be under way at once; those beyond are not asked, and told of as not answered.",
  }),

  heartbeatMs: option(milliseconds(50), {
    default: 1_000,
    group: 'tail',
    help: 'Interval of the heartbeat that is written at the primary.',
  }),
  slotName: option(text(), {
    default: 'meridian',
    group: 'tail',
    help: "Name of the logical slot on the region's replica.",
  }),
  publication: option(text(), {
    default: 'meridian',
    group: 'tail',
    help: 'Name of the publication that the tail reads.',
  }),
  tailRetryMs: option(milliseconds(), {
    default: 200,
    group: 'tail',
    help: 'First wait before the tail reconnects; doubles up to tailRetryMaxMs.',
  }),
  tailRetryMaxMs: option(milliseconds(), {
    default: 5_000,
    group: 'tail',
    help: 'Longest wait before the tail reconnects.',
  }),
  maxTransactionChanges: option(count(), {
    default: 100_000,
    group: 'tail',
    help: 'Row changes of one transaction kept as rows; a larger one is treated as changes to whole tables.',
  }),
  maxTransactionBytes: option(count(1_024, 1 << 30), {
    default: 64 << 20,
    group: 'tail',
    help: "Bytes of one transaction's row changes kept as rows; a larger one is treated as changes to whole tables.",
  }),
  tailBufferBytes: option(count(65_536, 1 << 30), {
    default: 16 << 20,
    group: 'tail',
    help: 'Bytes of changes that may wait to be applied before the tail stops reading more.',
  }),
  tailStatusMs: option(milliseconds(10), {
    default: 250,
    group: 'tail',
    help: 'Interval at which the tail acknowledges what is applied and asks how far the replica is.',
  }),
  tailSilenceMs: option(milliseconds(100), {
    default: 60_000,
    group: 'tail',
    help: 'Silence of the replica after which the tail reconnects.',
  }),
  slotCreateMs: option(milliseconds(100), {
    default: 60_000,
    group: 'tail',
    help: 'Longest time for creating the logical slot.',
  }),
  slotRetryMs: option(milliseconds(10), {
    default: 1_000,
    group: 'tail',
    help: "How often a server that does not hold the region's slot tries to take it over.",
  }),
  replayPollMs: option(milliseconds(), {
    default: 3,
    group: 'tail',
    help: 'Interval at which the replica is asked for its replay position while reads wait for one: one question for all of them.',
  }),
  replayIdleMs: option(milliseconds(), { default: 500, group: 'tail', help: 'The same while no read waits.' }),

  cache: option(flag(), { default: true, group: 'cache', help: 'Whether rows, lists and counts are cached at all.' }),
  cacheEntries: option(count(0), {
    default: 100_000,
    group: 'cache',
    help: 'Values that one process keeps; 0 for none.',
  }),
  cacheBytes: option(count(0, 2 ** 34), {
    default: 128 << 20,
    group: 'cache',
    help: 'Bytes of values that one process keeps.',
  }),
  cacheValueBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'cache',
    help: 'Largest value that is kept.',
  }),
  cacheVariants: option(count(), {
    default: 64,
    group: 'cache',
    help: 'Lists, pages and counts with different arguments that are kept for one parent.',
  }),
  cacheTtlMs: option(milliseconds(), {
    default: 3_600_000,
    group: 'cache',
    help: 'After this long a value is read anew although no change is known: a backstop only. @cached(ttlMs:) wins over it.',
  }),
  cacheJitterPercent: option(count(0, 90), {
    default: 10,
    group: 'cache',
    help: 'By how much of it the time to live of each value is shortened at random, so that values that were read together do not end together.',
  }),
  cacheStaleMs: option(milliseconds(0), {
    default: 10_000,
    group: 'cache',
    help: 'How long after its time to live a value may still be shown to reads without a floor, while it is read anew.',
  }),
  cacheLagMs: option(milliseconds(), {
    default: 5_000,
    group: 'cache',
    help: "How far the cache may be behind the region's own server before reads go past it, also those whose floor it has reached.",
  }),
  operationCacheBytes: option(count(0, 2 ** 34), {
    default: 64 << 20,
    group: 'cache',
    help: "Bytes of whole answers that one process keeps, beside the values of cacheBytes: a query that comes again, for the same viewer's tenant and settings, is answered without being executed. 0 for none.",
  }),
  operationCacheValueBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'cache',
    help: 'Largest answer that is kept whole.',
  }),
  operationCacheTags: option(count(1), {
    default: 2_000,
    group: 'cache',
    help: 'Most rows, lists and counts that an answer may depend on to be kept whole.',
  }),
  operationCacheFirst: option(flag(), {
    default: false,
    group: 'cache',
    help: 'Whether an answer is kept whole when its query comes for the first time; unless so, when it comes for the second time.',
  }),
  operationCacheRequestBytes: option(count(1_024, 1 << 24), {
    default: 16 << 10,
    group: 'cache',
    help: 'Longest request body whose answer is kept whole.',
  }),
  liveQueries: option(count(), {
    default: 10_000,
    group: 'live queries',
    help: 'Different live queries that one process serves at once; equal ones of several subscribers are one.',
  }),
  liveSubscribers: option(count(), {
    default: 20_000,
    group: 'live queries',
    help: 'Subscriptions that one process serves at once.',
  }),
  liveSubscribersPerViewer: option(count(1), {
    default: 200,
    group: 'live queries',
    help: 'Subscriptions of one viewer that one process serves at once; requests without a viewer are not counted.',
  }),
  liveSubscribersPerConnection: option(count(1), {
    default: 100,
    group: 'live queries',
    help: 'Subscriptions on one WebSocket.',
  }),
  liveConcurrency: option(count(1), {
    default: 32,
    group: 'live queries',
    help: 'Live queries that are answered at once; the others wait in a line.',
  }),
  liveIntervalMs: option(milliseconds(), {
    default: 20,
    group: 'live queries',
    help: 'Shortest time between two answers of one live query: changes that come together are answered together.',
  }),
  livePollMs: option(milliseconds(50), {
    default: 1_000,
    group: 'live queries',
    help: "After how long a live query is answered again where nobody tells of changes: the region's tail is lost, the answer is made of what no cache keeps, or a read has failed.",
  }),
  liveLifeMs: option(milliseconds(), {
    default: 3_600_000,
    group: 'live queries',
    help: 'After how long a connection with subscriptions ends, give or take a tenth, so that clients spread over servers again; 0: never.',
  }),
  livePingMs: option(milliseconds(1_000), {
    default: 12_000,
    group: 'live queries',
    help: 'Between two signs of life on a connection without messages; a WebSocket that does not answer one is closed.',
  }),
  liveCheckMs: option(milliseconds(1_000), {
    default: 30_000,
    group: 'live queries',
    help: 'Between two looks whether the credentials of a connection with subscriptions still hold.',
  }),
  cacheInFlight: option(count(), {
    default: 10_000,
    group: 'cache',
    help: 'Values that may be being read at once with others waiting for them; beyond, everybody reads for themselves.',
  }),
  leaseMs: option(milliseconds(0), {
    default: 50,
    group: 'cache',
    help: 'How long a server waits for another one of the region that is reading the same value just now; 0 reads at once.',
  }),
  tombstones: option(count(100), {
    default: 200_000,
    group: 'cache',
    help: 'Invalidations that are remembered, so that reads which were under way do not fill in what they made wrong.',
  }),
  tombstoneMs: option(milliseconds(), {
    default: 60_000,
    group: 'cache',
    help: 'How long invalidations are remembered; what was read longer ago is not kept.',
  }),
  maxTags: option(count(10), {
    default: 10_000,
    group: 'cache',
    help: 'Tags that one transaction invalidates one by one in a table; beyond, all values of that table.',
  }),
  redisPrefix: option(text(), {
    default: 'meridian',
    group: 'cache',
    help: 'What every key in Redis begins with. Servers of one region and one graph share it; different graphs must not.',
  }),
  redisMode: option(choice(['standalone', 'sentinel', 'cluster']), {
    default: 'standalone',
    group: 'cache',
    help: "What the region's Redis URL names: one server, Sentinels (with redisMaster), or nodes of a Cluster. Several are separated by commas.",
  }),
  redisMaster: option(text(), {
    default: 'mymaster',
    group: 'cache',
    help: 'Name of the master that the Sentinels watch.',
  }),
  redisMs: option(milliseconds(), { default: 100, group: 'cache', help: 'Time limit of one command to Redis.' }),
  redisConnectMs: option(milliseconds(), {
    default: 1_000,
    group: 'cache',
    help: 'Time limit for connecting to Redis.',
  }),
  redisFailures: option(count(), {
    default: 3,
    group: 'cache',
    help: 'Failed commands in a row after which Redis is not asked for a while.',
  }),
  redisRetryMs: option(milliseconds(), {
    default: 1_000,
    group: 'cache',
    help: 'How long Redis is left alone then, before it is tried again.',
  }),
  redisStatsMs: option(milliseconds(100), {
    default: 2_000,
    group: 'cache',
    help: 'Interval at which a server leaves its cache figures in Redis, for regionHealth in other regions.',
  }),
  viewerSettings: option(viewerSettings(), {
    default: '',
    group: 'server',
    help: 'Settings of the database that carry the viewer into row-level security, comma-separated, each setting=id, tenant or roles, or setting:literal: app.tenant_id=tenant,app.user_id=id,role:app_user. They are part of every cache key.',
  }),

  probeMs: option(milliseconds(50), {
    default: 500,
    group: 'health',
    help: 'Interval between two probes of a region.',
  }),
  probeTimeoutMs: option(milliseconds(), { default: 1_000, group: 'health', help: 'Time limit of one probe.' }),
  failuresToUnreachable: option(count(), {
    default: 3,
    group: 'health',
    help: 'Failed probes in a row before a region counts as unreachable.',
  }),
  successesToHealthy: option(count(), {
    default: 2,
    group: 'health',
    help: 'Good probes in a row before a region counts as healthy again.',
  }),
  lagAlertMs: option(milliseconds(), {
    default: 5_000,
    group: 'health',
    help: 'Replication lag above which an alert is raised.',
  }),
  alertWebhook: option(url('http', 'https'), {
    default: '',
    group: 'health',
    secret: true,
    help: 'URL that receives a POST when an alert is raised or cleared; empty for none.',
  }),
  alertWebhookMs: option(milliseconds(), {
    default: 3_000,
    group: 'health',
    help: 'Time limit of one POST to alertWebhook.',
  }),
  alertWebhookTries: option(count(1, 100), {
    default: 3,
    group: 'health',
    help: 'How often one alert is posted before it is given up.',
  }),
  alertQueue: option(count(), {
    default: 100,
    group: 'health',
    help: 'Alerts that may wait for the webhook; the oldest is dropped beyond that.',
  }),

  pageSize: option(count(), {
    default: 20,
    group: 'reads',
    help: "Rows of a connection's page when the client names no number.",
  }),
  maxPageSize: option(count(), {
    default: 200,
    group: 'reads',
    help: 'Largest page that a client may ask for, and longest list that declares no limit of its own: a longer one is refused with LIST_TOO_LONG.',
  }),
  maxBatch: option(count(), {
    default: 1_000,
    group: 'reads',
    help: 'Keys that one loader statement may carry; more become several statements.',
  }),
  maxLoaders: option(count(), {
    default: 500,
    group: 'reads',
    help: 'Different relations and argument sets that one operation may read; more are refused.',
  }),
  maxFilterDepth: option(count(), {
    default: 5,
    group: 'reads',
    help: 'Levels of and, or and not that a filter may nest.',
  }),
  maxFilterConditions: option(count(), {
    default: 50,
    group: 'reads',
    help: 'Conditions that the filters of one field may hold.',
  }),
  maxFilterValues: option(count(), {
    default: 1_000,
    group: 'reads',
    help: 'Values that one list in a filter may hold.',
  }),

  transactionRetries: option(count(0, 100), {
    default: 3,
    group: 'writes',
    help: 'Retries after a serialization failure or deadlock.',
  }),
  transactionRetryMs: option(milliseconds(), {
    default: 5,
    group: 'writes',
    help: 'First wait before a transaction is retried; doubles, with jitter, up to a second.',
  }),
  transactionMs: option(milliseconds(), {
    default: 30_000,
    group: 'writes',
    help: 'Time limit of one interactive transaction, its retries included; it is rolled back when it is over.',
  }),
  writes: option(choice(['auto', 'forward', 'direct']), {
    default: 'auto',
    group: 'writes',
    help: "How mutations get to the primary from other regions: forwarded whole to the primary region's server in one crossing, or direct to its database. auto forwards where that server's URL is known and it answers, else goes direct.",
  }),
  forwardMs: option(milliseconds(), {
    default: 10_000,
    group: 'writes',
    help: 'Time limit of a forwarded mutation, from sending it until its whole answer is there.',
  }),
  forwardConnectMs: option(milliseconds(), {
    default: 1_000,
    group: 'writes',
    help: "Time limit for connecting to the primary region's server.",
  }),
  forwardConnections: option(count(), {
    default: 32,
    group: 'writes',
    help: "Connections that are kept to the primary region's server, one mutation on each at a time.",
  }),
  forwardQueue: option(count(0), {
    default: 1_000,
    group: 'writes',
    help: 'Mutations that may wait for one of these connections; more are refused with OVERLOADED.',
  }),
  forwardSecret: option(text(), {
    default: '',
    group: 'writes',
    secret: true,
    help: 'Secrets that sign forwarded mutations, comma-separated: the first signs, all verify; the same in every region. Empty: made of tokenSecret.',
  }),
  forwardWaitMs: option(milliseconds(), {
    default: 2_000,
    group: 'writes',
    help: 'Longest wait for one of these connections.',
  }),
  forwardIdleMs: option(milliseconds(1_000), {
    default: 30_000,
    group: 'writes',
    help: 'How long such a connection stays open while nothing is sent over it; shorter than keepAliveMs of the servers, and than the patience of what stands before them.',
  }),
  forwardAnswerBytes: option(count(1_024, 1 << 30), {
    default: 16 << 20,
    group: 'writes',
    help: 'Largest answer of a forwarded mutation.',
  }),
  forwardRetries: option(count(0, 10), {
    default: 1,
    group: 'writes',
    help: 'How often a mutation is forwarded again where that is safe: when the primary has moved, or when it carries an idempotency key.',
  }),
  forwardNonces: option(count(1_000, 10_000_000), {
    default: 200_000,
    group: 'writes',
    help: 'Forwarded mutations that a server remembers, for twice the sum of forwardMs and clockToleranceMs, so that none is taken twice; more are refused with OVERLOADED.',
  }),
  idempotencyMs: option(milliseconds(1_000, 2_592_000_000), {
    default: 86_400_000,
    group: 'writes',
    help: 'How long the outcome of a request with an idempotency key is kept.',
  }),
  idempotencyKeyBytes: option(count(16, 1_024), { default: 255, group: 'writes', help: 'Longest idempotency key.' }),
  outcomeBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'writes',
    help: 'Largest outcome of one transaction that is kept for an idempotency key.',
  }),
  historyMs: option(milliseconds(1_000, 31_536_000_000), {
    default: 604_800_000,
    group: 'writes',
    help: 'How long older versions of rows are kept, which MERGE, HANDLER and RESTORE compare with: a client that saw its version longer ago is refused.',
  }),
  conflictsMs: option(milliseconds(1_000, 31_536_000_000), {
    default: 2_592_000_000,
    group: 'writes',
    help: 'How long the audit of conflicts is kept.',
  }),
  pruneMs: option(milliseconds(100), {
    default: 60_000,
    group: 'writes',
    help: "Interval at which the primary's region removes what has been kept long enough.",
  }),
  pruneRows: option(count(), {
    default: 10_000,
    group: 'writes',
    help: 'Rows of each kind that one statement of it removes; a round goes on until nothing more is due, or the next one is.',
  }),
  durability: option(choice(['default', 'LOCAL', 'REMOTE_WRITE', 'REMOTE_APPLY']), {
    default: 'default',
    group: 'writes',
    help: 'How many servers must have a transaction before it is acknowledged, where neither @durable nor the transaction says so; default: as the database itself is set.',
  }),
  durabilityMs: option(milliseconds(), {
    default: 5_000,
    group: 'writes',
    help: 'Longest wait for synchronous replicas, after which the client is told that the transaction is committed at the primary alone.',
  }),

  auth: option(choice(['jwt', 'hook', 'none']), {
    default: 'jwt',
    group: 'auth',
    help: 'How the viewer is known: a bearer JWT, the function `viewer` that the resolvers module exports, or none at all.',
  }),
  jwtSecret: option(text(), {
    default: '',
    group: 'auth',
    secret: true,
    help: 'Shared secret of HS256 tokens, 32 bytes or more.',
  }),
  jwksUrl: option(url('http', 'https'), {
    default: '',
    group: 'auth',
    help: 'URL of the key set that signs tokens (RS, PS, ES and EdDSA algorithms).',
  }),
  jwksTimeoutMs: option(milliseconds(), {
    default: 2_000,
    group: 'auth',
    help: 'Time limit for fetching the key set.',
  }),
  jwksMaxAgeMs: option(milliseconds(), {
    default: 600_000,
    group: 'auth',
    help: 'How long a fetched key set is used before it is fetched again.',
  }),
  jwksRetryMs: option(milliseconds(), {
    default: 1_000,
    group: 'auth',
    help: 'How long to wait after a failed fetch of the key set before the next one; requests with a token it would verify are refused at once meanwhile.',
  }),
  clockToleranceMs: option(milliseconds(0, 300_000), {
    default: 5_000,
    group: 'auth',
    help: 'Clock difference forgiven when a token expires or begins, and between servers that forward mutations to each other.',
  }),
  rememberedTokens: option(count(0), {
    default: 10_000,
    group: 'auth',
    help: 'Verified tokens that a server remembers until they expire, so that they are not verified with each request; those of a key set no longer than jwksMaxAgeMs. 0: every request is verified.',
  }),
  jwtIssuer: option(text(), { default: '', group: 'auth', help: 'Required `iss`; empty accepts any.' }),
  jwtAudience: option(text(), { default: '', group: 'auth', help: 'Required `aud`; empty accepts any.' }),
  tenantClaim: option(text(), {
    default: 'tenant',
    group: 'auth',
    help: "Claim that holds the viewer's tenant; a dot leads into an object.",
  }),
  rolesClaim: option(text(), {
    default: 'roles',
    group: 'auth',
    help: "Claim that holds the viewer's roles, as a list or as words; a dot leads into an object.",
  }),
  adminRole: option(text(), { default: 'admin', group: 'auth', help: 'Role that may ask for regionHealth.' }),
  tokenSecret: option(text(), {
    default: '',
    group: 'consistency',
    secret: true,
    help: 'Secrets that sign consistency tokens, comma-separated: the first signs, all verify. The same in every region.',
  }),

  tokenClusters: option(text(), {
    default: '',
    group: 'consistency',
    help: 'Every database cluster of this graph, comma-separated, as tokens name them; a token that names another one is refused as foreign. Empty: positions of other clusters are passed on.',
  }),

  logLevel: option(choice(['trace', 'debug', 'info', 'warn', 'error', 'silent']), {
    default: 'info',
    group: 'telemetry',
    help: 'Least severity that is logged.',
  }),
  maxErrorLogs: option(count(), {
    default: 20,
    group: 'telemetry',
    help: 'Lines that errors of one code, which their cause explains, may write to the log in a second; more are only counted in the metrics.',
  }),
  logBufferBytes: option(count(1_024, 1 << 30), {
    default: 1 << 20,
    group: 'telemetry',
    help: 'Bytes of log lines that may wait for whoever reads standard output; more are dropped and counted (meridian_log_dropped_total), and the log says how many.',
  }),
  logFlushMs: option(milliseconds(0), {
    default: 1_000,
    group: 'telemetry',
    help: 'How long a process that ends waits for its last log lines to be read.',
  }),
  introspection: option(flag(), { default: true, group: 'server', help: 'Whether clients may introspect the schema.' }),
} as const satisfies Record<string, Option<never> | Option<string> | Option<number> | Option<boolean>>;

type ValueOf<O> = O extends Option<infer T> ? T : never;

/** Every option with its value. */
export type Options = { readonly [K in keyof typeof OPTIONS]: ValueOf<(typeof OPTIONS)[K]> };

/** The options with nothing set: for tests and for `createDataLayer`. */
export function defaultOptions(overrides: Partial<Options> = {}): Options {
  const entries = Object.entries(OPTIONS).map(([key, declared]) => [key, declared.default]);
  return { ...(Object.fromEntries(entries) as unknown as Options), ...overrides };
}
