/** The idempotency-key header: every spelling of one key, and what is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { readKey } from '../../../src/protocol/idempotency-key.ts';

const UUID = '8e03978e-40d5-43dd-bc93-6894a57f9324';

describe('the idempotency-key header', () => {
  it('names a key with quotes or without, once or the same one again', () => {
    const spellings = [
      [UUID, UUID],
      [`"${UUID}"`, UUID],
      [` ${UUID} `, UUID],
      [`${UUID}, ${UUID}`, UUID],
      [`"${UUID}",${UUID}`, UUID],
      ['"a, b"', 'a, b'],
      ['"a, b", "a, b"', 'a, b'],
      ['two words', 'two words'],
      ['"say \\"hi\\" \\\\"', 'say "hi" \\'],
      ['!~', '!~'],
      ['a', 'a'],
    ] as const;
    for (const [header, key] of spellings) assert.equal(readKey(header, 255), key, header);
    assert.equal(readKey('x'.repeat(255), 255).length, 255);
    assert.equal(readKey(`"${'x'.repeat(255)}", "${'x'.repeat(255)}"`, 255).length, 255);
  });

  it('is refused where it names none, or several', () => {
    const refused = [
      ['', 'is empty'],
      ['""', 'is empty'],
      ['  ', 'is empty'],
      [`${UUID},`, 'is empty'],
      [',', 'is empty'],
      [`${UUID}, other`, 'several'],
      ['a,b', 'several'],
      ['"a", "b"', 'several'],
      ['"a', 'quote'],
      ['a"b"', 'quote'],
      ['"a"b', 'quote'],
      ['"a\\n"', 'ASCII'],
      ['kéy', 'ASCII'],
      ['"kéy"', 'ASCII'],
      ['a\tb', 'ASCII'],
      ['a\u0000b', 'ASCII'],
      ['x'.repeat(256), 'longer than 255'],
      ['x'.repeat(100_000), 'longer than 255'],
      ['"'.repeat(1_000), 'quote'],
    ] as const;
    for (const [header, why] of refused) {
      assert.throws(
        () => readKey(header, 255),
        (error) => isMeridianError(error, 'IDEMPOTENCY_KEY_INVALID') && error.message.includes(why),
        JSON.stringify(header.slice(0, 50)),
      );
    }
  });

  it('is read within a time limit, whatever it is', () => {
    const from = performance.now();
    for (const part of ['"a', '",', '"\\', ',"', ' ', 'a, '])
      assert.throws(() => readKey(`"${part.repeat(2_000)}!"é`, 1_024));
    assert.ok(performance.now() - from < 10_000);
  });
});
