/** Proves where a mutation goes in every situation, and that what may have run is never repeated without a key. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { type ForwardedMutation } from '../../../src/forwarding/envelope.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import {
  afterFailure,
  carriedHeaders,
  FORWARD_FAILURES,
  mayHaveRun,
  wayOf,
  type ForwardFailure,
  type ForwardOutcome,
  type ServerState,
  type Situation,
} from '../../../src/forwarding/decision.ts';
import { Forwarding } from '../../../src/forwarding/forwarding.ts';

const MODES = ['auto', 'forward', 'direct'] as const;
const STANDINGS: readonly ServerState[] = ['none', 'unknown', 'ready', 'down'];
const situation = (of: Partial<Situation>): Situation => ({
  mode: 'auto',
  local: 'eu',
  primary: 'us',
  server: 'ready',
  databaseReachable: true,
  ...of,
});

describe('the way of a mutation', () => {
  it("is local in the primary's region, whatever else there is", () => {
    for (const mode of MODES)
      for (const server of STANDINGS)
        for (const databaseReachable of [true, false])
          assert.deepEqual(wayOf({ mode, local: 'us', primary: 'us', server, databaseReachable }), { kind: 'local' });
  });

  it('depends in other regions on the mode and on the state of the other server', () => {
    const kinds = (mode: Situation['mode'], databaseReachable: boolean): string[] =>
      STANDINGS.map((server) => wayOf(situation({ mode, server, databaseReachable })).kind);
    assert.deepEqual(kinds('auto', true), ['direct', 'forward', 'forward', 'direct']);
    assert.deepEqual(kinds('auto', false), ['direct', 'forward', 'forward', 'refuse']);
    assert.deepEqual(kinds('forward', true), ['refuse', 'forward', 'forward', 'refuse']);
    assert.deepEqual(kinds('forward', false), ['refuse', 'forward', 'forward', 'refuse']);
    for (const reachable of [true, false])
      assert.deepEqual(kinds('direct', reachable), ['direct', 'direct', 'direct', 'direct']);
  });

  it('is direct without a known primary, which is then looked for, and refused where direct writes are not allowed', () => {
    assert.deepEqual(
      MODES.map((mode) => wayOf(situation({ mode, primary: null })).kind),
      ['direct', 'refuse', 'direct'],
    );
  });
});

describe('a failure of forwarding', () => {
  const given = { mode: 'auto', keyed: false, triesLeft: 1, uncertain: false } as const;

  it('is never repeated without a key where the mutation may have run', () => {
    for (const failure of FORWARD_FAILURES.filter(mayHaveRun)) {
      for (const mode of MODES)
        for (const triesLeft of [0, 1])
          for (const uncertain of [true, false])
            assert.equal(afterFailure(failure, { mode, keyed: false, triesLeft, uncertain }), 'unknown');
    }
    assert.deepEqual(FORWARD_FAILURES.filter(mayHaveRun), ['broken', 'late', 'unreadable']);
  });

  it('leads with a key to another try, then to a direct write, or to WRITE_UNCONFIRMED', () => {
    for (const failure of FORWARD_FAILURES.filter(mayHaveRun)) {
      const keyed = { ...given, keyed: true };
      assert.equal(afterFailure(failure, keyed), 'again');
      assert.equal(afterFailure(failure, { ...keyed, triesLeft: 0 }), 'direct');
      assert.equal(afterFailure(failure, { ...keyed, triesLeft: 0, mode: 'forward' }), 'unconfirmed');
    }
  });

  it('leads to another way where nothing has run, or to an error that says so', () => {
    const after = (failure: ForwardFailure, of: object): string => afterFailure(failure, { ...given, ...of });
    for (const failure of ['unreachable', 'refused', 'too large', 'unknown'] as const)
      assert.deepEqual([after(failure, {}), after(failure, { mode: 'forward' })], ['direct', 'refuse']);
    assert.deepEqual(
      [
        after('not primary', {}),
        after('not primary', { triesLeft: 0 }),
        after('not primary', { triesLeft: 0, mode: 'forward' }),
      ],
      ['again', 'direct', 'refuse'],
    );
    // More load is no fix for too much load.
    for (const mode of MODES) assert.equal(after('busy', { mode }), 'busy');
  });

  it('never says that nothing was written after an earlier try that may have run', () => {
    for (const failure of FORWARD_FAILURES)
      for (const mode of MODES)
        for (const triesLeft of [0, 1]) {
          const next = afterFailure(failure, { mode, keyed: true, triesLeft, uncertain: true });
          assert.ok(['again', 'direct', 'unconfirmed'].includes(next), `${failure}, ${mode}: ${next}`);
        }
  });
});

const MUTATION: ForwardedMutation = {
  query: 'mutation { touch }',
  operationName: null,
  variables: {},
  extensions: {},
  viewer: null,
  headers: {},
};
const KEYED = { ...MUTATION, headers: carriedHeaders({ 'idempotency-key': 'k', cookie: 'secret' }) };
const failed = (failure: ForwardFailure): ForwardOutcome => ({
  kind: 'failed',
  failure,
  why: 'it is as the test says',
});
const answered: ForwardOutcome = { kind: 'answered', answer: { status: 200, token: 'm1.a.b', body: { data: null } } };

interface Told {
  readonly forwarding: Forwarding;
  readonly sentTo: string[];
  readonly tokens: string[];
  readonly ways: () => Promise<Record<string, number>>;
}

/** Each send comes to the next outcome; a refresh makes the next region the primary. */
function told({
  outcomes,
  primaries = ['us'],
  mode = 'auto',
  retries = 1,
}: {
  readonly outcomes: readonly ForwardOutcome[];
  readonly primaries?: readonly string[];
  readonly mode?: Situation['mode'];
  readonly retries?: number;
}): Told {
  const [left, order] = [[...outcomes], [...primaries]];
  const sentTo: string[] = [];
  const tokens: string[] = [];
  const metrics = createMetrics();
  const view = {
    local: 'eu',
    get primary() {
      return order[0] ?? null;
    },
    reachable: () => true,
    refresh: async () => void (order.length > 1 && order.shift()),
  };
  const transport = { send: async (region: string) => (sentTo.push(region), left.shift() ?? failed('unreachable')) };
  const forwarding = new Forwarding({
    options: { writes: mode, forwardRetries: retries, maxErrorLogs: 1 },
    view,
    server: () => 'ready',
    transport,
    onAnswer: (token) => tokens.push(token),
    log: silentTelemetry().log,
    metrics,
  });
  return {
    forwarding,
    sentTo,
    tokens,
    ways: async () =>
      Object.fromEntries(
        (await metrics.mutations.get()).values.map(({ labels, value }) => [String(labels.way), value]),
      ),
  };
}

describe('forwarding', () => {
  it('passes on the answer, and reports its token', async () => {
    const { forwarding, tokens, ways } = told({ outcomes: [answered] });
    assert.deepEqual(await forwarding.take(MUTATION), {
      way: 'forwarded',
      answer: (answered as { answer: unknown }).answer,
    });
    assert.deepEqual([tokens, await ways()], [['m1.a.b'], { forwarded: 1 }]);
  });

  it('follows the primary once, and then goes direct', async () => {
    const moved = told({ outcomes: [failed('not primary'), answered], primaries: ['us', 'ap'] });
    assert.equal((await moved.forwarding.take(MUTATION)).way, 'forwarded');
    assert.deepEqual(moved.sentTo, ['us', 'ap']);
    const lost = told({ outcomes: [failed('not primary'), failed('not primary')] });
    assert.deepEqual(
      [await lost.forwarding.take(MUTATION), lost.sentTo],
      [{ way: 'direct', uncertain: null }, ['us', 'us']],
    );
    const here = told({ outcomes: [failed('not primary')], primaries: ['us', 'eu'] });
    assert.deepEqual(await here.forwarding.take(MUTATION), { way: 'local', uncertain: null });
  });

  it('sends a mutation that may have run once without a key, and several times within the limit with one', async () => {
    const plain = told({ outcomes: [failed('broken'), answered] });
    await assert.rejects(
      plain.forwarding.take(MUTATION),
      (error) =>
        isMeridianError(error, 'WRITE_OUTCOME_UNKNOWN') &&
        /region us.*idempotency-key/.test(error.message) &&
        error.details['region'] === 'us',
    );
    assert.deepEqual([plain.sentTo, await plain.ways()], [['us'], { refused: 1 }]);
    const keyed = told({ outcomes: [failed('late'), answered] });
    assert.equal((await keyed.forwarding.take(KEYED)).way, 'forwarded');
    const often = told({ outcomes: Array.from({ length: 9 }, () => failed('broken')), retries: 2 });
    assert.deepEqual(
      [await often.forwarding.take(KEYED), often.sentTo.length],
      [{ way: 'direct', uncertain: 'us' }, 3],
    );
  });

  it('says WRITE_UNCONFIRMED where a second try could not be made', async () => {
    for (const outcome of [failed('unreachable'), failed('busy'), failed('late')]) {
      const { forwarding } = told({ outcomes: [failed('broken'), outcome], mode: 'forward' });
      await assert.rejects(
        forwarding.take(KEYED),
        (error) => isMeridianError(error, 'WRITE_UNCONFIRMED') && error.retryable,
      );
    }
  });

  it('refuses with a typed error when it may not go direct', async () => {
    await assert.rejects(
      told({ outcomes: [failed('unreachable')], mode: 'forward' }).forwarding.take(MUTATION),
      (error) => isMeridianError(error, 'PRIMARY_UNAVAILABLE') && /nothing was written/.test(error.message),
    );
    await assert.rejects(
      told({ outcomes: [failed('too large')], mode: 'forward' }).forwarding.take(MUTATION),
      (error) =>
        isMeridianError(error, 'BAD_USER_INPUT') && !error.retryable && /nothing was written/.test(error.message),
    );
    await assert.rejects(
      told({ outcomes: [failed('busy')] }).forwarding.take(MUTATION),
      (error) => isMeridianError(error, 'OVERLOADED') && error.details['what'] === 'forwarded mutations',
    );
  });

  it('carries the headers that matter, and no others', () => {
    assert.deepEqual(KEYED.headers, { 'idempotency-key': 'k' });
  });
});
