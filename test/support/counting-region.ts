/**
 * Owns a region whose servers share a Redis, for tests that break what feeds its caches: counters that grow at the
 * primary and are read in the region.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stacksOf } from '../../src/app/layer.ts';
import { createDataLayer, type DataLayer } from '../../src/index.ts';
import { type CacheLayer } from '../../src/cache/observer.ts';
import { FUNCTIONS_SQL, TRIGGERS_SQL } from '../../src/postgres/setup/announce.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { startTestCluster, type TestCluster } from './cluster.ts';
import { until } from './observe.ts';
import { freePort } from './ports.ts';
import { startScratchRedis, type ScratchRedis } from './redis.ts';

export const HOME = 'us-east-1';
export const AWAY = 'eu-west-1';
export const COUNTERS = 20;
export const PATIENT = { withinMs: 60_000 };

export const SCHEMA = [
  {
    name: 'counters.graphql',
    body: 'type Query { counter(id: ID!): Counter } type Counter @entity @key(fields: "id") { id: ID! value: Int! }',
  },
];

const SQL = [
  `CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL); ALTER TABLE counters REPLICA IDENTITY FULL;
   INSERT INTO counters SELECT id, 0 FROM generate_series(1, ${COUNTERS}) AS id`,
  FUNCTIONS_SQL,
  TRIGGERS_SQL,
  'CREATE PUBLICATION meridian FOR ALL TABLES',
];

export interface Seen {
  readonly value: number;
  readonly token: string | null;
}

/** Something that reads counters: a layer in this process, or a process of its own. */
export interface Reader {
  read(id: number, token?: string | null): Promise<Seen>;
}

export class CountingRegion implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly home: DataLayer;
  readonly #program: string;
  readonly #redisPort: number;
  readonly #closing: AsyncDisposable[] = [];
  redis: ScratchRedis;

  private constructor(parts: {
    cluster: TestCluster;
    home: DataLayer;
    program: string;
    redisPort: number;
    redis: ScratchRedis;
  }) {
    this.cluster = parts.cluster;
    this.home = parts.home;
    this.#program = parts.program;
    this.#redisPort = parts.redisPort;
    this.redis = parts.redis;
  }

  static async start(program: string): Promise<CountingRegion> {
    const cluster = await startTestCluster({ regions: [HOME, AWAY], sql: SQL });
    const redisPort = await freePort();
    try {
      const redis = await startScratchRedis(program, redisPort);
      const home = await createDataLayer({
        settings: settingsOf(cluster, HOME, null),
        schema: SCHEMA,
        telemetry: telemetryOf(HOME),
      });
      return new CountingRegion({ cluster, home, program, redisPort, redis });
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Settings of a server of the region. */
  get settings(): Readonly<Record<string, unknown>> {
    return settingsOf(this.cluster, AWAY, `redis://127.0.0.1:${this.#redisPort}`);
  }

  async startRedis(): Promise<void> {
    this.redis = await startScratchRedis(this.#program, this.#redisPort);
  }

  /** One more server of the region, in this process. */
  async serve(): Promise<RegionLayer> {
    const layer = new RegionLayer(
      await createDataLayer({ settings: this.settings, schema: SCHEMA, telemetry: telemetryOf(AWAY) }),
    );
    this.#closing.push(layer);
    return layer;
  }

  /** One more server of the region, in a process of its own. */
  async spawn(): Promise<RegionProcess> {
    const started = await RegionProcess.start(this.settings);
    this.#closing.push(started);
    return started;
  }

  /** Counts one up at the primary; answers the token of that. */
  async count(id: number): Promise<Seen> {
    const { result, token } = await this.home.transaction(
      async (tx) =>
        (await tx.query('UPDATE counters SET value = value + 1 WHERE id = $1 RETURNING value', [id])).rows[0]?.[
          'value'
        ],
    );
    return { value: Number(result), token };
  }

  /**
   * Ends the stream of whoever holds the region's slot, as its server does with one that has been silent for too long.
   */
  async endStream(): Promise<void> {
    await this.cluster.query(
      AWAY,
      `SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = 'meridian' AND active_pid IS NOT NULL`,
    );
  }

  /** Every counter as each reader shows it is what the primary has, or comes to be, without a token. */
  async agrees(readers: readonly Reader[]): Promise<void> {
    const rows = await this.cluster.query<{ id: number; value: number }>(
      HOME,
      'SELECT id, value FROM counters ORDER BY id',
    );
    for (const { id, value } of rows)
      for (const reader of readers)
        await until(`counter ${id} is ${value}`, async () => (await reader.read(id)).value === value, PATIENT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.home.close(), ...this.#closing.map((one) => one[Symbol.asyncDispose]())]);
    await this.redis[Symbol.asyncDispose]();
    await this.cluster.stop();
  }
}

export class RegionLayer implements Reader, AsyncDisposable {
  readonly layer: DataLayer;

  constructor(layer: DataLayer) {
    this.layer = layer;
  }

  get isHolder(): boolean {
    return stacksOf(this.layer).change.tail.state.kind === 'streaming';
  }

  /** Whether the process's own cache is in use. */
  get isCaching(): boolean {
    return stacksOf(this.layer).change.caching.watermark !== null;
  }

  read(id: number, token: string | null = null): Promise<Seen> {
    return readCounter(this.layer, id, token);
  }

  async hits(layer: CacheLayer): Promise<number> {
    const { values } = await stacksOf(this.layer).telemetry.metrics.cacheLookups.get();
    return values
      .filter(({ labels }) => labels.layer === layer && labels.outcome === 'hit')
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Lives that a layer began, by reason. */
  async lives(layer: CacheLayer): Promise<Readonly<Record<string, number>>> {
    const { values } = await stacksOf(this.layer).telemetry.metrics.cacheLives.get();
    return Object.fromEntries(
      values
        .filter(({ labels }) => labels.layer === layer)
        .map(({ labels, value }): [string, number] => [String(labels.reason), value]),
    );
  }

  close(): Promise<void> {
    return this.layer.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export async function readCounter(layer: DataLayer, id: number, token: string | null): Promise<Seen> {
  const bound = layer.loaders({ token });
  const row = await bound.loaders.one('Counter', ['id'], [id]);
  return { value: Number(row?.['value']), token: bound.token() };
}

type Answer = { readonly ask: number } & (Seen | { readonly error: string });

export class RegionProcess implements Reader, AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { resolve: (seen: Seen) => void; reject: (error: Error) => void }>();
  #asks = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: Answer) => {
      const asked = this.#asked.get(message.ask);
      this.#asked.delete(message.ask);
      if ('error' in message) asked?.reject(new Error(message.error));
      else asked?.resolve(message);
    });
  }

  static async start(settings: Readonly<Record<string, unknown>>): Promise<RegionProcess> {
    const child = fork(fileURLToPath(new URL('./counting-process.ts', import.meta.url)), [JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the server's process ended with ${code}`)));
    });
    return new RegionProcess(child);
  }

  read(id: number, token: string | null = null): Promise<Seen> {
    const ask = (this.#asks += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(ask, { resolve, reject });
      this.#child.send({ ask, id, token });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function telemetryOf(region: string): ReturnType<typeof createTelemetry> {
  return createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } });
}

function settingsOf(cluster: TestCluster, region: string, redisUrl: string | null): Readonly<Record<string, unknown>> {
  const regions = Object.fromEntries(
    cluster.regions.map(({ name }) => [
      name,
      { databaseUrl: cluster.dsnFor(region, name), ...(name === AWAY && redisUrl !== null ? { redisUrl } : {}) },
    ]),
  );
  return {
    region,
    regions,
    tokenSecret: 'a secret for tests',
    heartbeatMs: 100,
    tailRetryMs: 50,
    tailRetryMaxMs: 500,
    slotRetryMs: 100,
    redisRetryMs: 100,
    redisStatsMs: 300,
    poolSize: 5,
    maxWaitMs: 20_000,
  };
}
