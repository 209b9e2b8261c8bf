/**
 * Owns what is broken while editors work: servers, connections, the way across the simulated WAN, and the primary itself. Each
 * fault leaves all whole.
 */
import { sleep } from '../../../src/base/clock.ts';
import { EU, US, type TestApp } from '../app.ts';
import { seeded } from '../random.ts';

const SERVER_OUT_MS = 500;
const START_MS = 30_000;
const CUT_MS = 1_500;
const ENDING_MS = 1_500;
const DEAD_MS = 300;
const REST_MS = 700;

const ENDED = `SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity WHERE application_name = 'meridian write'`;

/** A server whose database is too busy to answer does not start: whoever looks after it tries again. */
async function serverRestarted(app: TestApp, region: string): Promise<void> {
  await app.stopServer(region);
  await sleep(SERVER_OUT_MS);
  for (const deadline = performance.now() + START_MS; ; await sleep(200)) {
    try {
      return await app.startServer(region);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

async function linkCut({ cluster }: TestApp): Promise<void> {
  await cluster.cut(US, EU);
  await sleep(CUT_MS);
  await cluster.heal(US, EU);
}

/** In the midst of whatever they do: some of them commit at that moment. */
async function writesEnded({ cluster }: TestApp): Promise<void> {
  for (const deadline = performance.now() + ENDING_MS; performance.now() < deadline; await sleep(100))
    await cluster.query(US, ENDED);
}

async function primaryKilled({ cluster }: TestApp): Promise<void> {
  await cluster.killPostgres(US);
  await sleep(DEAD_MS);
  await cluster.startPostgres(US);
}

const FAULTS: Readonly<Record<string, (app: TestApp) => Promise<void>>> = {
  'server of the EU restarted': (app) => serverRestarted(app, EU),
  'server of the US restarted': (app) => serverRestarted(app, US),
  'link cut': linkCut,
  'writing connections ended': writesEnded,
  'primary killed': primaryKilled,
};

/** Every fault `times` times, in an order that the seed chooses; `onStrike` is told of each when all is whole again. */
export async function breakThings(
  app: TestApp,
  {
    seed,
    times,
    onStrike,
  }: { readonly seed: number; readonly times: number; readonly onStrike: (name: string, ms: number) => void },
): Promise<void> {
  const random = seeded(seed);
  for (let round = 0; round < times; round += 1) {
    for (const name of random.shuffled(Object.keys(FAULTS))) {
      await sleep(REST_MS);
      const beganMs = performance.now();
      await FAULTS[name]?.(app);
      onStrike(name, performance.now() - beganMs);
    }
  }
  await sleep(REST_MS);
}
