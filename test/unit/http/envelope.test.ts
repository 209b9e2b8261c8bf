/** Proves that a mutation is at its arrival what it was when it left, whatever its variables are called. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readEnvelope, writeEnvelope } from '../../../src/http/envelope.ts';
import { type ForwardedMutation } from '../../../src/write/forward.ts';
import { fingerprintOf } from '../../../src/write/once-request.ts';

it('a mutation crosses as it is, so that an idempotency key belongs to the same request in every region', () => {
  const variables = JSON.parse('{"__proto__": {"a": 1}, "b": {"__proto__": 2}, "constructor": 3, "10": 1e20, "9": "\\ud800\\u0000"}') as Record<string, unknown>;
  const mutation: ForwardedMutation = { query: 'mutation { touch }', operationName: '', variables, extensions: {}, viewer: { id: '1', tenant: null, roles: [] }, headers: { accept: '*/*' } };
  const read = readEnvelope(writeEnvelope(mutation) ?? '');
  assert.ok(typeof read !== 'string', 'it cannot be read');
  assert.deepEqual(Object.keys(read.variables), Object.keys(variables));
  assert.deepEqual(read, mutation);
  const print = (given: ForwardedMutation): string => fingerprintOf({ source: given.query, operationName: given.operationName, variables: given.variables });
  assert.equal(print(read), print(mutation));
});
