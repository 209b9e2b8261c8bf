/**
 * Owns connections to a region's Redis: a single server, Sentinels or a Cluster, given by one or several URLs. No
 * connection queues or retries commands.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { backoffMs } from '../base/backoff.ts';
import { within } from '../base/clock.ts';
import { MeridianError, messageOf } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type Log } from '../telemetry/log.ts';

export type RedisConnection = Redis | Cluster;

export interface RedisAddress {
  /** One URL, or several separated by commas: the Sentinels, or nodes of the Cluster. */
  readonly url: string;
  readonly options: Pick<Options, 'redisMode' | 'redisMaster' | 'redisConnectMs'>;
  readonly log: Log;
}

interface Node {
  readonly host: string;
  readonly port: number;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
const SERVER_PORT = 6_379;
const SENTINEL_PORT = 26_379;

/**
 * Reconnects with growing delays until `closeRedis`. A command fails immediately while there is no connection, and
 * fails without a retry if the connection breaks; the caller decides what to do.
 */
export function openRedis(
  { url, options, log }: RedisAddress,
  overrides: Pick<RedisOptions, 'lazyConnect'> = {},
): RedisConnection {
  const { nodes, login } = parse(url, options.redisMode);
  const { lazyConnect = false } = overrides;
  const shared: RedisOptions = {
    ...login,
    connectTimeout: options.redisConnectMs,
    disconnectTimeout: options.redisConnectMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  };
  // A Cluster connects to a node when it is first needed and queues commands until then, so callers must send nothing
  // before it is ready.
  const connection =
    options.redisMode === 'cluster'
      ? new Cluster([...nodes], {
          lazyConnect,
          redisOptions: shared,
          clusterRetryStrategy: retryMs,
          retryDelayOnFailover: 0,
          slotsRefreshTimeout: options.redisConnectMs,
        })
      : openOne(
          {
            ...shared,
            ...target(nodes, options, login),
            lazyConnect,
            enableOfflineQueue: false,
            retryStrategy: retryMs,
            reconnectOnError: isDemoted,
          },
          options.redisConnectMs,
        );
  // Without a listener, the error of a broken connection would end the process.
  connection.on('error', (error: Error) => log.debug({ err: error }, `Redis: ${messageOf(error)}`));
  // If a Sentinel reports a failover while the connection is being opened, ioredis ends the connection permanently, so
  // it is opened again here.
  connection.on('end', () => {
    const again = (): void => void (closed.has(connection) || connection.connect().catch(() => undefined));
    if (!closed.has(connection)) setTimeout(again, retryMs(0)).unref();
  });
  return connection;
}

const closed = new WeakSet<RedisConnection>();

/** Ends the connection permanently. */
export function closeRedis(redis: RedisConnection): void {
  closed.add(redis);
  redis.disconnect();
}

/**
 * A separate connection for a subscription. It ends instead of reconnecting, because a follower must notice each loss.
 * In a Cluster it is opened to one of the given nodes, a different one on each `attempt`: every node receives all
 * messages.
 */
export function openSubscriber({ url, options, log }: RedisAddress, attempt: number): Redis {
  const { nodes, login } = parse(url, options.redisMode);
  const node = nodes[attempt % nodes.length] as Node;
  const place = options.redisMode === 'cluster' ? node : target(nodes, options, login);
  // The caller also retries Sentinels that do not answer, so the connection attempt ends after one round over them.
  const redis = new Redis({
    ...login,
    ...place,
    lazyConnect: true,
    connectTimeout: options.redisConnectMs,
    disconnectTimeout: options.redisConnectMs,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    retryStrategy: null,
    sentinelRetryStrategy: () => null,
  });
  redis.on('error', (error) => log.debug({ err: error }, `Redis subscription: ${messageOf(error)}`));
  return redis;
}

/** Waits at most `timeoutMs` until the connection can be used; resolves to whether it can. Starts a lazy connection. */
export function whenReady(redis: RedisConnection, timeoutMs: number): Promise<boolean> {
  if (redis.status === 'ready') return Promise.resolve(true);
  // The error listener logs a failure, and the connection retries by itself.
  if (redis.status === 'wait') redis.connect().catch(() => undefined);
  return new Promise((resolve) => {
    const done = (ready: boolean): void => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('end', onEnd);
      resolve(ready);
    };
    const onReady = (): void => done(true);
    const onEnd = (): void => done(false);
    const timer = setTimeout(() => done(false), timeoutMs);
    redis.once('ready', onReady);
    redis.once('end', onEnd);
  });
}

export class NoAnswer extends Error {}

/** Resolves to the answer; rejects with `NoAnswer` after `limitMs`, and ignores a later answer. */
export function answeredWithin<T>(limitMs: number, answer: Promise<T>): Promise<T> {
  return within(answer, limitMs, () => {
    throw new NoAnswer(`no answer within ${limitMs} ms`);
  });
}

/**
 * A connection is considered open only once the server has answered: a server that accepts connections without
 * answering would block it indefinitely.
 */
function openOne(options: RedisOptions, answerMs: number): Redis {
  const redis = new Redis(options);
  let timer: NodeJS.Timeout | undefined;
  redis.on('connect', () => {
    clearTimeout(timer);
    timer = setTimeout(() => redis.disconnect(true), answerMs);
  });
  for (const event of ['ready', 'close', 'end']) redis.on(event, () => clearTimeout(timer));
  return redis;
}

function target(
  nodes: readonly Node[],
  { redisMode, redisMaster }: RedisAddress['options'],
  login: Login,
): RedisOptions {
  if (redisMode === 'standalone') return nodes[0] as Node;
  return {
    sentinels: [...nodes],
    name: redisMaster,
    failoverDetector: true,
    sentinelRetryStrategy: retryMs,
    enableTLSForSentinelMode: login.tls !== undefined,
    ...(login.tls === undefined ? {} : { sentinelTLS: login.tls }),
  };
}

function retryMs(tries: number): number {
  return backoffMs(tries, { firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
}

/** Whether the error is that of a master that has become a replica; the next connection finds the new master. */
function isDemoted(error: Error): boolean {
  return error.message.startsWith('READONLY');
}

type Login = Pick<RedisOptions, 'username' | 'password' | 'sentinelUsername' | 'sentinelPassword' | 'db' | 'tls'>;

/** Nodes of all URLs; login and database of the first one. Throws `CONFIG_INVALID`. */
function parse(text: string, mode: string): { readonly nodes: readonly Node[]; readonly login: Login } {
  const urls = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => new URL(part));
  const [first] = urls;
  if (first === undefined || (mode === 'standalone' && urls.length > 1)) {
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `A Redis URL names ${urls.length} servers, which redisMode ${mode} cannot use; give one, or set redisMode to sentinel or cluster.`,
    });
  }
  const nodes = urls.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: Number(port) || (mode === 'sentinel' ? SENTINEL_PORT : SERVER_PORT),
  }));
  const given = {
    username: decodeURIComponent(first.username),
    password: decodeURIComponent(first.password),
    sentinelUsername: first.searchParams.get('sentinelUser'),
    sentinelPassword: first.searchParams.get('sentinelPassword'),
  };
  const login = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== null && value !== ''),
  ) as Login;
  const db = Number(first.pathname.slice(1));
  return {
    nodes,
    login: {
      ...login,
      ...(mode !== 'cluster' && db > 0 ? { db } : {}),
      ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    },
  };
}
