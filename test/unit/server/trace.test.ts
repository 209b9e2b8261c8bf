/** Proves that log lines about a request can be found by the trace that it came with, and by no other's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inTrace, traceFields, traceOf } from '../../../src/telemetry/trace.ts';
import { startTestServer } from '../../support/server.ts';
import { until } from '../../support/observe.ts';

const idOf = (n: number): string => n.toString(16).padStart(32, 'a');
const parentOf = (n: number): string => `00-${idOf(n)}-00f067aa0ba902b7-01`;

describe('the trace of a request', () => {
  it('is the one of a valid traceparent', () => {
    assert.deepEqual(traceOf(parentOf(1)), { traceId: idOf(1) });
    assert.deepEqual(traceOf(`01-${idOf(1)}-00f067aa0ba902b7-01-more`), { traceId: idOf(1) });
    for (const none of [
      undefined,
      '',
      '00-1-2-01',
      `ff-${idOf(1)}-00f067aa0ba902b7-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${idOf(1).toUpperCase()}-00f067aa0ba902b7-01`,
      `${parentOf(1)}x`,
      [parentOf(1), parentOf(2)],
    ])
      assert.deepEqual(traceOf(none), {}, String(none));
  });

  it('is set in everything that the request starts, and ends with it', async () => {
    let seen: unknown;
    await new Promise<void>((resolve) =>
      inTrace(
        { traceId: 'x' },
        () =>
          void setTimeout(() => {
            seen = traceFields();
            resolve();
          }, 1),
      ),
    );
    assert.deepEqual([seen, traceFields()], [{ traceId: 'x' }, {}]);
  });

  it('is on each log line about the request, over kept connections and while other requests are answered', async () => {
    await using server = await startTestServer();
    const kinds = ['plain', 'meridian', 'database'] as const;
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        server.ask(`{ fail(how: "${kinds[n % 3]}") }`, n < 27 ? { traceparent: parentOf(n) } : {}),
      ),
    );
    await until('every answer is logged', () => server.logged.filter(({ msg }) => msg === 'answered').length === 30);
    for (let n = 0; n < 27; n += 1) {
      const lines = server.logged.filter(({ traceId }) => traceId === idOf(n));
      const told = {
        plain: 'unexpected error',
        meridian: 'Too many reads; try again.',
        database: 'The statement failed.',
      }[kinds[n % 3] ?? 'plain'];
      assert.deepEqual(lines.map(({ msg }) => msg).toSorted(), [told, 'answered'].toSorted());
    }
    assert.equal(
      server.logged.filter(({ msg, traceId }) => msg !== 'draining' && msg !== 'drained' && traceId === undefined)
        .length,
      6,
      'those without a trace have none',
    );
  });
});
