/** Owns one region's reading and writing as a server process has it, over databases that a test can break. */
import { ReplayWatcher } from '../../src/postgres/wal/replay.ts';
import { PostgresProber } from '../../src/postgres/read/probe.ts';
import { PostgresServer } from '../../src/postgres/read/server.ts';
import { PostgresWriter } from '../../src/postgres/write/writer.ts';
import { Watermark } from '../../src/change/watermark.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { withPosition, type Positions } from '../../src/consistency/positions.ts';
import { type ConsistencyLevel } from '../../src/consistency/requirement.ts';
import { type Position } from '../../src/base/lineage.ts';
import { ReadEngine, type ReadSession } from '../../src/read/session/engine.ts';
import { type ReadReport } from '../../src/read/session/report.ts';
import { type Statement } from '../../src/read/ports.ts';
import { type Row } from '../../src/model/model.ts';
import { RegionMonitor } from '../../src/region/monitor.ts';
import { quiet } from './tail.ts';

export const READER_OPTIONS = defaultOptions({
  probeMs: 100,
  probeTimeoutMs: 400,
  failuresToUnreachable: 2,
  successesToHealthy: 2,
  replayIdleMs: 50,
  replayPollMs: 2,
  connectMs: 1_000,
  poolSize: 5,
  maxWaitMs: 1_500,
  heartbeatMs: 1_000,
  tailRetryMs: 50,
  tailRetryMaxMs: 200,
});

export interface ReaderOptions {
  readonly local: string;
  readonly urls: Readonly<Record<string, string>>;
  readonly options?: Partial<Options>;
}

export interface ReadResult {
  readonly rows: readonly Row[];
  readonly report: ReadReport;
  readonly token: Positions;
}

export interface ReadInput {
  readonly level?: ConsistencyLevel;
  readonly token?: Positions;
  readonly maxLagMs?: number;
}

export interface Reader extends AsyncDisposable {
  readonly region: string;
  readonly monitor: RegionMonitor;
  readonly engine: ReadEngine;
  readonly writer: PostgresWriter;
  readonly servers: ReadonlyMap<string, PostgresServer>;
  readonly replayed: Watermark;
  /** One operation with one statement; the level is SESSION with a token and EVENTUAL without. */
  read(text: string, input?: ReadInput): Promise<ReadResult>;
  session(token?: Positions): ReadSession;
}

export const sql = (text: string, values: readonly unknown[] = []): Statement => ({
  name: `t_${Buffer.from(text).toString('base64url').slice(0, 55)}`,
  text,
  values,
});
export const tokenOf = (position: Position): Positions => withPosition(new Map(), position);

/** `target` with some of its members answered by `other`. */
export function overlaid<T extends object>(target: T, other: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (key in other) return Reflect.get(other, key) as unknown;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export async function startReader({ local, urls, options: overrides }: ReaderOptions): Promise<Reader> {
  const options = { ...READER_OPTIONS, ...overrides };
  const regions = Object.keys(urls);
  const databaseUrls = new Map(Object.entries(urls));
  const replayed = new Watermark(options);
  const monitor = new RegionMonitor({
    local,
    regions,
    prober: new PostgresProber(databaseUrls, options),
    options,
    log: quiet,
    shown: () => replayed.lsn,
  });
  const cluster = () => monitor.cluster;
  const servers = new Map(
    regions.map((region) => [
      region,
      new PostgresServer({ region, databaseUrl: urls[region] ?? '', limits: options, cluster }),
    ]),
  );
  const writer = new PostgresWriter({
    view: monitor,
    databaseUrls,
    limits: options,
    cluster,
    onCommit: ({ lsn }) => monitor.observePrimaryLsn(lsn),
  });
  const engine = new ReadEngine({ view: monitor, replayed, servers, limits: options });
  const stop = new AbortController();
  const watcher = new ReplayWatcher({ databaseUrl: urls[local] ?? '', replayed, options, log: quiet });
  const watching = watcher.run(stop.signal);
  monitor.start();
  await monitor.refresh();
  const session = (token: Positions = new Map()): ReadSession => engine.session({ token });
  return {
    region: local,
    monitor,
    engine,
    writer,
    servers,
    replayed,
    session,
    async read(text, { level, token = new Map(), maxLagMs } = {}) {
      const one = session(token);
      try {
        const floor = one.floor;
        const rows = await one
          .executor({
            level: level ?? (floor === null ? 'EVENTUAL' : 'SESSION'),
            floor: level === 'EVENTUAL' ? null : floor,
            maxLagMs: maxLagMs ?? null,
          })
          .query(sql(text));
        const report = one.report();
        return { rows, report, token: report.positions };
      } finally {
        await one.close();
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
      await monitor.stop();
      await writer.close();
      await Promise.all([...servers.values()].map((server) => server.close()));
    },
  };
}
