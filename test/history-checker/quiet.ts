/**
 * Owns the look at everything once nothing changes any more: what every cache of every region keeps must be what the
 * database has.
 */
import { sleep } from '../../src/base/clock.ts';
import { maxLsn, ZERO_LSN, type Lsn } from '../../src/base/lsn.ts';
import { withSession } from '../../src/dev/postgres/session.ts';
import { ask } from '../support/app.ts';
import { lsnOf, type Shared } from './client.ts';
import { everything, type Operation } from './operations.ts';
import { PRIMARY, type HistoryRegion } from './place.ts';
import { selectionText } from './record.ts';
import { readContents, readLayout, type Contents, type Layout } from './redis-contents.ts';
import { type RegionServer } from './region-server.ts';
import { jsonOfRow, TABLE_NAMES, type TruthRow } from './tables.ts';
import { type Truth } from './truth.ts';

/** How long everything that was broken may take to be whole. */
const HEALED_MS = 30_000;
/**
 * PostgreSQL ends who holds a slot and is gone without a word after `wal_sender_timeout`, a minute: until then nobody
 * else may feed the region's Redis.
 */
const SLOT_FREE_MS = 90_000;
/** Ids of tasks that are looked at; rows that are gone are among them. */
const MOST_TASKS = 60;
const AT_ONCE = 4;
/** Of what is asked for again when all is quiet, the part that the caches of a server must answer. */
export const QUIET_SHARE = 0.5;
/**
 * Operations that are asked for before they are asked for again: what they keep fits into the smallest cache of a
 * process.
 */
const ASKED_TOGETHER = 36;
/**
 * Steps pass meanwhile, so that a table that every step invalidates is not found kept; and no value's time to live is
 * over.
 */
const ASKED_AGAIN_MS = 1_000;

export interface QuietReport {
  /** One sentence for each thing that is not as it should be. */
  readonly findings: readonly string[];
  /** Answers that were compared. */
  readonly compared: number;
  /** Of what was asked for again a moment later, the part that caches answered, by process. */
  readonly cacheShares: Readonly<Record<string, number>>;
  /** Rows that were found in entries of Redis, and compared. */
  readonly rowsInRedis: number;
}

interface Look {
  readonly wrong: string[];
  compared: number;
  readonly served: { cache: number; rest: number };
}

/** Nobody may write from now on. */
export async function lookAtEverything(shared: Shared, truth: Truth): Promise<QuietReport> {
  const { place, pool } = shared;
  const findings = await differencesOfTruth(shared, truth);
  const ids = [...new Set([...truth.tip('tasks').keys(), ...truth.everIds('tasks').toReversed()])].slice(0, MOST_TASKS);
  const operations = everything({ ...pool, users: truth.everIds('users').slice(-30) }, ids);
  const reached = truth.reached;
  let compared = 0;
  /** Until nothing is wrong, and caches answer the part `share` of it. Gives the part that they answered. */
  const look = async (
    server: RegionServer,
    title: string,
    { lookAt, share }: { readonly lookAt: typeof lookOnce; readonly share: number } = { lookAt: lookOnce, share: 0 },
  ): Promise<number> => {
    for (const deadline = performance.now() + HEALED_MS; ; await sleep(250)) {
      const one = await lookAt(server, operations, truth, reached);
      compared += one.compared;
      const isOver = performance.now() > deadline;
      const found = one.served.cache / Math.max(1, one.served.cache + one.served.rest);
      if (isOver)
        findings.push(...one.wrong.slice(0, 5).map((text) => `LEFT OVER in ${server.name}, ${title}: ${text}`));
      if (isOver || (one.wrong.length === 0 && found >= share)) return found;
    }
  };
  // First what lies in the processes and their Redis, then what was filled in meanwhile.
  await Promise.all(place.servers.map((server) => look(server, 'at the first look')));
  const shares = await Promise.all(
    place.servers.map(async (server): Promise<[string, number]> => [
      server.name,
      await look(server, 'at the second look', { lookAt: lookAgain, share: QUIET_SHARE }),
    ]),
  );
  // A new process knows nothing, so that its first answers are those of the region's Redis.
  await Promise.all(
    [...place.regions.values()].map(async ({ servers }) => {
      const last = servers.at(-1) as RegionServer;
      await last.kill('SIGTERM');
      await last.start();
      await look(last, 'as a new process');
    }),
  );
  const layout = await readLayout(place.dsn(PRIMARY, PRIMARY));
  let rowsInRedis = 0;
  for (const region of place.regions.values()) {
    const { wrong, rows, watermark } = await lookIntoRedis(region, layout, truth);
    rowsInRedis += rows;
    findings.push(...wrong.slice(0, 5).map((text) => `LEFT OVER: ${text}`));
    if (region.redis !== null && watermark === null)
      findings.push(
        `LEFT OVER: the Redis of ${region.name} has no life, although nothing is broken. Its servers said last:\n${region.servers.map((server) => `${server.name}:\n${server.lastLines}`).join('\n')}`,
      );
  }
  return { findings, compared, cacheShares: Object.fromEntries(shares), rowsInRedis };
}

/** What it has not applied yet it does not claim. */
async function lookIntoRedis(region: HistoryRegion, layout: Layout, truth: Truth): Promise<Contents> {
  const newest = truth.commits.at(-1)?.endLsn ?? ZERO_LSN;
  for (const deadline = performance.now() + SLOT_FREE_MS; ; await sleep(250)) {
    const contents = await readContents(region, layout, truth);
    if ((contents.watermark !== null && contents.watermark >= newest) || performance.now() > deadline) return contents;
  }
}

/** The checker itself may be wrong: what it takes for the truth must be what the database has. */
async function differencesOfTruth({ place }: Shared, truth: Truth): Promise<string[]> {
  const findings: string[] = [];
  for (const table of TABLE_NAMES) {
    const rows = await withSession(
      { dsn: place.dsn(PRIMARY, PRIMARY) },
      async (client) => (await client.query<{ row: TruthRow }>(`SELECT ${jsonOfRow(table)} AS row FROM ${table}`)).rows,
    );
    const byId = (a: TruthRow, b: TruthRow): number => ((a['id'] ?? '') < (b['id'] ?? '') ? -1 : 1);
    const [database, recorded] = [
      JSON.stringify(rows.map(({ row }) => row).sort(byId)),
      JSON.stringify([...truth.tip(table).values()].sort(byId)),
    ];
    if (database !== recorded)
      findings.push(
        `CHECKER: its own record of ${table} is not what the database has: ${recorded.slice(0, 2_000)} instead of ${database.slice(0, 2_000)}`,
      );
  }
  return findings;
}

async function lookOnce(server: RegionServer, operations: readonly Operation[], truth: Truth, at: Lsn): Promise<Look> {
  const look: Look = { wrong: [], compared: 0, served: { cache: 0, rest: 0 } };
  const rest = [...operations];
  const work = async (): Promise<void> => {
    for (let operation = rest.pop(); operation !== undefined; operation = rest.pop())
      await compare(server, operation, truth, at, look);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return look;
}

/** Everything twice, a part after the other; only who answered the second time is counted. */
async function lookAgain(server: RegionServer, operations: readonly Operation[], truth: Truth, at: Lsn): Promise<Look> {
  const sum: Look = { wrong: [], compared: 0, served: { cache: 0, rest: 0 } };
  for (let from = 0; from < operations.length; from += ASKED_TOGETHER) {
    const part = operations.slice(from, from + ASKED_TOGETHER);
    const first = await lookOnce(server, part, truth, at);
    await sleep(ASKED_AGAIN_MS);
    const second = await lookOnce(server, part, truth, at);
    sum.wrong.push(...first.wrong, ...second.wrong);
    sum.compared += first.compared + second.compared;
    sum.served.cache += second.served.cache;
    sum.served.rest += second.served.rest;
  }
  return sum;
}

async function compare(
  server: RegionServer,
  { what, text, sights }: Operation,
  truth: Truth,
  at: Lsn,
  look: Look,
): Promise<void> {
  try {
    const { data, errors, token, consistency } = await ask<Readonly<Record<string, unknown>>>(
      server.url,
      `query Q { ${text} }`,
      { token: '' },
    );
    if (data === null || errors.length > 0)
      return void look.wrong.push(`${what}: ${errors.map(({ message }) => message).join('; ')}`);
    const { cache = 0, replica = 0, primary = 0 } = consistency?.servedBy ?? {};
    look.served.cache += cache;
    look.served.rest += replica + primary;
    const newest = maxLsn(at, token === null ? ZERO_LSN : lsnOf(token));
    for (const sight of sights(data)) {
      look.compared += 1;
      const expected = truth.expected(sight, newest);
      if (expected !== sight.shown)
        look.wrong.push(
          `${sight.what} of ${selectionText(sight.selection)} shows ${sight.shown} instead of ${expected}, answered by ${JSON.stringify(consistency?.servedBy)}`,
        );
    }
  } catch (error) {
    look.wrong.push(`${what}: ${String(error)}`);
  }
}
