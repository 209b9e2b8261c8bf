/**
 * Owns generated dates, times and intervals: both ends of the calendar, every fraction, zones, and what PostgreSQL
 * itself writes.
 */
import { type Random } from '../random.ts';
import { between, fixed, oddText, oneOf, plainText, plainTexts, type Generate } from './sample.ts';

const two = (value: number): string => String(value).padStart(2, '0');
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function day(random: Random, year: number): string {
  const month = between(random, 1, 12);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(between(random, 1, MONTH_DAYS[month - 1] ?? 28))}`;
}

function clock(random: Random, digitsOfFraction: number): string {
  const fraction =
    random.below(3) === 0
      ? ''
      : `.${Array.from({ length: between(random, 1, digitsOfFraction) }, () => random.below(10)).join('')}`;
  return random.pick([
    `${two(random.below(24))}:${two(random.below(60))}:${two(random.below(60))}${fraction}`,
    '00:00:00',
    '23:59:59.999999',
    `12:00:00${fraction}`,
  ]);
}

const zone = (random: Random): string =>
  `${random.pick(['+', '-'])}${two(random.below(15))}:${random.pick(['00', '30', '45'])}`;

const NOT_DATES = [
  '2023-02-29',
  '2024-13-01',
  '2024-00-10',
  '0000-01-01',
  '2024-01-32',
  '',
  'now',
  'today',
  'tomorrow',
  '24-1-5',
  '2024-1-5',
  '20240105',
  'January 5, 2024',
  '2024-01-05T10:00:00Z',
  '2024-02-30',
  '5874898-01-01',
  '4714-11-23 BC',
] as const;

export function dates(): Generate {
  const usual: Generate = (random) => plainText(day(random, between(random, 1, 9_999)));
  const far: Generate = (random) =>
    plainText(
      random.pick([
        'infinity',
        '-infinity',
        '0001-01-01',
        '9999-12-31',
        '2024-02-29',
        '2000-02-29',
        '10000-01-01',
        '0044-03-15 BC',
        '0001-12-31 BC',
      ]),
    );
  const ends: Generate = (random) =>
    oddText(
      random.pick([
        '4713-01-01 BC',
        '4714-11-24 BC',
        '5874897-12-31',
        '5874896-06-01',
        `${between(random, 10_000, 5_000_000)}-06-15`,
      ]),
    );
  const odd: Generate = (random) =>
    oddText(random.pick([...NOT_DATES, 'INFINITY', ' 2024-01-05 ', '2024-01-05 AD', '12024-01-05']));
  return oneOf(usual, usual, usual, far, ends, odd);
}

export function times(): Generate {
  const usual: Generate = (random) => plainText(clock(random, 6));
  const finer: Generate = (random) =>
    oddText(
      `${two(random.below(24))}:59:59.${random.pick(['1234567', '9999995', '999999999', '1234565', '0000005', '123456789012'])}`,
    );
  const odd: Generate = (random) =>
    oddText(
      random.pick([
        '24:00:00',
        '24:00:00.000001',
        '25:00:00',
        '12:60:00',
        '12:00:60',
        '23:59:60',
        '12:00',
        '9:30',
        '',
        'now',
        'allballs',
        '12:00:00Z',
        '09:30:00+05:00',
        '12:00:00 PM',
        '04:05 PM',
        '120000',
        '12:00:00.',
        '٣:٠٠:٠٠',
      ]),
    );
  return oneOf(usual, usual, usual, finer, odd);
}

export function timesWithZone(): Generate {
  const usual: Generate = (random) =>
    plainText(`${clock(random, 6)}${random.pick([zone(random), '+00', 'Z', '-15:59:59', '+15:59'])}`);
  const odd = fixed(
    ['12:00:00', '24:00:00+00', '12:00:00+16', 'now', '12:00:00 Europe/Berlin', '12:00:00.1234567+02', ''].map((text) =>
      oddText(text),
    ),
  );
  return oneOf(usual, usual, usual, odd);
}

/** `zoned`: with a zone, as `timestamptz` wants it. */
export function timestamps(zoned: boolean): Generate {
  const end = (random: Random): string => (zoned ? random.pick(['Z', 'Z', zone(random), '+00:00', '+05:30']) : '');
  const usual: Generate = (random) =>
    plainText(`${day(random, between(random, 2, 9_998))}T${clock(random, 6)}${end(random)}`);
  const blank: Generate = (random) =>
    oddText(`${day(random, between(random, 1_900, 2_100))} ${clock(random, 6)}${end(random)}`);
  const finer: Generate = (random) =>
    oddText(
      `2026-01-31T23:59:59.${random.pick(['1234567', '9999995', '999999999', '1234565', '0000005', '1234567890123'])}${end(random)}`,
    );
  const far = plainTexts(
    'infinity',
    '-infinity',
    ...['0001-01-01T00:00:00', '9999-12-31T23:59:59.999999', '1900-01-01T00:00:00', '2024-02-29T12:00:00.5'].map(
      (text) => `${text}${zoned ? 'Z' : ''}`,
    ),
  );
  const shown = zoned
    ? [
        '0044-03-15 12:00:00+00 BC',
        '10000-01-01 00:00:00+00',
        '294276-12-31 23:59:59.999999+00',
        '4714-11-24 00:00:00+00 BC',
        '0001-12-31 23:59:59.5+00 BC',
        '275761-01-01 00:00:00.25+00',
      ]
    : [
        '0044-03-15 12:00:00 BC',
        '10000-01-01 00:00:00',
        '294276-12-31 23:59:59.999999',
        '4714-11-24 00:00:00 BC',
        '275761-01-01 00:00:00.25',
      ];
  const ends = fixed(shown.map((text) => oddText(text)));
  const moved = fixed(
    zoned
      ? [
          '0001-01-01T00:30:00+05:00',
          '9999-12-31T23:30:00-05:00',
          '1883-11-18T12:03:58-07:52:58',
          '2026-01-01T00:00:00+15:59',
          '2026-01-01T00:00:00-15:59:59',
          '2026-06-01T00:00:00 Europe/Berlin',
          '2026-01-01T00:00:00',
        ].map((text) => oddText(text))
      : ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00+01:00'].map((text) => oddText(text)),
  );
  const odd: Generate = (random) =>
    oddText(
      `${random.pick([...NOT_DATES])}${random.pick(['', 'T12:00:00', ' 25:00:00', 'T24:00:00', 'T23:59:60'])}${end(random)}`,
    );
  return oneOf(usual, usual, usual, usual, blank, finer, far, ends, moved, odd);
}

export function intervals(): Generate {
  const usual: Generate = (random) =>
    plainText(
      random.pick([
        `P${between(random, -9_999, 9_999)}Y${between(random, -11, 11)}M${between(random, -400, 400)}DT${between(random, -999, 999)}H${between(random, -59, 59)}M${between(random, -59, 59)}.${between(random, 100_000, 999_999)}S`,
        `${between(random, 0, 99)} years ${between(random, 0, 11)} mons ${between(random, 0, 400)} days ${clock(random, 6)}`,
        'PT0S',
        '00:00:00',
        '-00:00:00.000001',
        '1 mon -1 days +00:00:01',
        'P1W',
        '178000000 years',
        '-178000000 years',
        '2147483647 days',
      ]),
    );
  const odd = fixed(
    [
      'infinity',
      '-infinity',
      '@ 1 minute',
      '1 day ago',
      '1-2',
      '1 2:03:04',
      '',
      'x',
      'PT0.1234567S',
      '1.5 months',
      '9999999999 days',
      'now',
    ].map((text) => oddText(text)),
  );
  return oneOf(usual, usual, usual, odd);
}
