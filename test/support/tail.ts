/**
 * Owns one process's worth of following: a tail, its watermarks and its replay watcher, with a record of what was
 * delivered.
 */
import { type Lsn } from '../../src/base/lsn.ts';
import { type ChangeHandlers, type CommittedTransaction, type StreamStart } from '../../src/change/ports.ts';
import { Watermark } from '../../src/change/watermark.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { HeartbeatWriter } from '../../src/postgres/wal/heartbeat.ts';
import { ReplayWatcher } from '../../src/postgres/wal/replay.ts';
import { Tail } from '../../src/postgres/wal/tail.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type ReplicaSet, type TestServer } from './replica-set.ts';

export const quiet = createLog({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent' });
export const TEST_OPTIONS = defaultOptions({
  heartbeatMs: 200,
  tailRetryMs: 50,
  tailRetryMaxMs: 500,
  slotRetryMs: 100,
  replayIdleMs: 100,
});

export interface Follower extends AsyncDisposable {
  readonly tail: Tail;
  readonly applied: Watermark;
  readonly replayed: Watermark;
  readonly transactions: CommittedTransaction[];
  readonly heartbeats: number[];
  readonly gaps: string[];
  readonly starts: StreamStart[];
}

export interface FollowerParts {
  readonly server: TestServer;
  readonly primary: TestServer;
  readonly options?: Partial<Options>;
  readonly apply?: (transaction: CommittedTransaction) => Promise<void> | void;
  readonly begin?: (start: StreamStart) => Promise<void> | void;
}

export function follow({ server, primary, options: overrides, apply, begin }: FollowerParts): Follower {
  const options = { ...TEST_OPTIONS, ...overrides };
  const stop = new AbortController();
  const applied = new Watermark(options);
  const replayed = new Watermark(options);
  const transactions: CommittedTransaction[] = [];
  const heartbeats: number[] = [];
  const gaps: string[] = [];
  const starts: StreamStart[] = [];
  const tail = new Tail({ databaseUrl: server.url, primaryUrl: () => primary.url, options, log: quiet });
  const reached = (lsn: Lsn): void => {
    replayed.advance(lsn);
    applied.advance(lsn);
  };
  const handlers: ChangeHandlers = {
    onGap(reason) {
      gaps.push(reason);
      applied.reset(reason);
    },
    async onStart(start) {
      await begin?.(start);
      starts.push(start);
      applied.advance(start.lsn);
    },
    async onTransaction(transaction) {
      await apply?.(transaction);
      transactions.push(transaction);
      reached(transaction.commitLsn);
    },
    onHeartbeat({ lsn, primaryTimeMs }) {
      heartbeats.push(primaryTimeMs);
      reached(lsn);
    },
    onProgress: reached,
  };
  const watcher = new ReplayWatcher({
    databaseUrl: server.url,
    replayed,
    applied,
    ping: () => tail.ping(),
    options,
    log: quiet,
  });
  const running = Promise.all([tail.run(handlers, stop.signal), watcher.run(stop.signal)]);
  return {
    tail,
    applied,
    replayed,
    transactions,
    heartbeats,
    gaps,
    starts,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Writes heartbeats at `server` as long as it is not in recovery. */
export function beat(server: TestServer, heartbeatMs = TEST_OPTIONS.heartbeatMs): AsyncDisposable {
  const stop = new AbortController();
  const writer = new HeartbeatWriter({
    databaseUrl: server.url,
    isPrimary: () => true,
    options: { ...TEST_OPTIONS, heartbeatMs },
    log: quiet,
  });
  const running = writer.run(stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** A table `t(id, v)` with whole old rows, published, and known to every replica. */
export async function publishTable({ primary, replicas }: ReplicaSet): Promise<void> {
  await primary.query(
    'CREATE TABLE t (id bigint PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION meridian FOR TABLE t',
  );
  const lsn = await primary.position();
  await Promise.all(replicas.map((replica) => replica.caughtUp(lsn)));
}
