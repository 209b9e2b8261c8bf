/** Proves that a mutation is at its arrival what it was when it left, whatever its variables are called. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseJson } from '../../../src/base/json.ts';
import { readAnswer, readEnvelope, writeEnvelope, type ForwardedMutation } from '../../../src/forwarding/envelope.ts';
import { fingerprintOf } from '../../../src/write/idempotency/request.ts';

it('a mutation crosses as it is, so that an idempotency key belongs to the same request in every region', () => {
  const numbers = '[1e400,-0,1.10,9007199254740993,0.1234567890123456789,1e20]';
  const variables = parseJson(
    `{"__proto__": {"a": 1}, "b": {"__proto__": 2}, "constructor": 3, "10": ${numbers}, "9": "\\ud800\\u0000"}`,
  ) as Record<string, unknown>;
  const mutation: ForwardedMutation = {
    query: 'mutation { touch }',
    operationName: '',
    variables,
    extensions: {},
    viewer: { id: '1', tenant: null, roles: [] },
    headers: { accept: '*/*' },
  };
  const read = readEnvelope(writeEnvelope(mutation) ?? '');
  assert.ok(typeof read !== 'string', 'it cannot be read');
  assert.deepEqual(Object.keys(read.variables), Object.keys(variables));
  assert.deepEqual(read, mutation);
  assert.equal(JSON.stringify(read.variables['10']), numbers);
  const print = (given: ForwardedMutation): string =>
    fingerprintOf({ source: given.query, operationName: given.operationName, variables: given.variables });
  assert.equal(print(read), print(mutation));
});

it('the numbers of a viewer are what the application made them, and not how JSON spells them', () => {
  const viewer = { id: '1', tenant: null, roles: [], org: 2 ** 60, share: 1e21 };
  const read = readEnvelope(
    writeEnvelope({
      query: 'mutation { touch }',
      operationName: null,
      variables: {},
      extensions: {},
      viewer,
      headers: {},
    }) ?? '',
  );
  assert.deepEqual(typeof read === 'string' ? read : read.viewer, viewer);
});

it('numbers of an answer come back with the digits that they had', () => {
  const body = '{"data":{"doc":{"n":9007199254740993,"d":0.1234567890123456789,"price":1.10,"e":1e400,"z":-0}}}';
  assert.equal(JSON.stringify(readAnswer(body)), body);
  for (const none of ['', '[1.10]', '1.10', '{"data":1.10', 'null']) assert.equal(readAnswer(none), null);
});

it('requests that differ in one digit have two fingerprints, and a number is told from an object that looks like it', () => {
  const print = (json: string): string =>
    fingerprintOf({ source: 'mutation', operationName: null, variables: parseJson(json) as Record<string, unknown> });
  const all = [
    '{"a":9007199254740992}',
    '{"a":9007199254740993}',
    '{"a":"9007199254740993"}',
    '{"a":{"text":"9007199254740993"}}',
    '{"a":[9007199254740993]}',
    '{"a":1.1}',
    '{"a":1.10}',
    '{"a":1e400}',
    '{"a":null}',
  ];
  assert.equal(new Set(all.map(print)).size, all.length);
  for (const one of all) assert.equal(print(one), print(one));
});
