/**
 * Proves the core of the gateways' plugins, which knows no gateway: the tokens that are held, what a failover leaves of
 * them, reports, limits.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'graphql';
import { isMeridianError } from '../../../src/base/errors.ts';
import { type ClusterId } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { readOperation, strongerAsked } from '../../../src/gateway/client-operation.ts';
import { GatewayOperation, type SubgraphFetch } from '../../../src/gateway/operation.ts';
import { settingsOf, type GatewayOptions } from '../../../src/gateway/options.ts';
import { CONSISTENCY_LEVELS } from '../../../src/consistency/requirement.ts';

const OLD = new TokenCodec({ secrets: ['old'], maxTokenBytes: 4_096 });
const NEW = new TokenCodec({ secrets: ['new'], maxTokenBytes: 4_096 });
const READ: SubgraphFetch = { mutates: null, entities: false };

/** `name` is one letter. */
function token(positions: Readonly<Record<string, readonly [timeline: number, lsn: number]>>, codec = OLD): string {
  return (
    codec.encode(
      new Map(
        Object.entries(positions).map(([name, [timeline, lsn]]) => {
          const cluster = name.repeat(8) as ClusterId;
          return [cluster, { cluster, timeline, lsn: toLsn(BigInt(lsn)) }];
        }),
      ),
    ) ?? ''
  );
}

function begin(
  query: string,
  headers: Readonly<Record<string, string>> = {},
  options: GatewayOptions = {},
): GatewayOperation {
  const operation = readOperation({ document: parse(query), operationName: null, variables: {} });
  assert.ok(operation);
  return new GatewayOperation({ operation, header: (name) => headers[name], settings: settingsOf(options) });
}

function hear(operation: GatewayOperation, answered: string | null, extensions: unknown = null): void {
  operation.answered(operation.send(READ), { token: answered, extensions });
}

describe('an operation at a gateway', () => {
  it("holds each position once, and drops the client's tokens when an answer covers them", () => {
    const client = token({ A: [1, 5] });
    const operation = begin('{ a }', { 'consistency-token': client });
    assert.equal(operation.token, client);
    const [first, second] = [operation.send(READ), operation.send(READ)];
    operation.answered(second, { token: token({ A: [1, 5], B: [1, 9] }), extensions: null });
    operation.answered(first, { token: token({ A: [1, 7] }), extensions: null });
    assert.equal(operation.token, [token({ A: [1, 5], B: [1, 9] }), token({ A: [1, 7] })].join(','));
    assert.equal(operation.send(READ).headers['consistency-floor'], operation.token);
    hear(operation, token({ A: [1, 8], B: [1, 9] }));
    assert.equal(operation.token, token({ A: [1, 8], B: [1, 9] }));
  });

  it('takes tokens from extensions where a gateway drops headers, and from repeated headers', () => {
    const operation = begin('{ a }');
    hear(operation, null, { consistency: { token: token({ A: [1, 5] }) } });
    hear(operation, `${token({ B: [1, 1] })}, ${token({ C: [1, 2] })}`);
    assert.equal(operation.token, [token({ A: [1, 5] }), token({ B: [1, 1] }), token({ C: [1, 2] })].join(','));
    hear(operation, null, { consistency: "something of the subgraph's own" });
    assert.equal(operation.token?.split(',').length, 3, 'a subgraph without Meridian changes nothing');
  });

  it("keeps the client's tokens where nothing has answered for them", () => {
    const client = `${token({ A: [1, 5] })},${token({ B: [1, 1] })}`;
    const operation = begin('{ a }', { 'consistency-token': client });
    hear(operation, null);
    assert.equal(operation.token, client);
  });

  it('merges tokens of all secrets into one of the first secret, and leaves tokens that are not signed as they are', () => {
    const operation = begin(
      '{ a }',
      { 'consistency-token': `${token({ A: [1, 5] })},${token({ B: [1, 3] }, NEW)}` },
      { tokenSecret: 'new, old' },
    );
    hear(operation, null);
    const [first, second] = [operation.send(READ), operation.send(READ)];
    operation.answered(first, { token: token({ C: [1, 1] }), extensions: null });
    operation.answered(second, { token: token({ C: [1, 2] }), extensions: null });
    assert.equal(operation.token, token({ A: [1, 5], B: [1, 3], C: [1, 2] }, NEW));
    const strange = token({ D: [1, 1] }, new TokenCodec({ secrets: ['nobody knows'], maxTokenBytes: 4_096 }));
    hear(operation, strange);
    assert.equal(operation.token, `${strange},${token({ A: [1, 5], B: [1, 3], C: [1, 2] }, NEW)}`);
  });

  it('compares no timelines: a position that a failover may have lost is sent to a server, and dropped once a server has judged it', () => {
    for (const tokenSecret of [undefined, 'old']) {
      const before = token({ A: [1, 900] });
      const operation = begin(
        '{ a }',
        { 'consistency-token': before },
        tokenSecret === undefined ? {} : { tokenSecret },
      );
      // Two fetches at once, the other one of which was sent before anybody knew of the failover.
      const [first] = [operation.send(READ)];
      hear(operation, token({ B: [1, 1] }));
      operation.answered({ ...first, tokens: [] }, { token: token({ A: [2, 100] }), extensions: null });
      const held = operation.token?.split(',') ?? [];
      const positions = held
        .flatMap((one) => [...OLD.decode(one).values()].map(({ cluster, timeline }) => `${cluster[0]}${timeline}`))
        .sort();
      assert.deepEqual(positions, ['A1', 'A2', 'B1'], `${tokenSecret}`);
      const namesOlder = (): boolean =>
        (operation.token ?? '')
          .split(',')
          .some((one) =>
            [...OLD.decode(one).values()].some(({ timeline, cluster }) => timeline === 1 && cluster.startsWith('A')),
          );
      hear(operation, token({ A: [2, 100], B: [1, 2] }));
      assert.ok(namesOlder(), 'a server of B carries A through as it came');
      hear(operation, token({ A: [2, 101], B: [1, 2] }));
      assert.deepEqual(OLD.decode(operation.token ?? '').size, 2);
      assert.ok(!namesOlder(), 'the server that tells more of timeline 2 than was sent has judged timeline 1');
    }
  });

  it('fails where it would have to hold more than it may, and forgets nothing', () => {
    const operation = begin('{ a }', {}, { maxTokens: 2 });
    const sent = [1, 2, 3].map(() => operation.send(READ));
    const answer = (i: number): void =>
      operation.answered(sent[i] ?? assert.fail(), { token: token({ ['ABC'[i] ?? '']: [1, 1] }), extensions: null });
    answer(0);
    answer(1);
    assert.throws(
      () => answer(2),
      (error) => isMeridianError(error, 'CONFIG_INVALID') && error.message.includes('maxTokens'),
    );
    const folding = begin('{ a }', {}, { maxTokens: 1, tokenSecret: 'old' });
    for (const name of ['A', 'B', 'C']) hear(folding, token({ [name]: [1, 1] }));
    assert.equal(folding.token, token({ A: [1, 1], B: [1, 1], C: [1, 1] }));
  });

  it('reads a hostile list of tokens within a time limit', () => {
    const began = performance.now();
    for (const header of [
      Array.from({ length: 2_000 }, (_, i) => i.toString(36)).join(','),
      Array.from({ length: 32 }, (_, i) => token({ A: [1 + i, 1] }))
        .join(',')
        .slice(0, 4_096),
      ','.repeat(4_096),
      '\u00ff'.repeat(4_000),
    ]) {
      const operation = begin('{ a }', { 'consistency-token': header }, { tokenSecret: 'old' });
      hear(operation, token({ A: [1, 1] }));
      assert.equal(operation.send(READ).headers['consistency-token'], header);
    }
    assert.ok(performance.now() - began < 20_000);
  });

  it('reports the strongest level, all servers, the longest wait, the greatest age, and null where an age is not known', () => {
    const report = (level: string, read: number, staleness: number | null): object => ({
      consistency: {
        token: '',
        level,
        region: 'eu',
        servedBy: { cache: read, replica: 0, primary: 1 },
        waitedMs: read,
        staleness,
      },
    });
    const operation = begin('query @consistent { a }');
    hear(operation, null, report('STRONG', 2, 10));
    hear(operation, null, report('BOUNDED', 3, 7));
    assert.deepEqual(operation.report, {
      token: null,
      level: 'STRONG',
      region: 'eu',
      servedBy: { cache: 5, replica: 0, primary: 2 },
      waitedMs: 3,
      staleness: 10,
    });
    hear(operation, null, report('SNAPSHOT', 1, null));
    assert.deepEqual([operation.report?.level, operation.report?.staleness], ['SNAPSHOT', null]);
    const weaker = begin('query @consistent { a }');
    for (const level of ['BOUNDED', 'SESSION', 'EVENTUAL']) hear(weaker, null, report(level, 1, 1));
    assert.equal(weaker.report?.level, 'BOUNDED', 'BOUNDED keeps the floor of SESSION and bounds the age besides');
    assert.equal(begin('{ a }').report, null);
    assert.equal(begin('query @consistent { a }').report, null, 'no subgraph has told anything');
  });

  it('knows the stronger of any two levels, whichever comes first', () => {
    const asked = [null, ...CONSISTENCY_LEVELS].map((level) => ({ level, maxLagMs: null }));
    const fromWeakest = (['EVENTUAL', 'SESSION', null, 'STRONG', 'SNAPSHOT'] as const).map((level) => ({
      level,
      maxLagMs: null,
    }));
    fromWeakest.forEach((weaker, i) =>
      fromWeakest
        .slice(i)
        .forEach((stronger) =>
          assert.equal(strongerAsked(weaker, stronger)?.level, stronger.level, `${weaker.level} ${stronger.level}`),
        ),
    );
    for (const a of asked) {
      for (const b of asked) assert.deepEqual(strongerAsked(a, b), strongerAsked(b, a), `${a.level} ${b.level}`);
      assert.deepEqual([strongerAsked(a, a), strongerAsked(null, a), strongerAsked(a, null)], [a, a, a]);
    }
    assert.deepEqual(strongerAsked({ level: 'BOUNDED', maxLagMs: 9 }, { level: 'BOUNDED', maxLagMs: 5 }), {
      level: 'BOUNDED',
      maxLagMs: 5,
    });
    assert.deepEqual(strongerAsked({ level: null, maxLagMs: null }, { level: 'BOUNDED', maxLagMs: 5 }), {
      level: 'STRONG',
      maxLagMs: null,
    });
  });

  it('refuses options that cannot be met', () => {
    for (const options of [
      { tokenSecret: '' },
      { tokenSecret: [] },
      { maxTokens: 0 },
      { maxTokenBytes: 1.5 },
      { idempotencyKeyBytes: -1 },
      { forwardHeaders: ['a b'] },
    ]) {
      assert.throws(
        () => settingsOf(options),
        (error) => isMeridianError(error, 'CONFIG_INVALID'),
        JSON.stringify(options),
      );
    }
  });
});
