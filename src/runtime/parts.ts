/** Owns construction: every adapter of a region is made here and nowhere else; `layer.ts` starts and ends them. */
import { MeridianError } from '../base/errors.ts';
import { type ClusterId } from '../base/lineage.ts';
import { maxLsn, type Lsn } from '../base/lsn.ts';
import { Watermark } from '../change/watermark.ts';
import { type Config } from '../config/load.ts';
import { listed } from '../config/option.ts';
import { type RegionConfig } from '../config/regions.ts';
import { TokenCodec } from '../consistency/token.ts';
import { HeartbeatWriter } from '../postgres/heartbeat.ts';
import { PostgresProber } from '../postgres/probe.ts';
import { Pruner } from '../postgres/prune.ts';
import { PostgresServer } from '../postgres/server.ts';
import { ReplayWatcher } from '../postgres/tail-replay.ts';
import { Tail, type TailState } from '../postgres/tail.ts';
import { PostgresWriter } from '../postgres/write.ts';
import { ServerHealth } from '../http/health.ts';
import { ReadEngine } from '../read/engine.ts';
import { RedisHealth } from '../redis/health.ts';
import { RegionMonitor } from '../region/monitor.ts';
import { createAlertSink, type AlertSink } from '../server/alerts.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { Caching } from './caching.ts';
import { createForwarding, type ForwardingParts } from './forwarding.ts';
import { PeerAnswers } from './peer-health.ts';

export interface Parts extends ForwardingParts {
  readonly config: Config;
  readonly telemetry: Telemetry;
  readonly codec: TokenCodec;
  readonly applied: Watermark;
  readonly replayed: Watermark;
  readonly monitor: RegionMonitor;
  readonly servers: ReadonlyMap<string, PostgresServer>;
  readonly writer: PostgresWriter;
  readonly engine: ReadEngine;
  readonly tail: Tail;
  readonly replay: ReplayWatcher;
  readonly heartbeat: HeartbeatWriter;
  readonly pruner: Pruner;
  readonly redis: ReadonlyMap<string, RedisHealth>;
  /** Whether the regions' Redis servers answer. */
  readonly caches: PeerAnswers<boolean>;
  /** Whether their servers are ready. */
  readonly peers: PeerAnswers<boolean>;
  readonly caching: Caching;
  readonly alerts: AlertSink;
}

export function createParts(config: Config, telemetry: Telemetry): Parts {
  const { options, region: local, regions } = config;
  const { log, metrics } = telemetry;
  const own = ownRegion(config);
  const codec = new TokenCodec({ secrets: listed(options.tokenSecret), maxTokenBytes: options.maxTokenBytes, clusters: listed(options.tokenClusters) as ClusterId[] });
  const applied = new Watermark({ maxWaiters: options.maxWaiters });
  const replayed = new Watermark({ maxWaiters: options.maxWaiters });
  const timeoutMs = options.probeTimeoutMs;
  const redis = new Map(regions.flatMap(({ name, redisUrl }) => (redisUrl === null ? [] : [[name, new RedisHealth({ url: redisUrl, options, timeoutMs, log })]])));
  const caches = new PeerAnswers(new Map([...redis].map(([name, health]) => [name, () => health.ping()])), options.probeMs);
  const serverHealth = new Map(regions.flatMap(({ name, serverUrl }) => (serverUrl === null ? [] : [[name, new ServerHealth({ url: serverUrl, timeoutMs, log })]])));
  const peers = new PeerAnswers(new Map([...serverHealth].map(([name, health]) => [name, () => health.ping()])), options.probeMs);
  const caching = new Caching({ config, telemetry, figures: new Map([...redis].map(([name, { figures }]) => [name, figures])) });
  const alerts = createAlertSink({ region: local, options, telemetry });
  const urls = new Map(regions.map(({ name, databaseUrl }) => [name, databaseUrl]));
  const monitor = new RegionMonitor({
    local,
    regions: regions.map(({ name }) => name),
    prober: new PostgresProber(urls, options),
    options,
    log,
    shown: () => replayed.lsn,
    cacheHealth: (region) => caches.of(region),
    cacheReport: (region) => caching.report(region),
    serverHealth: (region) => peers.of(region),
    onAlert: (change, alert) => alerts[change](alert),
  });
  const shared = { limits: options, cluster: () => monitor.cluster, metrics };
  const servers = new Map(regions.map(({ name, databaseUrl }) => [name, new PostgresServer({ ...shared, region: name, databaseUrl, log, ...(name === local ? { watermark: () => highest([applied.lsn, replayed.lsn, caching.watermark]) } : {}) })]));
  const writer = new PostgresWriter({ ...shared, view: monitor, databaseUrls: urls, log, onCommit: ({ lsn }) => monitor.observePrimaryLsn(lsn) });
  const engine = new ReadEngine({ view: monitor, replayed, servers, limits: options, metrics });
  const tail = new Tail({
    databaseUrl: own.databaseUrl,
    primaryUrl: () => (monitor.primary === null ? null : (urls.get(monitor.primary) ?? null)),
    options,
    log,
    onState: (state) => {
      if (state.kind === 'down') metrics.tailReconnects.inc();
      caching.become(state);
      monitor.reportTail(problemOf(state));
    },
    standpoint: () => caching.standpoint(monitor),
  });
  const replay = new ReplayWatcher({ databaseUrl: own.databaseUrl, replayed, applied, ping: () => tail.ping(), options, log });
  const heartbeat = new HeartbeatWriter({ databaseUrl: own.databaseUrl, isPrimary: () => monitor.primary === local, options, log, onFailure: () => metrics.heartbeatFailures.inc() });
  const pruner = new Pruner({ databaseUrl: own.databaseUrl, isPrimary: () => monitor.primary === local, options, log });
  const forwarding = createForwarding({ config, telemetry, codec, monitor, peers });
  return { ...forwarding, config, telemetry, codec, applied, replayed, monitor, servers, writer, engine, tail, replay, heartbeat, pruner, redis, caches, peers, caching, alerts };
}

/** What a new connection to the own replica must not be below: what caches stand on, and what the region's staleness is told by. */
function highest(lsns: readonly (Lsn | null)[]): Lsn | null {
  return lsns.reduce((a, b) => (a !== null && b !== null ? maxLsn(a, b) : (a ?? b)), null);
}

export function ownRegion({ region, regions }: Config): RegionConfig {
  const own = regions.find(({ name }) => name === region);
  if (!own) throw new MeridianError({ code: 'CONFIG_INVALID', message: `Region ${JSON.stringify(region)} is not configured; name one of ${regions.map(({ name }) => name).join(', ')}.` });
  return own;
}

/** A follower and a server that cannot decode are as they should be; only a broken tail is worth an alert. */
function problemOf(state: TailState): string | null {
  return state.kind === 'down' ? state.problem : null;
}
