/**
 * Owns the start of replicas: existing ones continue; missing ones, and those that cannot continue, are copied from the
 * primary.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Client } from 'pg';
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { confFile, type BootContext } from './boot.ts';
import { type Instance } from './postgres/instance.ts';
import { copyReplicas, ensureSlots } from './postgres/replica.ts';
import { explained } from './problems.ts';

/** A new copy streams at once; the limit is for a busy machine. */
const NEW_STREAMING_MS = 20_000;
/** After this time a replica of an earlier start that has not begun to stream is considered unable to. */
const RESUMED_STREAMING_MS = 6_000;
const POLL_MS = 20;

export interface ReplicasInput {
  readonly context: BootContext;
  /** A session at the primary. */
  readonly client: Client;
  readonly primary: string;
  readonly replicas: readonly string[];
  readonly instances: ReadonlyMap<string, Instance>;
}

export async function bringUpReplicas(input: ReplicasInput): Promise<void> {
  const { context, client, primary, replicas, instances } = input;
  const { options, dataDir, progress } = context;
  await ensureSlots(client, replicas);
  const missing = replicas.filter((region) => !existsSync(join(dataDir, region, 'standby.signal')));
  for (const region of missing.filter((name) => existsSync(join(dataDir, name))))
    options.onNotice?.(
      `The database of ${region} was promoted in an earlier run, so it is copied anew from ${primary}.`,
    );
  await copy(input, missing);
  if (replicas.length > 0)
    progress(`starting the ${replicas.length === 1 ? 'replica' : 'replicas'} in ${replicas.join(' and ')}`);
  const starts = new Map(replicas.map((region) => [region, outcomeOf(startOne(input, region))]));
  const resumed = replicas.filter((region) => !missing.includes(region));
  let late = await notStreaming(input, resumed.length > 0 ? RESUMED_STREAMING_MS : NEW_STREAMING_MS, starts);
  const stale = late.filter((region) => resumed.includes(region));
  if (stale.length > 0) {
    options.onNotice?.(
      `The data of ${stale.join(' and ')} does not continue what ${primary} has, so it is copied anew.`,
    );
    await Promise.all(stale.map(async (region) => instances.get(region)?.kill('SIGQUIT')));
    await copy(input, stale);
    for (const region of stale) starts.set(region, outcomeOf(startOne(input, region)));
    late = await notStreaming(input, NEW_STREAMING_MS, starts);
  }
  for (const start of starts.values()) {
    const { error } = await start.outcome;
    if (error) throw error;
  }
  if (late.length === 0) return;
  throw new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `The replica in ${late.join(' and ')} did not begin to stream from ${primary}; see ${late.map((region) => instances.get(region)?.logFile ?? '').join(', ')}.`,
  });
}

async function copy({ context, client, primary }: ReplicasInput, regions: readonly string[]): Promise<void> {
  if (regions.length === 0) return;
  const { dataDir, progress } = context;
  progress(`copying the primary to ${regions.join(' and ')}`);
  await explained(`The data folder ${dataDir}`, async () => {
    for (const region of regions) rmSync(join(dataDir, region), { recursive: true, force: true });
    await copyReplicas({
      ...context,
      primary: client,
      primaryDataDir: join(dataDir, primary),
      targets: regions.map((region) => ({ region, dataDir: join(dataDir, region) })),
    });
  });
}

async function startOne({ context, instances }: ReplicasInput, region: string): Promise<void> {
  await instances.get(region)?.start(confFile(context.dataDir, region));
}

/** Not awaited here: a replica that cannot stream never becomes ready. */
interface Start {
  readonly outcome: Promise<{ readonly error?: Error }>;
  done: boolean;
}

function outcomeOf(work: Promise<void>): Start {
  const start: Start = {
    done: false,
    outcome: work
      .then(
        () => ({}),
        (error: Error) => ({ error }),
      )
      .finally(() => (start.done = true)),
  };
  return start;
}

/** Replicas that do not stream within the limit, or whose server has ended before. */
async function notStreaming(
  { client, replicas }: ReplicasInput,
  limitMs: number,
  starts: ReadonlyMap<string, Start>,
): Promise<string[]> {
  for (const until = performance.now() + limitMs; ; await sleep(POLL_MS)) {
    const { rows } = await client.query<{ region: string }>(
      `SELECT application_name AS region FROM pg_stat_replication WHERE state = 'streaming'`,
    );
    const late = replicas.filter((region) => !rows.some((row) => row.region === region));
    if (late.length === 0 || performance.now() > until) return late;
    if (late.every((region) => starts.get(region)?.done)) {
      const outcomes = await Promise.all(late.map(async (region) => starts.get(region)?.outcome));
      if (outcomes.every((outcome) => outcome?.error)) return late;
    }
  }
}
