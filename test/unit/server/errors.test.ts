/** Owns the proof that clients see known errors whole and unexpected ones not at all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeridianError } from '../../../src/base/errors.ts';
import { errorFormatter } from '../../../src/server/errors.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { startTestServer } from '../../support/server.ts';

describe('errors of resolvers', () => {
  it('give a known error its code, whether to repeat, its details and its place', async () => {
    await using server = await startTestServer();
    const { status, body } = await server.ask('{ fail(how: "meridian") }');
    assert.equal(status, 200);
    assert.deepEqual(body, {
      data: { fail: null },
      errors: [
        {
          message: 'Too many reads; try again.',
          locations: [{ line: 1, column: 3 }],
          path: ['fail'],
          extensions: { code: 'OVERLOADED', retryable: true, details: { what: 'reads', limit: 5 } },
        },
      ],
    });
    const metrics = await server.telemetry.metrics.registry.metrics();
    assert.match(metrics, /^meridian_graphql_errors_total\{code="OVERLOADED"\} 1$/m);
    assert.match(metrics, /^meridian_overloaded_total\{what="reads"\} 1$/m);
  });

  it('mask an unexpected one, and log it under the id that the client sees', async () => {
    await using server = await startTestServer();
    const { status, body } = await server.ask('{ fail(how: "plain") }');
    assert.equal(status, 200);
    const error = body.errors?.[0];
    assert.equal(error?.extensions['code'], 'INTERNAL_SERVER_ERROR');
    assert.doesNotMatch(JSON.stringify(body), /hunter2|SELECT|\.ts/);
    const line = server.logged.find(({ errorId }) => errorId === error.extensions['errorId']);
    assert.match(JSON.stringify(line), /hunter2/);
    assert.match(error.message, new RegExp(String(error.extensions['errorId'])));
  });

  it('keep the cause of a failed statement from the client and log it', async () => {
    await using server = await startTestServer();
    const { body } = await server.ask('{ fail(how: "database") }');
    assert.equal(body.errors?.[0]?.extensions['code'], 'DATABASE_ERROR');
    assert.doesNotMatch(JSON.stringify(body), /hunter2/);
    assert.match(JSON.stringify(server.logged), /hunter2/);
  });

  it('name the values that a constraint is about, and not how they are stored', () => {
    const error = new MeridianError({
      code: 'CONSTRAINT_VIOLATION',
      message: 'A row with this key exists already (email).',
      details: { sqlState: '23505', constraint: 'users_email_key', table: 'users', columns: ['email'] },
    });
    const { message, extensions } = errorFormatter(silentTelemetry(), { maxErrorLogs: 1, maxQueryTokens: 100 })(
      { message: error.message },
      error,
    );
    assert.deepEqual(
      [message, extensions],
      [
        error.message,
        { code: 'CONSTRAINT_VIOLATION', retryable: false, details: { sqlState: '23505', columns: ['email'] } },
      ],
    );
  });

  it('log a cause that every request meets only so many times a second, and count it each time', async () => {
    await using server = await startTestServer({ options: { maxErrorLogs: 3 } });
    const second = (): number => Math.floor(performance.now() / 1_000);
    const first = second();
    await Promise.all(Array.from({ length: 40 }, () => server.ask('{ fail(how: "database") }')));
    const seconds = second() - first + 1;
    const lines = server.logged.filter(({ level }) => level === 'error').length;
    assert.ok(lines >= 3 && lines <= Math.min(39, 3 * seconds), `${lines} lines in ${seconds} seconds`);
    assert.match(
      await server.telemetry.metrics.registry.metrics(),
      /^meridian_graphql_errors_total\{code="DATABASE_ERROR"\} 40$/m,
    );
  });

  it('pass on an error of a custom resolver that has a code of its own', async () => {
    await using server = await startTestServer();
    const { body } = await server.ask('{ fail(how: "custom") }');
    assert.equal(body.errors?.[0]?.message, 'Not today.');
    assert.equal(body.errors[0].extensions['code'], 'CLOSED');
  });
});
