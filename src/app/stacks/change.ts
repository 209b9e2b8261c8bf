/**
 * Owns how a process receives changes: the tail of the region's own server, the watermarks, the caches that it feeds,
 * and the heartbeat.
 */
import { Watermark } from '../../change/watermark.ts';
import { HeartbeatWriter } from '../../postgres/wal/heartbeat.ts';
import { ReplayWatcher } from '../../postgres/wal/replay.ts';
import { Tail, type TailState } from '../../postgres/wal/tail.ts';
import { Caching } from '../caching.ts';
import { changeHandlers } from '../changes.ts';
import { type LiveSchema } from '../schema.ts';
import { type Ground, type Stack } from './ground.ts';
import { type HealthStack } from './health.ts';
import { Loops } from './loops.ts';

export type KnownSchema = Pick<LiveSchema, 'model' | 'catalog'>;

export class ChangeStack implements Stack {
  /** What every consumer of the region has applied. */
  readonly applied: Watermark;
  /** What the region's server is known to show. */
  readonly replayed: Watermark;
  readonly caching: Caching;
  readonly tail: Tail;
  readonly #ground: Ground;
  readonly #health: HealthStack;
  readonly #replay: ReplayWatcher;
  readonly #heartbeat: HeartbeatWriter;
  readonly #loops: Loops;
  readonly #schema: KnownSchema | null;

  /** `schema`: what is cached follows from the whole model. */
  constructor(ground: Ground, health: HealthStack, schema: KnownSchema | null) {
    const {
      config,
      telemetry,
      own: { databaseUrl },
      databaseUrls,
    } = ground;
    const { options, region: local } = config;
    const { log, metrics } = telemetry;
    const { monitor } = health;
    this.#ground = ground;
    this.#health = health;
    this.#schema = schema;
    this.#loops = new Loops(log);
    this.applied = new Watermark({ maxWaiters: options.maxWaiters });
    this.replayed = new Watermark({ maxWaiters: options.maxWaiters });
    this.caching = new Caching({
      config,
      telemetry,
      figures: new Map([...health.redis].map(([name, { figures }]) => [name, figures])),
    });
    this.tail = new Tail({
      databaseUrl,
      primaryUrl: () => (monitor.primary === null ? null : (databaseUrls.get(monitor.primary) ?? null)),
      options,
      log,
      onState: (state) => {
        if (state.kind === 'down') metrics.tailReconnects.inc();
        this.caching.become(state);
        monitor.reportTail(problemOf(state));
      },
      appliedPosition: () => this.caching.appliedPosition(monitor),
    });
    this.#replay = new ReplayWatcher({
      databaseUrl,
      replayed: this.replayed,
      applied: this.applied,
      ping: () => this.tail.ping(),
      options,
      log,
    });
    this.#heartbeat = new HeartbeatWriter({
      databaseUrl,
      isPrimary: () => monitor.primary === local,
      options,
      log,
      onFailure: () => metrics.heartbeatFailures.inc(),
    });
  }

  async start(): Promise<void> {
    const { tail, applied, replayed, caching } = this;
    const { monitor } = this.#health;
    caching.open(this.#schema, { tail, monitor });
    this.#loops.run((signal) =>
      tail.run(changeHandlers({ applied, replayed, caching, monitor, telemetry: this.#ground.telemetry }), signal),
    );
    this.#loops.run((signal) => this.#replay.run(signal));
    this.#loops.run((signal) => this.#heartbeat.run(signal));
  }

  async stop(): Promise<void> {
    await this.#loops.stop();
    await this.caching.close();
  }
}

/** A follower, and a server that cannot decode, are in their expected state; only a broken tail raises an alert. */
function problemOf(state: TailState): string | null {
  return state.kind === 'down' ? state.problem : null;
}
