/** What makes two requests the same one, whose they are, and what of a result or an error is kept of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GraphQLError } from 'graphql';
import { isMeridianError, MeridianError, type ErrorCode } from '../../../src/base/errors.ts';
import { toMeridianError } from '../../../src/postgres/connect/errors.ts';
import { Params } from '../../../src/read/sql/statement.ts';
import {
  claimStatement,
  isKnown,
  idempotencyRefusal,
  readRecall,
  settleSql,
  settleStatement,
  asUnconfirmed,
  type IdempotentStep,
  type IdempotencyVerdict,
} from '../../../src/write/idempotency/outcomes.ts';
import { JsonNumber } from '../../../src/base/json.ts';
import { decodeError, encodeError } from '../../../src/write/idempotency/error.ts';
import { fingerprintOf, IdempotentRequest, scopeOf } from '../../../src/write/idempotency/request.ts';
import { decodeValue, encodeValue } from '../../../src/write/idempotency/value.ts';

const request = { source: 'mutation { a }', operationName: null, variables: {} };
const idempotency: IdempotentStep = {
  scope: 's',
  key: 'k',
  fingerprint: 'f',
  step: 'a#0',
  keptMs: 60_000,
  maxBytes: 1_024,
};
const error = (code: ErrorCode, details = {}): MeridianError => new MeridianError({ code, message: 'no', details });
/** As the driver has the server's refusals. */
const refusal = (reason: string): MeridianError =>
  toMeridianError(
    Object.assign(new Error(`unrecognized configuration parameter "meridian_refuses.${reason}"`), {
      code: '42704',
      severity: 'ERROR',
    }),
    { region: 'us' },
  );

describe('requests with an idempotency key', () => {
  it('are the same where their variables are equal in any order', () => {
    const of = (variables: Record<string, unknown>, rest = {}): string =>
      fingerprintOf({ ...request, variables, ...rest });
    assert.equal(of({ a: 1, b: { c: [1, 2], d: null } }), of({ b: { d: null, c: [1, 2] }, a: 1 }));
    assert.equal(of({ a: undefined }), of({}));
    const different = [
      of({}),
      of({ a: 1 }),
      of({ a: '1' }),
      of({ a: null }),
      of({ a: [1, 2] }),
      of({ a: [2, 1] }),
      of({ a: [] }),
      of({ a: {} }),
      of({ a: { 0: 1, 1: 2 } }),
      of({
        a: [
          ['0', 1],
          ['1', 2],
        ],
      }),
      of({ entries: [['a', 1]] }),
      of(JSON.parse('{"__proto__": 1}') as Record<string, unknown>),
      of({}, { source: 'mutation { a } ' }),
      of({}, { operationName: 'A' }),
    ];
    assert.equal(new Set(different).size, different.length);
  });

  it('belong to a viewer in a tenant', () => {
    const viewer = (id: string, tenant: string | null = null) => ({ id, tenant, roles: [] });
    const scopes = [
      scopeOf(null),
      scopeOf(viewer('a')),
      scopeOf(viewer('a', 'b')),
      scopeOf(viewer('b', 'a')),
      scopeOf(viewer('ab')),
      scopeOf(viewer('')),
      scopeOf(viewer('null')),
    ];
    assert.equal(new Set(scopes).size, scopes.length);
    assert.equal(scopeOf({ id: 'a', tenant: 'b', roles: ['x'] }), scopeOf(viewer('a', 'b')));
  });

  it('number the transactions of each field, and recognise one that was answered before', () => {
    const verdicts: IdempotencyVerdict[] = [];
    const made = new IdempotentRequest({
      ...request,
      key: 'k',
      viewer: null,
      limits: { idempotencyMs: 1_000, outcomeBytes: 2_000 },
      onVerdict: (verdict) => verdicts.push(verdict),
    });
    const steps = ['a', 'b', 'a', 'a.items.0'].map((path) => made.step(path));
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['a#0', 'b#0', 'a#1', 'a.items.0#0'],
    );
    assert.deepEqual(steps.map(({ key, keptMs, maxBytes }) => [key, keptMs, maxBytes])[0], ['k', 1_000, 2_000]);
    steps[0]?.onVerdict?.('first');
    assert.equal(made.replayed, false);
    steps[1]?.onVerdict?.('replayed');
    assert.deepEqual([made.replayed, verdicts], [true, ['first', 'replayed']]);
  });
});

describe('the statements of a step', () => {
  it('have one text whatever the request, so that they are prepared once', () => {
    const other = { ...idempotency, key: 'other', step: 'b#7', keptMs: 5 };
    for (const make of [
      claimStatement,
      (step: IdempotentStep) => settleStatement(step, { kind: 'value', json: '1' }),
    ]) {
      assert.deepEqual([make(idempotency).text, make(idempotency).name], [make(other).text, make(other).name]);
      assert.notDeepEqual(make(idempotency).values, make(other).values);
    }
    assert.deepEqual(claimStatement(idempotency).values, ['s', 'k', 'f', '60000', 'a#0']);
  });

  it('can be a part of a statement that has parameters already', () => {
    const params = new Params();
    const outcome = `(SELECT ${params.raw('jsonb', '{"kind":"row"}')})`;
    const text = settleSql(idempotency, params, outcome);
    assert.match(text, /FROM \(SELECT \(SELECT \$1::jsonb\) AS outcome OFFSET 0\)/);
    assert.deepEqual(params.values, ['{"kind":"row"}', 's', 'k', 'a#0', '1024']);
  });

  it('read an outcome, no outcome, or another request', () => {
    const told: IdempotencyVerdict[] = [];
    const step = { ...idempotency, onVerdict: (verdict: IdempotencyVerdict) => void told.push(verdict) };
    assert.equal(readRecall(step, undefined), null);
    assert.equal(readRecall(step, { fingerprint: 'f', outcome: null }), null);
    assert.deepEqual(readRecall(step, { fingerprint: 'f', outcome: '{"kind": "row", "x": 1}' }), { kind: 'row', x: 1 });
    assert.throws(
      () => readRecall(step, { fingerprint: 'g', outcome: null }),
      (thrown) => isMeridianError(thrown, 'IDEMPOTENCY_KEY_REUSED'),
    );
    assert.deepEqual(told, ['replayed', 'reused']);
  });

  it('fail with errors that are recognised', () => {
    assert.deepEqual(
      [
        isKnown(refusal('known')),
        isKnown(refusal('outcome_too_large')),
        isKnown(error('CONSTRAINT_VIOLATION')),
        isKnown(new Error('known')),
      ],
      [true, false, false, false],
    );
    assert.equal(idempotencyRefusal(refusal('outcome_too_large'), idempotency)?.code, 'IDEMPOTENCY_OUTCOME_TOO_LARGE');
    const cancelled = (where: string): MeridianError =>
      toMeridianError(
        Object.assign(new Error('canceling statement due to statement timeout'), {
          code: '57014',
          severity: 'ERROR',
          where,
        }),
        { region: 'us' },
      );
    assert.deepEqual(
      [
        'while inserting index tuple (0,4) in relation "outcomes"',
        'while updating tuple (0,1) in relation "tasks"',
      ].map((where) => idempotencyRefusal(cancelled(where), idempotency)?.code),
      ['WRITE_UNCONFIRMED', undefined],
    );
    assert.equal(idempotencyRefusal(error('NOT_FOUND'), idempotency), null);
    assert.deepEqual(
      ['WRITE_OUTCOME_UNKNOWN', 'NOT_FOUND'].map((code) => asUnconfirmed(error(code as ErrorCode)).code),
      ['WRITE_UNCONFIRMED', 'NOT_FOUND'],
    );
  });
});

describe('outcomes', () => {
  it('are the errors that answer a request, which come back as they were', () => {
    for (const code of ['CONSTRAINT_VIOLATION', 'NOT_FOUND', 'CONFLICT', 'FORBIDDEN', 'BAD_USER_INPUT'] as const) {
      for (const thrown of [
        error(code, { table: 'tasks' }),
        new GraphQLError('no', { originalError: error(code, { table: 'tasks' }) }),
      ]) {
        const back = decodeError(encodeError(thrown, 10_000) ?? { kind: 'none' });
        assert.ok(isMeridianError(back, code));
        assert.deepEqual([back.message, back.details], ['no', { table: 'tasks' }]);
      }
    }
    for (const thrown of [
      new GraphQLError('no\u0000', { extensions: { code: 'TAKEN', by: { id: 1 } } }),
      Object.assign(new Error('no\u0000'), { extensions: { code: 'TAKEN', by: { id: 1 } } }),
    ]) {
      const back = decodeError(encodeError(thrown, 10_000) ?? { kind: 'none' });
      assert.ok(back instanceof GraphQLError);
      assert.deepEqual([back.message, back.extensions], ['no\u0000', { code: 'TAKEN', by: { id: 1 } }]);
    }
  });

  it('are not errors about servers, limits, races or bugs', () => {
    for (const code of [
      'PRIMARY_UNAVAILABLE',
      'WRITE_OUTCOME_UNKNOWN',
      'WRITE_UNCONFIRMED',
      'TRANSACTION_CONFLICT',
      'OVERLOADED',
      'DATABASE_ERROR',
      'DATABASE_NOT_READY',
      'CONFIG_INVALID',
      'IDEMPOTENCY_OUTCOME_TOO_LARGE',
      'IDEMPOTENCY_KEY_REUSED',
    ] as const)
      assert.equal(encodeError(error(code), 10_000), null, code);
    const loop: Record<string, unknown> = { code: 'LOOP' };
    loop['self'] = loop;
    const others = [
      error('FORBIDDEN', { sqlState: '42501' }),
      refusal('known'),
      refusal('other_tenant'),
      new TypeError('bug'),
      new GraphQLError('no code'),
      new GraphQLError('masked', { extensions: { code: 'INTERNAL_SERVER_ERROR' } }),
      { extensions: { code: 7 } },
      'text',
      null,
      undefined,
      new GraphQLError('n', { extensions: { code: 'BIG', n: 1n } }),
      new GraphQLError('l', { extensions: loop }),
    ];
    for (const other of others) assert.equal(encodeError(other, 10_000), null, JSON.stringify(typeof other));
  });

  it('are results as JSON holds them', () => {
    const cases = [
      [undefined, undefined],
      [null, null],
      [
        { b: 1, a: [true, 'ä\u0000', { d: new Date(0) }], u: undefined },
        { b: 1, a: [true, 'ä\u0000', { d: '1970-01-01T00:00:00.000Z' }] },
      ],
      [Object.assign(Object.create(null), { id: '1' }), { id: '1' }],
      [1.5, 1.5],
      ['', ''],
      [
        [2 ** 60, 1e21, 1e-7],
        [2 ** 60, 1e21, 1e-7],
      ],
      [
        { n: new JsonNumber('9007199254740993'), p: [new JsonNumber('1.10'), new JsonNumber('1e400')] },
        { n: new JsonNumber('9007199254740993'), p: [new JsonNumber('1.10'), new JsonNumber('1e400')] },
      ],
    ] as const;
    for (const [value, back] of cases)
      assert.deepEqual(decodeValue(JSON.parse(JSON.stringify(encodeValue(value, 'a#0'))) as { kind: string }), back);
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const refused = [
      [1n, 'it is a bigint'],
      [{ a: [1, { n: 2n }] }, '"n" is a bigint'],
      [new Map(), 'class Map'],
      [{ at: () => 1 }, '"at" is a function'],
      [[Number.POSITIVE_INFINITY], 'Infinity'],
      [Symbol('s'), 'symbol'],
      [loop, 'contains itself'],
    ] as const;
    for (const [value, why] of refused)
      assert.throws(
        () => encodeValue(value, 'a#0'),
        (thrown) =>
          isMeridianError(thrown, 'CONFIG_INVALID') && thrown.message.includes(why) && thrown.message.includes('a#0'),
        why,
      );
  });
});
