/** Owns measuring one workload: its servers start, are compared and warmed up, and take their turns in rounds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { partsOf, requireSame, tokenOf, type Asked } from './answers.ts';
import { BARE, type Candidate } from './candidates.ts';
import { type Loader } from './loader.ts';
import { type Options } from './options.ts';
import { type LoadOrder } from './order.ts';
import { cpuMsOf, memoryMbOf } from './process-figures.ts';
import { firstOfMillion, requestsOf, type Data, type Facts, type Requests } from './requests.ts';
import { WorkloadResult, type Round } from './results.ts';
import { isMeridian, SECRETS, startMeridian, startPeer, type Place, type Server } from './servers.ts';
import { type Workload } from './workloads.ts';

const STEADY_SHARE = 0.7;
/** So that a free one is there when a request is due. */
const STEADY_CONNECTIONS = 4;
const SAMPLE_MS = 1_000;
/** Few, so that the database answers probes meanwhile: a server whose database does not refuses reads. */
const FILL_AT_ONCE = 2;

export interface Setting {
  readonly place: Place;
  readonly loader: Loader;
  readonly options: Options;
  readonly facts: Facts;
  readonly rttMs: number;
  /** The primary's database, for those who write meanwhile. */
  readonly writeUrl: string;
  /** Told what is being done. */
  readonly say: (sentence: string) => void;
}

interface Entrant {
  readonly candidate: Candidate;
  readonly server: Server;
  readonly asked: Asked;
  /** Null: its requests carry none. */
  readonly token: string | null;
  /** Number of the next request in its sequence. */
  next: number;
}

/** Candidates of the workload that the command's `--peers` has. */
export function chosen({ candidates }: Workload, { peers }: Options): Candidate[] {
  return candidates.filter(({ peer }) => peers.length === 0 || peers.includes(peer));
}

export async function runWorkload(workload: Workload, setting: Setting): Promise<WorkloadResult> {
  const { options, facts, loader, say } = setting;
  const requests = requestsOf(workload.kind, facts);
  const folder = mkdtempSync(join(tmpdir(), 'meridian-peers-'));
  const result = new WorkloadResult(setting.rttMs);
  await using started = new AsyncDisposableStack();
  started.defer(() => rmSync(folder, { recursive: true, force: true }));
  const partsFile = join(folder, 'parts.json');
  say(`${workload.name}: starting servers, comparing their answers`);
  const entrants = await enter({
    workload,
    setting,
    requests,
    started,
    partsFile,
    answersFile: join(folder, 'answers.json'),
  });
  const order = ({ candidate, asked, token, next }: Entrant, seconds: number): LoadOrder => ({
    kind: workload.kind,
    facts,
    partsFile,
    query: asked.query,
    url: asked.url,
    headers: asked.headers,
    connections: workload.connections ?? options.connections,
    seconds,
    from: next,
    rate: null,
    token,
    writeUrl: candidate.load.writes === true ? setting.writeUrl : null,
  });
  for (const entrant of entrants) {
    if (options.warmup === 0) break;
    say(`${workload.name}: warming up ${entrant.candidate.name}`);
    entrant.next += (await loader.run(order(entrant, options.warmup * workload.warmups))).requests;
  }
  for (let round = 0; round < options.rounds; round += 1) {
    say(`${workload.name}: round ${round + 1} of ${options.rounds}`);
    // Somebody else begins each time.
    const turn = entrants
      .map((_, i) => entrants[(i + round) % entrants.length])
      .filter((entrant) => entrant !== undefined);
    for (const entrant of turn)
      result.add(entrant.candidate, await measured(entrant, () => loader.run(order(entrant, options.seconds))));
  }
  const paced = entrants.find(({ candidate }) => candidate.name === workload.steady?.name);
  // What the load and the machine add to any server's latencies is seen at the server that does nothing.
  const limit = entrants.find(({ candidate }) => candidate.peer === 'bare');
  if (paced !== undefined) {
    say(`${workload.name}: ${STEADY_SHARE * 100} % of the peak load`);
    const rate = (result.median(paced.candidate, 'perSecond') ?? 0) * STEADY_SHARE;
    const connections = STEADY_CONNECTIONS * options.connections;
    const memoryMb: number[] = [];
    const sampling = setInterval(() => memoryMb.push(memoryMbOf(paced.server.pid) ?? NaN), SAMPLE_MS);
    try {
      const report = await loader.run({
        ...order(paced, workload.steadySeconds ?? options.seconds),
        rate,
        connections,
      });
      result.paced.set(paced.candidate.name, { ...report, memoryMb });
      if (limit !== undefined && workload.steadySeconds === null)
        result.paced.set(limit.candidate.name, {
          ...(await loader.run({ ...order(limit, options.seconds), rate, connections })),
          memoryMb: [],
        });
    } finally {
      clearInterval(sampling);
    }
  }
  return result;
}

interface Entering {
  readonly workload: Workload;
  readonly setting: Setting;
  readonly requests: Requests;
  readonly started: AsyncDisposableStack;
  readonly partsFile: string;
  readonly answersFile: string;
}

/**
 * One after the other; the first that reads data says what is right, and the bare server, which has none, comes last.
 */
async function enter({ workload, setting, requests, started, partsFile, answersFile }: Entering): Promise<Entrant[]> {
  const candidates = chosen(workload, setting.options);
  const entrants = new Map<Candidate, Entrant>();
  const servers = new Map<string, Server>();
  let right: Data[] | null = null;
  for (const candidate of [...candidates.filter((one) => one !== BARE), ...candidates.filter((one) => one === BARE)]) {
    const key = JSON.stringify(candidate.server);
    const server = servers.get(key) ?? started.use(await startServer(candidate, setting, answersFile));
    servers.set(key, server);
    const tokens = candidate.load.tokens === true;
    const asked = {
      url: server.url,
      query: candidate.load.query ?? requests.query,
      headers: tokens ? { authorization: `Bearer ${await bearer()}` } : {},
    };
    const [first] = requests.parts;
    const cached =
      isMeridian(candidate.server) && candidate.server.env['MERIDIAN_CACHE'] !== 'false' && first !== undefined;
    const token = first !== undefined && (cached || tokens) ? await tokenOf(asked, first, { cached }) : null;
    if (right === null) {
      right = await partsOf(asked, requests);
      writeFileSync(partsFile, JSON.stringify(right));
      writeFileSync(answersFile, JSON.stringify(ready(requests, right)));
    } else {
      await requireSame(candidate.name, asked, { requests, right });
    }
    await fill(asked, candidate.load.fill ?? 0);
    entrants.set(candidate, { candidate, server, asked, token: tokens ? token : null, next: 0 });
  }
  return candidates.map((candidate) => entrants.get(candidate)).filter((entrant) => entrant !== undefined);
}

function startServer(candidate: Candidate, { place }: Setting, answersFile: string): Promise<Server> {
  return isMeridian(candidate.server)
    ? startMeridian(place, candidate.server)
    : startPeer(place, candidate.server, answersFile);
}

async function fill(asked: Asked, count: number): Promise<void> {
  const reading = firstOfMillion(count);
  await partsOf({ ...asked, query: reading.query }, reading, FILL_AT_ONCE);
}

/** What the bare server hands out, by variables; of pairs each half. */
function ready({ parts }: Requests, right: readonly Data[]): { key: string; data: unknown }[] {
  return parts.flatMap((variables, i) =>
    Object.entries(variables).map(([name, value]) => ({
      key: `${name} ${String(value)}`,
      data: name === 'id' ? right[i] : { [name]: right[i]?.[name] },
    })),
  );
}

async function measured(entrant: Entrant, load: () => ReturnType<Loader['run']>): Promise<Round> {
  const { server } = entrant;
  const before = cpuMsOf(server.pid);
  const report = await load();
  const after = cpuMsOf(server.pid);
  entrant.next += report.requests;
  return {
    ...report,
    perSecond: report.requests / report.seconds,
    memoryMb: memoryMbOf(server.pid),
    cpuUs: before === null || after === null ? null : ((after - before) * 1_000) / report.requests,
  };
}

/** Somebody without a tenant and without roles. */
function bearer(): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject('1')
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(SECRETS.jwtSecret));
}
