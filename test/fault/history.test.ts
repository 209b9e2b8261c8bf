/**
 * Proves the promise under faults: clients move between three regions, write and read with their tokens, while replicas,
 * links, tails, slots and servers break and come back. SEED replays a run's choices, MINUTES sets its length.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { AP, EU, OCEAN, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { History, learn, type Knowledge } from '../support/history.ts';
import { seeded, type Random } from '../support/random.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const MINUTES = Number(process.env['MINUTES'] ?? 0.75);
const CLIENTS = 9;
const USERS = [1, 2, 3, 4, 5, 6];
const TASKS = [1, 2, 3];
const REGIONS = [US, EU, AP];
const BOUND_MS = 800;
/** Beyond every time limit of a request: a wait, a statement, a connection. */
const HANG_MS = 30_000;
/** Once everything is whole again. */
const HEALED_MS = 20_000;

/** What may be answered while something is broken. */
const ALLOWED: ReadonlySet<string> = new Set(['CONSISTENCY_TIMEOUT', 'REGION_UNAVAILABLE', 'PRIMARY_UNAVAILABLE', 'WRITE_OUTCOME_UNKNOWN', 'OVERLOADED', 'TRANSACTION_CONFLICT']);

type User = { readonly name: string; readonly version: number };
type Counted = { readonly comments: { readonly totalCount: number } };

const USER_FIELDS = 'name version';
const RENAME = `mutation($id: ID!, $value: String!) { updateUser(id: $id, input: { name: $value }) { user { ${USER_FIELDS} } token } }`;
const COMMENT = 'mutation($id: ID!) { addComment(input: { taskId: $id, authorId: 1, body: "b" }) { comment { task { comments { totalCount } } } token } }';

class Client {
  readonly name: string;
  readonly known: Knowledge = { token: null, keys: new Map() };
  readonly #app: TestApp;
  readonly #history: History;
  readonly #random: Random;
  readonly #tally: Map<string, number>;
  #written = 0;

  constructor(parts: { name: string; app: TestApp; history: History; random: Random; tally: Map<string, number> }) {
    this.name = parts.name;
    this.#app = parts.app;
    this.#history = parts.history;
    this.#random = parts.random;
    this.#tally = parts.tally;
  }

  /** Takes over what another client knows, as a gateway would: both tokens, joined by a comma. */
  meet(other: Client): void {
    this.known.token = [this.known.token, other.known.token].filter((token) => token !== null).join(',') || null;
    for (const [key, at] of other.known.keys) learn(this.known.keys, key, at);
  }

  async step(): Promise<void> {
    const region = this.#random.pick(REGIONS);
    const kind = this.#random.below(10);
    if (kind < 3) await this.rename(region, this.#random.pick(USERS));
    else if (kind === 3) await this.comment(region, this.#random.pick(TASKS));
    else if (kind < 8) await this.read(region, '');
    else await this.read(region, this.#random.pick(['@consistent(level: STRONG)', '@consistent(level: SNAPSHOT)', `@consistent(level: BOUNDED, maxLagMs: ${BOUND_MS})`]));
  }

  async rename(region: string, id: number): Promise<boolean> {
    const value = `${this.name}-${(this.#written += 1)}`;
    const key = `user ${id}`;
    this.#history.attempt(key, value);
    const before = this.known.keys.get(key) ?? 0;
    const data = await this.#ask<{ updateUser: { user: User } }>(region, RENAME, { id, value });
    if (data === null) return false;
    const { version, name } = data.updateUser.user;
    this.#history.acked(value, version);
    this.#history.saw(key, { at: version, value: name }, before + 1, `${this.name} wrote in ${region}`);
    learn(this.known.keys, key, version);
    return true;
  }

  async comment(region: string, id: number): Promise<boolean> {
    const key = `comments of ${id}`;
    const before = this.known.keys.get(key) ?? 0;
    const data = await this.#ask<{ addComment: { comment: { task: Counted } } }>(region, COMMENT, { id });
    if (data === null) return false;
    const at = data.addComment.comment.task.comments.totalCount;
    this.#history.ackedCount(key, at);
    this.#history.saw(key, { at, value: null }, before + 1, `${this.name} commented in ${region}`);
    learn(this.known.keys, key, at);
    return true;
  }

  /** Reads some users and counts in one operation; whether all of it was answered. */
  async read(region: string, directive: string): Promise<boolean> {
    // Without a token a level has to keep its promise alone; most tokens name more than it promises.
    const bare = directive !== '' && this.#random.below(3) > 0;
    const users = this.#random.shuffled(USERS).slice(0, 3);
    const task = this.#random.pick(TASKS);
    const query = `query ${directive === '' ? '' : `Q ${directive}`} { ${users.map((id) => `u${id}: user(id: ${id}) { ${USER_FIELDS} }`).join(' ')} t: task(id: ${task}) { comments { totalCount } } }`;
    const keys = [...users.map((id) => `user ${id}`), `comments of ${task}`];
    const began = performance.now();
    const floors = new Map(keys.map((key) => [key, Math.max(bare ? 0 : (this.known.keys.get(key) ?? 0), this.#promised(key, directive, bare, began))]));
    const data = await this.#ask<Record<string, User & Counted>>(region, query, {}, bare);
    if (data === null) return false;
    const what = `${this.name} read in ${region} ${directive}${bare ? ' without a token' : ''}`;
    const judge = (key: string, at: number, value: string | null): void => {
      this.#history.saw(key, { at, value }, floors.get(key) ?? 0, what);
      learn(this.known.keys, key, at);
    };
    for (const id of users) judge(`user ${id}`, data[`u${id}`]?.version ?? 0, data[`u${id}`]?.name ?? 'nothing');
    judge(`comments of ${task}`, data['t']?.comments.totalCount ?? 0, null);
    return true;
  }

  /** What the level promises whatever the token says. */
  #promised(key: string, directive: string, bare: boolean, nowMs: number): number {
    if (directive.includes('STRONG') || (directive.includes('SNAPSHOT') && (bare || this.known.token === null))) return this.#history.ackedBy(key, nowMs);
    return directive.includes('BOUNDED') ? this.#history.ackedBy(key, nowMs - BOUND_MS) : 0;
  }

  /** Null where the answer was an error; an error that may not be is a finding. */
  async #ask<D>(region: string, query: string, variables: Record<string, unknown>, bare = false): Promise<D | null> {
    const began = performance.now();
    const url = this.#app.server(region).url;
    let answer: Answer<D>;
    try {
      answer = await this.#app.gql<D>(region, query, { variables, token: bare ? '' : (this.known.token ?? '') });
    } catch (error) {
      // Nobody listens there: only a server that was stopped may do that.
      this.#count('no server');
      await sleep(100);
      if (!stopped.has(url)) this.#history.findings.push(`SILENT ${this.name} in ${region}: ${String(error)}`);
      return null;
    }
    const ms = performance.now() - began;
    if (ms > HANG_MS) this.#history.findings.push(`HUNG ${this.name} in ${region} for ${Math.round(ms)} ms: ${query}`);
    for (const { message, extensions } of answer.errors) {
      this.#count(extensions.code);
      if (!ALLOWED.has(extensions.code)) this.#history.findings.push(`UNTYPED ${this.name} in ${region}: ${extensions.code} ${message}`);
    }
    // Also an answer of errors alone carries a token: whatever it names, later reads must not be older than what is known.
    if (answer.token !== null) this.known.token = bare && this.known.token !== null ? `${this.known.token},${answer.token}` : answer.token;
    if (answer.errors.length > 0 || answer.data === null) return null;
    this.#count(`by ${answer.consistency?.servedBy.primary ? 'primary' : 'replica'}`);
    return answer.data;
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }
}

/** URLs of servers that a fault has ended. */
const stopped = new Set<string>();

/** Breaks something, and gives how to mend it. */
type Fault = (app: TestApp, region: string) => Promise<() => Promise<void>>;

/** A killed server's children may hold its memory for some time longer, and nobody else can start until then. */
async function started(cluster: TestApp['cluster'], region: string): Promise<void> {
  for (const deadline = performance.now() + 15_000; ; await sleep(100)) {
    try {
      return await cluster.startPostgres(region);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

const nothing = async (): Promise<void> => undefined;

const FAULTS: Readonly<Record<string, Fault>> = {
  async 'replay paused'({ cluster }, region) {
    // Not `pauseReplay`, which waits until the pause has come: a replica without its primary may take long to notice.
    await cluster.query(region, 'SELECT pg_wal_replay_pause()');
    return () => cluster.resumeReplay(region);
  },
  async 'link to the primary cut'({ cluster }, region) {
    await cluster.cut(region, US);
    return () => cluster.heal(region, US);
  },
  async 'replication cut'({ cluster }, region) {
    await cluster.cut(region, US, 'replication');
    return () => cluster.heal(region, US, 'replication');
  },
  async 'SQL cut'({ cluster }, region) {
    await cluster.cut(region, US, 'postgres');
    return () => cluster.heal(region, US, 'postgres');
  },
  async 'link slow'({ cluster }, region) {
    await cluster.setRtt(region, US, 600, 300);
    return () => cluster.setRtt(region, US, 100, 0);
  },
  async 'PostgreSQL killed'({ cluster }, region) {
    await cluster.killPostgres(region);
    return () => started(cluster, region);
  },
  async 'PostgreSQL killed and back at once'({ cluster }, region) {
    await cluster.killPostgres(region);
    await started(cluster, region);
    return nothing;
  },
  async 'tail ended'({ cluster }, region) {
    await cluster.query(region, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian tail'`);
    return nothing;
  },
  async 'slot dropped'({ cluster }, region) {
    await cluster.dropSlot(region, 'meridian');
    return nothing;
  },
  async 'every connection ended'({ cluster }, region) {
    await cluster.query(region, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'meridian%' AND pid <> pg_backend_pid()`);
    return nothing;
  },
  async 'server restarted'(app, region) {
    stopped.add(app.server(region).url);
    await app.stopServer(region);
    return () => app.startServer(region);
  },
};

const PRIMARY_FAULTS: Readonly<Record<string, Fault>> = {
  async 'primary restarted'({ cluster }) {
    await cluster.killPostgres(US);
    return () => started(cluster, US);
  },
  async 'connections of the primary ended'(app) {
    return (FAULTS['every connection ended'] as Fault)(app, US);
  },
  async 'server of the primary restarted'(app) {
    return (FAULTS['server restarted'] as Fault)(app, US);
  },
  async 'regions without each other'({ cluster }) {
    await cluster.cut(EU, AP);
    return () => cluster.heal(EU, AP);
  },
};

/** Strikes one fault after another until the time is over; what it broke is whole again when it resolves. */
async function plague({ app, region, faults, random, over }: { app: TestApp; region: string; faults: Readonly<Record<string, Fault>>; random: Random; over: () => boolean }): Promise<void> {
  const names = Object.keys(faults);
  await sleep(500 + random.below(1_500));
  while (!over()) {
    const name = random.pick(names);
    const since = ((performance.now() - startedMs) / 1_000).toFixed(1);
    struck.push(`${since} s ${region} ${name}`);
    const heal = await (faults[name] as Fault)(app, region);
    await sleep(200 + random.below(2_800));
    await heal();
    await sleep(random.below(3_000));
  }
}

const struck: string[] = [];
let startedMs = 0;

describe(`a history under faults (SEED=${SEED} MINUTES=${MINUTES})`, () => {
  let app: TestApp;
  before(async () => {
    // A backend that creates a slot outlives a killed postmaster until its time limit, and keeps the server from starting again.
    app = await startTestApp({ scale: 0.1, wan: OCEAN, settings: { heartbeatMs: 250, slotCreateMs: 4_000 } });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('never shows a client less than its token names, and answers again when all is whole', { timeout: MINUTES * 60_000 + 120_000 }, async (t) => {
    const history = new History();
    const tally = new Map<string, number>();
    for (const { id, name, version } of await app.cluster.query<User & { id: number }>(US, 'SELECT id::int, name, version FROM users WHERE id = ANY ($1)', [USERS])) history.begin(`user ${id}`, { at: version, value: name });
    const random = seeded(SEED);
    const clients = Array.from({ length: CLIENTS }, (_, i) => new Client({ name: `c${i}`, app, history, tally, random: seeded(random.below(1 << 30)) }));
    startedMs = performance.now();
    let endMs = startedMs + MINUTES * 60_000;

    const over = (): boolean => performance.now() > endMs;

    const lane = async (client: Client): Promise<void> => {
      const own = seeded(SEED + Number(client.name.slice(1)) + 1);
      while (!over()) {
        if (own.below(12) === 0) client.meet(own.pick(clients));
        await client.step();
        await sleep(own.below(60));
      }
    };
    const running = [
      ...clients.map(lane),
      plague({ app, region: AP, faults: FAULTS, random: seeded(SEED + 101), over }),
      plague({ app, region: EU, faults: FAULTS, random: seeded(SEED + 102), over }),
      plague({ app, region: US, faults: PRIMARY_FAULTS, random: seeded(SEED + 103), over }),
    ];
    try {
      await Promise.all(running);
    } finally {
      // Where one fails the others end too, before anything they use does.
      endMs = 0;
      await Promise.allSettled(running);
    }

    const healed: string[] = [];
    for (const deadline = performance.now() + HEALED_MS; ; await sleep(250)) {
      healed.length = 0;
      for (const region of REGIONS) {
        const answers = await Promise.all(clients.map(async (client, i) => [await client.read(region, ''), await client.read(region, '@consistent(level: STRONG)'), await client.rename(region, USERS[i % USERS.length] ?? 1)]));
        if (answers.flat().some((ok) => !ok)) healed.push(region);
      }
      if (healed.length === 0 || performance.now() > deadline) break;
    }
    const summary = `SEED=${SEED}: ${history.checked} sights, ${history.acknowledged} writes, ${[...tally].map(([what, n]) => `${what} ${n}`).join(', ')}`;
    t.diagnostic(summary);
    const context = `${summary}\n${struck.join('\n')}`;
    assert.deepEqual(history.findings.slice(0, 20), [], `${history.findings.length} findings. ${context}`);
    assert.deepEqual(healed, [], `these regions still do not answer. ${context}`);
    assert.ok(history.checked > 200 * MINUTES && history.acknowledged > 20 * MINUTES, `too little happened to prove anything. ${context}`);
  });
});
