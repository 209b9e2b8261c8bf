/**
 * Owns generated values of the types that are text to a client: networks, bits, money, ranges, shapes, search, XML and
 * what extensions add.
 */
import { type Random } from '../random.ts';
import { between, digits, fixed, oddText, oneOf, plainText, rowText, type Generate, type Sample } from './sample.ts';
import { cut } from './samples-text.ts';

const hex = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.below(16).toString(16)).join('');

/** Texts that a function makes, and some that are not the type's, or are spelled oddly. */
export function made(usual: (random: Random) => string, ...odd: readonly string[]): Generate {
  const plain: Generate = (random) => plainText(usual(random));
  return odd.length === 0 ? plain : oneOf(plain, plain, plain, plain, fixed(odd.map((text) => oddText(text))));
}

export const uuids: Generate = oneOf(
  (random) => plainText(`${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}`),
  (random) => plainText(random.pick(['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'])),
  (random) =>
    oddText(
      random.pick([
        hex(random, 32),
        hex(random, 32).toUpperCase(),
        `{${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}}`,
        hex(random, 31),
        '',
        `${hex(random, 4)}-${hex(random, 28)}`,
        'g'.repeat(32),
      ]),
    ),
);

export const booleans: Generate = oneOf(
  fixed([
    { wire: true, meant: 'true', isPlain: true },
    { wire: false, meant: 'false', isPlain: true },
  ]),
  fixed([oddText('true'), oddText('f'), oddText('yes'), oddText('on'), oddText('0'), oddText('')]),
);

export const bytes: Generate = made(
  (random) => `\\x${hex(random, 2 * random.below(40))}`,
  '\\x',
  '\\xDEADbeef',
  '\\x0',
  'abc',
  'a\\000b',
  '\\\\',
  '',
  '\\xzz',
  '\\x 00 01',
);

const address = (random: Random): string => Array.from({ length: 4 }, () => random.below(256)).join('.');
const address6 = (random: Random): string =>
  random.pick([
    '::',
    '::1',
    'fe80::1',
    `2001:db8::${hex(random, 4)}`,
    `::ffff:${address(random)}`,
    Array.from({ length: 8 }, () => hex(random, 4)).join(':'),
  ]);
export const inets = made(
  (random) =>
    random.pick([
      address(random),
      `${address(random)}/${random.below(33)}`,
      address6(random),
      `${address6(random)}/${random.below(129)}`,
    ]),
  '10',
  '10.0.0.256',
  '',
  ' 10.0.0.1',
  '1.2.3.4/33',
);
export const cidrs = made(
  (random) =>
    random.pick([
      `${address(random)}/32`,
      `${random.below(256)}.0.0.0/8`,
      '0.0.0.0/0',
      '2001:db8::/32',
      '::/0',
      `${random.below(256)}.${random.below(256)}.0.0/16`,
    ]),
  '10',
  '10.1',
  '10.0.0.1/8',
  '',
);
export const macs = (count: 6 | 8): Generate =>
  made(
    (random) => Array.from({ length: count }, () => hex(random, 2)).join(':'),
    '08-00-2b-01-02-03',
    '08002b010203',
    '0800.2b01.0203',
    '08:00:2B:01:02:03',
    '',
    'xx',
  );

const binary = (random: Random, count: number): string => Array.from({ length: count }, () => random.below(2)).join('');
export const bitsOf = (count: number): Generate =>
  made((random) => binary(random, count), 'xFF', '101', binaryTooLong(count), '', '2');
export const varbits = (most: number): Generate =>
  made((random) => binary(random, random.below(most + 1)), 'xF', binaryTooLong(most), '2', 'b101');
const binaryTooLong = (count: number): string => '1'.repeat(count + 1);

export const moneys = made(
  (random) =>
    `${random.pick(['', '-'])}$${random.pick([`${random.below(1_000)}.${between(random, 10, 99)}`, `${between(random, 1, 999)},${between(random, 100, 999)}.05`, '92,233,720,368,547,758.07'])}`,
  '12.345',
  '12.5',
  '(1.00)',
  '-92233720368547758.08',
  '92233720368547758.08',
  '',
  '1e2',
);
export const lsns = made(
  (random) => `${hex(random, between(random, 1, 8)).toUpperCase()}/${hex(random, between(random, 1, 8)).toUpperCase()}`,
  '0/0',
  'FFFFFFFF/FFFFFFFF',
  'a/b',
  '',
  '1',
  '123456789/0',
);

/** Ranges over what `bound` writes; it makes an ordered pair. */
export function ranges(bound: (random: Random) => readonly [string, string], ...odd: readonly string[]): Generate {
  return made((random) => rangeText(random, bound), 'empty', '(,)', '[,]', '[2,1]', '', '[1', ...odd);
}

export function rangeText(random: Random, bound: (random: Random) => readonly [string, string]): string {
  const [low, high] = bound(random);
  return `${random.pick(['[', '('])}${random.below(6) === 0 ? '' : low},${random.below(6) === 0 ? '' : high}${random.pick([']', ')'])}`;
}

export function multiranges(bound: (random: Random) => readonly [string, string]): Generate {
  return made(
    (random) => `{${Array.from({ length: random.below(4) }, () => rangeText(random, bound)).join(',')}}`,
    '{}',
    '{empty}',
    '{(,)}',
    '',
    '[1,2]',
  );
}

const ordered = (pair: readonly [bigint, bigint]): readonly [string, string] =>
  pair[0] <= pair[1] ? [String(pair[0]), String(pair[1])] : [String(pair[1]), String(pair[0])];
export const wholeBounds = (random: Random): readonly [string, string] =>
  ordered([BigInt(between(random, -1_000_000, 1_000_000)), BigInt(between(random, -1_000_000, 1_000_000))]);
export const bigBounds = (random: Random): readonly [string, string] =>
  ordered([BigInt(`-${digits(random, 18)}`), BigInt(digits(random, 18))]);
export const decimalBounds = (random: Random): readonly [string, string] => [
  `-${digits(random, between(random, 1, 25))}.${digits(random, 20)}`,
  `${digits(random, between(random, 1, 25))}.${digits(random, 20)}0`,
];
const two = (value: number): string => String(value).padStart(2, '0');
export const dayBounds = (random: Random): readonly [string, string] => [
  `${between(random, 1_000, 1_999)}-${two(between(random, 1, 12))}-${two(between(random, 1, 28))}`,
  `${between(random, 2_000, 9_999)}-01-${two(between(random, 1, 28))}`,
];
export const momentBounds = (random: Random): readonly [string, string] => {
  const [low, high] = dayBounds(random);
  return [`"${low} 01:02:03.${between(random, 100_000, 999_999)}"`, `"${high} 23:59:59.999999"`];
};
export const zonedBounds = (random: Random): readonly [string, string] => {
  const [low, high] = dayBounds(random);
  return [`"${low} 01:02:03.${between(random, 100_000, 999_999)}+00"`, `"${high} 23:59:59.999999+05:30"`];
};

const coordinate = (random: Random): string =>
  random.pick([
    String(between(random, -99, 99)),
    `${between(random, -9, 9)}.${digits(random, between(random, 1, 17))}`,
    '0',
    '-0',
    '1e300',
    '5e-324',
    '0.1',
    '0.30000000000000004',
    'Infinity',
    'NaN',
  ]);
const finite = (random: Random): string =>
  random.pick([
    String(between(random, -99, 99)),
    `${between(random, -9, 9)}.${digits(random, between(random, 1, 15))}`,
    '0.1',
    '123456789.123456',
  ]);
const point = (random: Random, of = coordinate): string => `(${of(random)},${of(random)})`;
const manyPoints = (random: Random): string =>
  Array.from({ length: between(random, 1, 5) }, () => point(random, finite)).join(',');
export const points = made((random) => point(random), '1,2', '', '(1)', '(1,2,3)', '( 1 , 2 )');
export const lines = made(
  (random) => `{${between(random, 1, 9)},${finite(random)},${finite(random)}}`,
  '{0,0,1}',
  '[(0,0),(1,1)]',
  '',
);
export const segments = made((random) => `[${point(random, finite)},${point(random, finite)}]`, '(0,0),(1,1)', '');
export const boxes = made((random) => `${point(random, finite)},${point(random, finite)}`, '(0,0)', '');
export const paths = made((random) => random.pick([`[${manyPoints(random)}]`, `(${manyPoints(random)})`]), '', '[]');
export const polygons = made((random) => `(${manyPoints(random)})`, '', '()');
export const circles = made(
  (random) => `<${point(random, finite)},${between(random, 0, 99)}.5>`,
  '<(0,0),-1>',
  '',
  '(0,0),5',
);

const lexeme = (random: Random): string =>
  random.pick(['cat', 'rat', "'quoted word'", "'it''s'", "'back\\\\slash'", 'été', 'a1', "'🙂'"]);
export const vectors = made(
  (random) =>
    Array.from(
      { length: random.below(5) },
      () => `${lexeme(random)}${random.pick(['', ':1', ':3A', ':1,2B', ':16383'])}`,
    ).join(' '),
  "'open",
  ':',
  'now',
);
export const queries = made(
  (random) =>
    `${lexeme(random)} ${random.pick(['&', '|', '<->', '<2>'])} ${random.pick(['', '!'])}${lexeme(random)}${random.pick(['', ':*', ':A'])}`,
  '',
  '&',
  "'open",
);
/**
 * Without declarations: PostgreSQL's own output leaves them out, so that dumps and what is kept beside a row do, too.
 */
export const xmls = made(
  (random) =>
    random.pick([
      '<a/>',
      '<a b="c">text &amp; more</a>',
      'just text',
      `<n>${digits(random, 25)}</n>`,
      '<a>\n  <b/>\n</a>',
      '<!-- x --><a/>',
      '<a>é🙂</a>',
      '',
    ]),
  '<a>',
  '<a></b>',
  '&nbsp;',
);
export const jsonPaths = made(
  (random) =>
    random.pick([
      '$',
      '$.a',
      '$."b c"[*] ? (@ > 1.50)',
      'strict $.a[0 to last]',
      `$.n == ${digits(random, 20)}`,
      '$.** ? (@ starts with "x")',
    ]),
  '',
  '$.',
  'x y',
);

export const MOODS = ['calm', 'so so', 'it\'s "fine"', 'ünï🙂', 'NULL', 'a,b', '\\', ' padded ', 'true'] as const;
export const moods: Generate = oneOf(
  fixed(MOODS.map(plainText)),
  fixed(MOODS.map(plainText)),
  fixed(['CALM', 'calm ', '', 'none'].map((text) => oddText(text))),
);

/** Of `(a integer, b text, c numeric)`. */
export const pairs: Generate = (random) =>
  plainText(
    rowText([
      random.pick([null, String(between(random, -9, 9))]),
      random.pick([null, '', 'x', 'a,b', '"', '\\', '(', 'NULL', ' ']),
      random.pick([null, '1.10', `${digits(random, 25)}.5`]),
    ]),
  );

export const caseTexts: Generate = oneOf(
  (random) =>
    plainText(
      random.pick(['Ann', 'ANN', 'ann', 'ÄB', 'äb', 'ß', 'SS', 'İ', 'a ', 'Zed', '', 'x"y', "it's", cut('ΣΑΣ', 3)]),
    ),
  (random) => plainText(`Key${digits(random, 5)}`),
);
const hstorePart = (random: Random): string =>
  random.pick(['a', 'b', '""', '"a b"', '"q\\"q"', '"=>"', '"\\\\"', 'é', '"NULL"']);
export const hstores = made(
  (random) =>
    Array.from(
      { length: random.below(4) },
      () => `${hstorePart(random)}=>${random.pick([hstorePart(random), 'NULL'])}`,
    ).join(', '),
  'a',
  'a=>',
  '=>b',
  '"a"=>"b",',
);

/** Of a type that is refused but for some texts. */
export function checked(plain: Generate, refused: readonly Sample[]): Generate {
  return oneOf(plain, plain, plain, plain, fixed(refused));
}
