/**
 * Owns what the mechanisms are, in the program's text, that keep edits from getting lost: without each of them the
 * judge must find something.
 */
import { type Cut } from '../../history-checker/breaks.ts';

const RESOLUTION = '/src/write/resolution.ts';

export const EDIT_BREAKS: Readonly<Record<string, readonly Cut[]>> = {
  /** Who comes second writes what it wanted instead of what it added. */
  'sum-of-both': [
    {
      file: '/src/conflict/rules.ts',
      text: 'decimalText(sum(there, difference(here, before)))',
      instead: 'decimalText(here)',
    },
  ],
  /** Between a look at the row and its change somebody else may change it. */
  'lock-of-the-row': [
    {
      file: RESOLUTION,
      text: 'keyCondition(this.#request, params, null)} FOR UPDATE`',
      instead: 'keyCondition(this.#request, params, null)}`',
    },
  ],
  /** A request that comes twice takes place twice. */
  'claim-of-the-key': [
    { file: '/src/write/mutation.ts', text: '  return [\n    ...claim,\n', instead: '  return [\n' },
  ],
  /** Who is refused is told, and nobody else. */
  'record-of-refusals': [{ file: RESOLUTION, text: '[record, ...settled].map', instead: 'settled.map' }],
};
