/** Bodies on their way to the shared cache: large ones are compressed where it pays, and each comes back as it was. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { packed, unpacked } from '../../../src/cache/packing.ts';

const LIMIT = 1 << 20;

test('whatever its length and however it begins, a body comes back', async () => {
  for (const text of [
    '',
    'x',
    '~',
    '~z',
    '~=',
    '~zAAAA',
    '[1]',
    'ä𝄞',
    '~'.repeat(10_000),
    'ä'.repeat(10_000),
    randomBytes(6_000).toString('base64'),
  ]) {
    assert.equal(unpacked(await packed(text), LIMIT), text);
  }
});

test('compresses what is large and shrinks, and leaves the rest alone', async () => {
  const rows = JSON.stringify(Array.from({ length: 200 }, (_, n) => [String(n), 'a title that many have', null]));
  assert.ok((await packed(rows)).length < rows.length / 2);
  const small = JSON.stringify([['1', 'a title']]);
  assert.equal(await packed(small), small);
  const noise = randomBytes(6_000).toString('latin1').replaceAll('~', '-');
  assert.equal(await packed(noise), noise);
});

test('what is damaged, or grows beyond the limit, is refused', async () => {
  const body = await packed('x'.repeat(100_000));
  assert.throws(() => unpacked(body, 1_000));
  assert.throws(() => unpacked('~z!!!!', LIMIT));
  assert.throws(() => unpacked('~?', LIMIT), SyntaxError);
});
