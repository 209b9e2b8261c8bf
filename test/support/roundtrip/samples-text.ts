/**
 * Owns generated texts and JSON documents: quotes, escapes, what breaks lines, what has no place in a database, and
 * names that JavaScript knows.
 */
import { type Random } from '../random.ts';
import { between, digits, oddText, oneOf, plainText, type Generate, type Sample } from './sample.ts';
import { num, toJson, type Wire } from './wire.ts';

const PIECES = [
  'a',
  'B',
  'z',
  '0',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '"',
  "'",
  "''",
  '\\',
  '\\\\',
  '\\n',
  '%',
  '_',
  '$1',
  ';',
  '--',
  '/*',
  '{',
  '}',
  '(',
  ')',
  ',',
  '[',
  ']',
  '<',
  '&amp;',
  'é',
  'e\u0301',
  'ß',
  'İ',
  'ı',
  'ſ',
  'Å',
  'ÄÖ',
  '中文',
  '🙂',
  '👩‍👩‍👧',
  '\u{10ffff}',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\u200b',
  '\ufeff',
  '\u0001',
  '\u001f',
  '\u007f',
  '\u0085',
  '\uffff',
  'NULL',
  'null',
  'true',
  '__proto__',
  'constructor',
  'nan',
  '1e5',
  'now',
  '\\x41',
] as const;

function words(random: Random, most: number): string {
  let text = '';
  for (let left = random.below(most + 1); left > 0; left -= 1) text += random.pick(PIECES);
  return text;
}

/** At most so many characters, as PostgreSQL counts them. */
export const cut = (text: string, characters: number): string => [...text].slice(0, characters).join('');

const UNSTORABLE = ['a\u0000b', '\u0000', '\ud800', 'x\udc00y', '\udfff\ud800'] as const;

export interface TextLimits {
  /** Characters that the type keeps. */
  readonly most?: number;
  /** Whether a long text may come: not where an index has to hold it. */
  readonly long?: boolean;
}

export function texts({ most, long = true }: TextLimits = {}): Generate {
  const fit = (text: string): string => (most === undefined ? text : cut(text, most));
  const usual: Generate = (random) => plainText(fit(words(random, 8)));
  const empty: Generate = (random) => plainText(fit(random.pick(['', ' ', 'a', ' a ', 'a '])));
  const tooLong: Generate = (random) => oddText(`${words(random, 4)}${'x'.repeat((most ?? 20) + 1)}`);
  const padded: Generate = (random) => oddText(`${fit(words(random, 2))}${' '.repeat(most ?? 3)}`);
  const huge: Generate = (random) => plainText(random.pick(PIECES).repeat(between(random, 100, 900)));
  const broken: Generate = (random) => ({ wire: random.pick(UNSTORABLE), meant: null, isPlain: false });
  return oneOf(
    usual,
    usual,
    usual,
    usual,
    usual,
    usual,
    empty,
    most === undefined ? (long ? huge : usual) : tooLong,
    most === undefined ? usual : padded,
    broken,
  );
}

const NUMBERS: readonly ((random: Random) => string)[] = [
  (random) => String(random.below(100)),
  () => '9007199254740993',
  () => '-9007199254740993',
  () => '1.10',
  () => '0.1234567890123456789',
  () => '-0',
  () => '-0.0',
  () => '1e400',
  () => '-1e400',
  () => '1E5',
  () => '1e-400',
  () => '0e10',
  () => '100000000000000000000',
  (random) => digits(random, between(random, 16, 60)),
  (random) => `${digits(random, between(random, 1, 20))}.${random.below(10)}${digits(random, between(random, 1, 30))}`,
  (random) => `-${digits(random, 5)}e${between(random, -40, 40)}`,
];
const KEYS = [
  'a',
  'b',
  'key',
  '',
  ' ',
  '"',
  '\\',
  '__proto__',
  'constructor',
  'toString',
  '0',
  '1',
  '10',
  'é',
  '🙂',
  '$type',
  'rawJSON',
  'length',
  'toJSON',
  'then',
] as const;

function documentOf(random: Random, depth: number): Wire {
  switch (depth <= 0 ? random.below(5) : random.below(8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return words(random, 5);
    case 3:
    case 4:
      return num(random.pick(NUMBERS)(random));
    case 5:
      return Array.from({ length: random.below(4) }, () => documentOf(random, depth - 1));
    default: {
      const fields: (readonly [string, Wire])[] = Array.from({ length: random.below(5) }, () => [
        random.pick(KEYS),
        documentOf(random, depth - 1),
      ]);
      // Not an assignment, which would set the prototype instead of a key of that name.
      return Object.fromEntries(fields);
    }
  }
}

function sampleOf(wire: Wire, isPlain = true): Sample {
  // At the top, null is SQL's.
  return { wire, meant: wire === null ? null : toJson(wire), isPlain };
}

export function documents(): Generate {
  const usual: Generate = (random) => sampleOf(documentOf(random, 3));
  const number: Generate = (random) =>
    sampleOf({ n: num(random.pick(NUMBERS)(random)), list: [num(random.pick(NUMBERS)(random))] });
  const deep: Generate = (random) => {
    let wire: Wire = num('1.50');
    for (let left = between(random, 10, 100); left > 0; left -= 1) wire = random.below(2) === 0 ? [wire] : { d: wire };
    return sampleOf(wire);
  };
  const broken: Generate = (random) => ({
    wire: random.pick([{ a: 'x\u0000' }, { '\u0000': num(1) }, ['\ud800'], { '\udc00': null }]),
    meant: null,
    isPlain: false,
  });
  return oneOf(usual, usual, usual, usual, number, number, deep, broken);
}
