/**
 * Owns what a process knows about the regions: the state of their databases, caches and servers, and who is notified
 * when one fails.
 */
import { type Lsn } from '../../base/lsn.ts';
import { ServerHealth } from '../../http/health.ts';
import { PostgresProber } from '../../postgres/read/probe.ts';
import { RedisHealth } from '../../redis/health.ts';
import { type CacheReport } from '../../region/cache-report.ts';
import { RegionMonitor } from '../../region/monitor.ts';
import { createAlertSink, type AlertSink } from '../../server/alerts.ts';
import { publishRegions } from '../gauges.ts';
import { PeerAnswers } from '../peer-health.ts';
import { type Ground, type Stack } from './ground.ts';

/** What the change stack provides, which is created after this one. */
export interface HealthInput {
  /** The position through which the region's own server is known to have replayed. */
  readonly shown: () => Lsn | null;
  readonly cacheReport: (region: string) => CacheReport | null;
}

export class HealthStack implements Stack {
  readonly monitor: RegionMonitor;
  /** Of every region that has a Redis. */
  readonly redis: ReadonlyMap<string, RedisHealth>;
  /** Whether the regions' Redis servers answer. */
  readonly caches: PeerAnswers<boolean>;
  /** Whether their servers are ready. */
  readonly peers: PeerAnswers<boolean>;
  readonly alerts: AlertSink;
  readonly #ground: Ground;
  #stopGauges: () => void = () => undefined;

  constructor(ground: Ground, { shown, cacheReport }: HealthInput) {
    const {
      config: { options, region: local, regions },
      telemetry,
      databaseUrls,
    } = ground;
    const { log } = telemetry;
    const timeoutMs = options.probeTimeoutMs;
    this.#ground = ground;
    this.redis = new Map(
      regions.flatMap(({ name, redisUrl }) =>
        redisUrl === null ? [] : [[name, new RedisHealth({ url: redisUrl, options, timeoutMs, log })]],
      ),
    );
    this.caches = new PeerAnswers(
      new Map([...this.redis].map(([name, health]) => [name, () => health.ping()])),
      options.probeMs,
    );
    const servers = new Map(
      regions.flatMap(({ name, serverUrl }) =>
        serverUrl === null ? [] : [[name, new ServerHealth({ url: serverUrl, timeoutMs, log })]],
      ),
    );
    this.peers = new PeerAnswers(
      new Map([...servers].map(([name, health]) => [name, () => health.ping()])),
      options.probeMs,
    );
    this.alerts = createAlertSink({ region: local, options, telemetry });
    this.monitor = new RegionMonitor({
      local,
      regions: regions.map(({ name }) => name),
      prober: new PostgresProber(databaseUrls, options),
      options,
      log,
      shown,
      cacheHealth: (region) => this.caches.of(region),
      cacheReport,
      serverHealth: (region) => this.peers.of(region),
      onAlert: (change, alert) => this.alerts[change](alert),
    });
  }

  /** Resolves when every region has been looked at once, whether or not it answered. */
  async start(): Promise<void> {
    this.monitor.start();
    this.caches.start();
    this.peers.start();
    await this.monitor.firstLook();
    this.#stopGauges = publishRegions(this.monitor, this.#ground);
  }

  async stop(): Promise<void> {
    this.#stopGauges();
    this.caches.stop();
    this.peers.stop();
    for (const redis of this.redis.values()) redis.close();
    await Promise.allSettled([this.monitor.stop(), this.alerts.close()]);
  }
}
