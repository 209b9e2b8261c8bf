/** Owns a client of a history: it goes from region to region with its token, asks, and records what it was shown. */
import { sleep } from '../../src/base/clock.ts';
import { ZERO_LSN, type Lsn } from '../../src/base/lsn.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { ask, type Answer } from '../support/app.ts';
import { isWrite, operationOf, type Operation, type Pool } from './operations.ts';
import { REGIONS, type Place } from './place.ts';
import { BOUND_MS, clientPlan, type Asking, type ClientStep } from './plan.ts';
import { type Answered, type Witness } from './record.ts';
import { TOKEN_SECRET, type RegionServer } from './region-server.ts';
import { type Tally } from './tally.ts';

/** Beyond every time limit of a request: a wait, a statement, a connection; and beyond every stop of a process. */
const HANG_MS = 30_000;

/** What may be answered while something is broken. */
const ALLOWED: ReadonlySet<string> = new Set([
  'CONSISTENCY_TIMEOUT',
  'REGION_UNAVAILABLE',
  'PRIMARY_UNAVAILABLE',
  'WRITE_OUTCOME_UNKNOWN',
  'OVERLOADED',
  'TRANSACTION_CONFLICT',
  // What two clients do to the same row.
  'NOT_FOUND',
  'CONSTRAINT_VIOLATION',
]);

const codec = new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 65_536 });

/** The position that a token header names. */
export function lsnOf(header: string): Lsn {
  const [position] = codec.decode(header).values();
  if (position !== undefined && position.timeline !== 1)
    throw new RangeError(`nobody fails over in these histories, yet a token names timeline ${position.timeline}`);
  return position?.lsn ?? ZERO_LSN;
}

/**
 * Tokens that a client holds at most, as `meridian/client` bounds them: what is not answered leaves them as they were,
 * and others' come on top.
 */
const MAX_TOKENS = 8;

/**
 * A header of both: each token once, and the newest ones where there are many, which ask for all that older ones of the
 * same cluster do.
 */
export function joined(one: string, other: string): string {
  const tokens = [...new Set(`${one},${other}`.split(','))].filter((token) => token !== '');
  if (tokens.length <= MAX_TOKENS) return tokens.join(',');
  const newest = tokens
    .map((token) => ({ token, lsn: lsnOf(token) }))
    .sort((a, b) => (a.lsn < b.lsn ? 1 : a.lsn > b.lsn ? -1 : 0));
  return newest
    .slice(0, MAX_TOKENS)
    .map(({ token }) => token)
    .join(',');
}

/** What every lane of a run shares. */
export interface Shared {
  readonly place: Place;
  readonly seed: number;
  readonly witness: Witness;
  readonly tally: Tally;
  readonly pool: Pool;
  readonly record: (answered: Answered) => void;
  /** A transaction beside Meridian was acknowledged. */
  readonly acknowledge: (xid: number) => void;
  readonly report: (kind: 'wrong error' | 'hung', text: string) => void;
  /** Numbers answers. */
  readonly next: () => number;
  readonly isOver: () => boolean;
}

export class Client {
  readonly name: string;
  token = '';
  readonly #shared: Shared;
  readonly #plan: Generator<ClientStep, never>;

  constructor(name: string, shared: Shared, plan: Generator<ClientStep, never> = clientPlan(shared.seed, name)) {
    this.name = name;
    this.#shared = shared;
    this.#plan = plan;
  }

  async run(others: readonly Client[]): Promise<void> {
    const { isOver, pool } = this.#shared;
    while (!isOver()) {
      const step = this.#plan.next().value;
      const server = this.#choose(step);
      const met = step.meets === null ? undefined : others[step.meets % others.length];
      if (met !== undefined) this.token = joined(this.token, met.token);
      await this.perform(server, operationOf(step, pool), isWrite(step.kind) ? null : step.asking);
      await sleep(step.pauseMs);
    }
  }

  /** Where nobody answers, most go elsewhere. */
  #choose({ place: roll, dice }: ClientStep): RegionServer {
    const { place } = this.#shared;
    const { servers } = place.region(REGIONS[roll % REGIONS.length] ?? '');
    const chosen = servers[(roll >> 4) % servers.length] as RegionServer;
    if (!chosen.isDown || dice[3] % 8 === 0) return chosen;
    const others = place.servers.filter(({ isDown }) => !isDown);
    return others[(roll >> 8) % Math.max(1, others.length)] ?? chosen;
  }

  /** Whether it was answered without errors. `asking`: null for a write. */
  async perform(
    server: RegionServer,
    { what, text, sights, trace, created }: Operation,
    asking: Asking | null,
  ): Promise<boolean> {
    const { witness, record, next, tally } = this.#shared;
    const { level, bare } = asking ?? { level: 'SESSION', bare: false };
    const header = bare ? '' : this.token;
    const sentMs = performance.now();
    const query = asking === null ? `mutation { ${text} }` : `query Q ${directiveOf(level, header)} { ${text} }`;
    const promisedMs =
      level === 'STRONG' || (level === 'SNAPSHOT' && header === '')
        ? sentMs
        : level === 'BOUNDED'
          ? sentMs - BOUND_MS
          : null;
    const answer = await this.#ask(server, query, header);
    if (answer === null) return false;
    const { data, errors, token: given, consistency } = answer;
    const answeredMs = performance.now();
    const token = given === null ? null : lsnOf(given);
    // Also an answer of errors alone carries a token: whatever it names, later reads must not be older.
    if (given !== null) this.token = bare ? joined(this.token, given) : given;
    if (token !== null) witness.saw(token);
    const whole = errors.length === 0 && data !== null;
    if (whole && consistency !== null) tally.servedBy(consistency.servedBy);
    const id = whole ? created?.(data) : undefined;
    if (id !== undefined && id !== null) this.#shared.pool.tasks.push(id);
    record({
      n: next(),
      client: this.name,
      region: server.region,
      server: server.name,
      what,
      asking: { level, bare },
      sentMs,
      answeredMs,
      sent: header === '' ? ZERO_LSN : lsnOf(header),
      promisedMs,
      token,
      servedBy: consistency?.servedBy ?? null,
      sights: whole ? sights(data) : [],
      trace: whole ? (trace ?? null) : null,
    });
    tally.count(asking === null ? 'writes' : 'reads');
    return whole;
  }

  /** Null where nobody answered. */
  async #ask(
    server: RegionServer,
    query: string,
    header: string,
  ): Promise<Answer<Readonly<Record<string, unknown>>> | null> {
    const { tally, report } = this.#shared;
    const began = performance.now();
    const was = server.isDown;
    let answer: Answer<Readonly<Record<string, unknown>>>;
    try {
      answer = await ask(server.url, query, { token: header });
    } catch (error) {
      tally.count('no server');
      if (!was && !server.isDown)
        report(
          'wrong error',
          `SILENT ${this.name} at ${server.name}: ${String(error)} ${String((error as Error).cause)}`,
        );
      await sleep(100);
      return null;
    }
    const ms = performance.now() - began;
    if (ms > HANG_MS) report('hung', `HUNG ${this.name} at ${server.name} for ${Math.round(ms)} ms: ${query}`);
    for (const { message, extensions } of answer.errors) {
      tally.count(extensions.code);
      if (!ALLOWED.has(extensions.code))
        report('wrong error', `UNTYPED ${this.name} at ${server.name}: ${extensions.code} ${message} for ${query}`);
    }
    return answer;
  }
}

function directiveOf(level: Asking['level'], header: string): string {
  if (level === 'SESSION') return '';
  if (level === 'EVENTUAL') return header === '' ? '' : '@consistent(level: EVENTUAL)';
  return level === 'BOUNDED' ? `@consistent(level: BOUNDED, maxLagMs: ${BOUND_MS})` : `@consistent(level: ${level})`;
}
