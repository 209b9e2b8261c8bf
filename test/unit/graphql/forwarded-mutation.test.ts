/** Proves that a try which came to nothing does not claim so where an earlier one may have come to something. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { unconfirmedErrors } from '../../../src/graphql/forwarded-mutation.ts';

it('errors that say nothing of an earlier try become WRITE_UNCONFIRMED, and others stay', () => {
  const error = (code: string) => ({
    message: 'It failed.',
    path: ['edit'],
    locations: [{ line: 1, column: 2 }],
    extensions: { code, retryable: false },
  });
  const [unavailable, locked, refused] = unconfirmedErrors(
    [error('PRIMARY_UNAVAILABLE'), error('TRANSACTION_CONFLICT'), error('CONSTRAINT_VIOLATION')],
    'us-east-1',
  );
  assert.deepEqual(
    { ...unavailable, message: '' },
    {
      message: '',
      path: ['edit'],
      locations: [{ line: 1, column: 2 }],
      extensions: { code: 'WRITE_UNCONFIRMED', retryable: true, details: { region: 'us-east-1' } },
    },
  );
  assert.match(unavailable?.message ?? '', /sent to region us-east-1.*same idempotency-key/);
  assert.deepEqual(locked, unavailable);
  assert.deepEqual(refused, error('CONSTRAINT_VIOLATION'));
});
