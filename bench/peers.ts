/**
 * Claim: a region serves more requests per processor than what a user would pick instead, and close to the limit. `node
 * bench/peers.ts` measures Meridian side by side with other servers on the same data, PostgreSQL and Redis, with
 * everybody's answers compared, and says which aims are met.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';
import { messageOf } from '../src/base/errors.ts';
import { chooseCores, moveTo, type Cores } from './yardstick/cores.ts';
import { factsOf, MILLION_TASKS, roundTripMs } from './yardstick/facts.ts';
import { installPeers, versionsOfPeers } from './yardstick/install.ts';
import { Loader } from './yardstick/loader.ts';
import { readOptions, type Options } from './yardstick/options.ts';
import { type WorkloadResult } from './yardstick/results.ts';
import { chosen, runWorkload } from './yardstick/run.ts';
import { startMeridian } from './yardstick/servers.ts';
import { aimLine, spoilt, tell, type Told } from './yardstick/tables.ts';
import { PEERS, WORKLOADS, type Workload } from './yardstick/workloads.ts';
import { startDatabases } from './support/databases.ts';
import { EU, US } from './support/regions.ts';

const options = readOptions({
  workloads: WORKLOADS.map(({ name }) => name),
  peers: PEERS,
  onRequest: WORKLOADS.filter(({ onRequest }) => onRequest).map(({ name }) => name),
});
const say = (sentence: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${sentence}`);

installPeers(say);
const cores = chooseCores();
if (cores === null) say('processes are not pinned: there is no taskset (util-linux), or one processor only');
// What is started from here on (databases, Redis, the simulated WAN) inherits it.
else moveTo(cores.data);

const told: Told[] = [];
const failures: string[] = [];
const results = new Map<string, WorkloadResult>();
const wanted = WORKLOADS.filter(
  (workload) =>
    (options.only.length === 0 ? !workload.onRequest : options.only.includes(workload.name)) &&
    chosen(workload, options).length > 0,
);
for (const data of ['application', 'million'] as const) {
  const workloads = wanted.filter((workload) => workload.data === data);
  if (workloads.length > 0) await measureAll(workloads, data);
}
console.log('\nAims');
for (const { workload, aims } of told) for (const aim of aims) console.log(`  ${workload.name}: ${aimLine(aim)}`);
for (const { workload, candidates, result } of told)
  failures.push(
    ...candidates.flatMap((candidate) => spoilt(candidate, result).map((what) => `${workload.name}: ${what}`)),
  );
for (const failure of failures) console.log(`  FAILED ${failure}`);
if (failures.length > 0) process.exitCode = 1;
console.log(`\nAll figures: ${options.json}`);

async function measureAll(workloads: readonly Workload[], data: Workload['data']): Promise<void> {
  say('starting databases');
  await using databases = await startDatabases([US, EU], 'on', data === 'million' ? MILLION_TASKS : '');
  const { cluster } = databases;
  if (cluster.region(EU).redis === null)
    throw new Error('this bench needs a redis-server or valkey-server on the machine');
  // As in life the primary's region has a server of its own: forwarded mutations go there.
  await using beside = new AsyncDisposableStack();
  beside.use(
    await startMeridian(
      { cluster, core: cores?.data ?? null },
      { region: US, env: {}, withRedis: true, simulatedRegions: 0 },
      cluster.region(US).ports.http,
    ),
  );
  const writeUrl = cluster.region(US).dsn;
  const [facts, rttMs] = [await factsOf(writeUrl), await roundTripMs(cluster.dsnFor(EU, US))];
  await using loader = new Loader(cores?.load ?? null);
  for (const workload of workloads) {
    try {
      const result = await runWorkload(workload, {
        place: { cluster, core: cores?.server ?? null },
        loader,
        options,
        facts,
        rttMs,
        writeUrl,
        say,
      });
      results.set(workload.name, result);
      const one = {
        workload,
        candidates: chosen(workload, options),
        result,
        aims: workload.aims.map((aim) => aim(result, results)),
      };
      told.push(one);
      tell(one);
    } catch (error) {
      // A server that fails spoils its workload, not the hour that the others take.
      failures.push(`${workload.name}: ${messageOf(error)}`);
      console.error(error);
    }
    writeJson(options, cores);
  }
}

function writeJson({ json, ...asked }: Options, pinnedTo: Cores | null): void {
  const workloads = told.map(({ workload: { name, title }, candidates, result, aims }) => ({
    name,
    title,
    aims,
    servers: candidates.map((candidate) => ({
      name: candidate.name,
      peer: candidate.peer,
      perSecond: result.median(candidate, 'perSecond'),
      rounds: result.rounds.get(candidate.name),
      at70Percent: result.steady(candidate),
    })),
  }));
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(
    json,
    `${JSON.stringify({ at: new Date().toISOString(), node: process.version, cores: pinnedTo, load: loadavg(), options: asked, versions: versionsOfPeers(), failures, workloads }, null, 2)}\n`,
  );
}
