/** Owns the proof that the tests which run servers without one mechanism still find its text in the program. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { EDIT_BREAKS } from '../../support/editors/breaks.ts';
import { BREAKS, type Cut } from '../../history-checker/breaks.ts';
import { VALUE_BREAKS } from '../../support/roundtrip/breaks.ts';

const VALUES = Object.entries(VALUE_BREAKS).map(([name, { cuts }]): [string, readonly Cut[]] => [name, cuts]);

describe('mechanisms that tests take out of the program', () => {
  for (const [name, cuts] of [...Object.entries(BREAKS), ...Object.entries(EDIT_BREAKS), ...VALUES]) {
    it(`finds the text of ${name} once in each file that it names`, () => {
      for (const { file, text } of cuts) {
        const source = readFileSync(new URL(`../../..${file}`, import.meta.url), 'utf8');
        assert.equal(source.split(text).length, 2, `${file}: ${text}`);
      }
    });
  }
});
