/** Proves that forwarding is not set up without a secret to sign with. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createStacks } from '../../../src/app/stacks/stacks.ts';
import { createTelemetry } from '../../../src/telemetry/telemetry.ts';

const make = (forwardSecret: string): unknown =>
  createStacks(
    loadConfig({
      settings: {
        region: 'a',
        regions: { a: { databaseUrl: 'postgres://127.0.0.1:1/d' } },
        tokenSecret: 'long enough to be one',
        forwardSecret,
      },
      env: {},
    }),
    createTelemetry({ level: 'silent', fields: {} }),
    null,
  );

it('an empty list of secrets cannot sign forwarded mutations', () => {
  assert.throws(
    () => make(' , '),
    (error) => isMeridianError(error, 'CONFIG_INVALID') && error.message.startsWith('forwardSecret holds no secret'),
  );
  assert.ok(make(''));
});
