/** Owns the options of the HTTP server and the limits of requests. */
import { count, flag, milliseconds, option, text, textLike } from '../option.ts';
import { viewerSettings } from '../viewer-settings.ts';

/** Directives such as `no-cache` and `max-age=60`. */
const CACHE_CONTROL = {
  pattern: /^[a-z-]+(=\d+)?(, *[a-z-]+(=\d+)?)*$/,
  words: 'directives of Cache-Control, comma-separated, such as no-cache or max-age=60',
};

export const SERVER_OPTIONS = {
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
  viewerSettings: option(viewerSettings(), {
    default: '',
    group: 'server',
    help: 'Settings of the database that carry the viewer into row-level security, comma-separated, each setting=id, tenant or roles, or setting:literal: app.tenant_id=tenant,app.user_id=id,role:app_user. They are part of every cache key.',
  }),
  introspection: option(flag(), { default: true, group: 'server', help: 'Whether clients may introspect the schema.' }),
};
