/** Owns generated numbers: the ends of every range, long decimals, and the ways in which clients spell them. */
import { type Random } from '../random.ts';
import {
  between,
  digits,
  fixed,
  oddNumber,
  oddText,
  oneOf,
  plainNumber,
  plainText,
  wholeBetween,
  type Generate,
  type Sample,
} from './sample.ts';

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

export const INT2: Range = { low: -32_768n, high: 32_767n };
export const INT4: Range = { low: -2_147_483_648n, high: 2_147_483_647n };
export const INT8: Range = { low: -(2n ** 63n), high: 2n ** 63n - 1n };
export const UINT4: Range = { low: 0n, high: 2n ** 32n - 1n };
export const UINT8: Range = { low: 0n, high: 2n ** 64n - 1n };

const SAFE = 2n ** 53n;

/** For `Int`: a number of the request's JSON. */
export function ints({ low, high }: Range): Generate {
  const inside: Generate = (random) => plainNumber(String(wholeBetween(random, low, high)));
  const spelled: Generate = (random) => {
    const value = wholeBetween(random, low, high);
    return random.pick([
      oddNumber(`${value}.0`, String(value)),
      oddNumber(`${value}e0`, String(value)),
      oddNumber('-0', '0'),
      oddText(String(value)),
    ]);
  };
  const outside: Generate = (random) =>
    oddNumber(String(random.pick([low - 1n, high + 1n, high * 2n, low * 1_000_003n, SAFE + 1n])));
  const broken = fixed([
    oddNumber('1.5', 'none'),
    oddText('1.5', 'none'),
    oddText('', 'none'),
    { wire: true, meant: 'none', isPlain: false },
  ]);
  return oneOf(inside, inside, inside, inside, inside, spelled, outside, broken);
}

/** For `BigInt` and `ID`: text, or a number of the request's JSON with all of its digits. */
export function bigInts({ low, high }: Range): Generate {
  const inside: Generate = (random) => plainText(String(wholeBetween(random, low, high)));
  const number: Generate = (random) => oddNumber(String(wholeBetween(random, low, high)));
  // Neighbours of what a double can hold.
  const aroundSafe: Generate = (random) => {
    const value = String(
      (random.below(2) === 0 ? 1n : -1n) * (SAFE * BigInt(between(random, 1, 900)) + BigInt(between(random, 0, 3))),
    );
    return random.pick([oddNumber(value), plainText(value)]);
  };
  const outside: Generate = (random) => {
    const value = String(random.pick([low - 1n, high + 1n, high * 10n]));
    return random.pick([oddNumber(value), oddText(value)]);
  };
  const spelled: Generate = (random) => {
    const value = String(wholeBetween(random, low, high));
    return random.pick([
      oddText(`+${value}`),
      oddText(` ${value} `),
      oddText(`00${value}`),
      oddText(`${value}.0`, 'none'),
      oddText('1e3', 'none'),
      oddText('', 'none'),
      oddText('0x1F'),
      oddText('1_000'),
    ]);
  };
  return oneOf(inside, inside, inside, number, aroundSafe, aroundSafe, outside, spelled);
}

function decimal(random: Random, whole: number, fraction: number): string {
  const sign = random.below(2) === 0 ? '-' : '';
  const [before, after] = [between(random, 0, whole), between(random, 0, fraction)];
  return `${sign}${before === 0 ? '0' : digits(random, before)}${after === 0 ? '' : `.${Array.from({ length: after }, () => random.below(10)).join('')}`}`;
}

/** For `Decimal`: `whole` and `fraction` are the digits that the type takes. */
export function decimals({
  whole,
  fraction,
  special = true,
}: {
  readonly whole: number;
  readonly fraction: number;
  readonly special?: boolean;
}): Generate {
  const inside: Generate = (random) => plainText(decimal(random, Math.min(whole, 40), Math.min(fraction, 40)));
  const asNumber: Generate = (random) => oddNumber(decimal(random, Math.min(whole, 30), Math.min(fraction, 30)));
  const finer: Generate = (random) => oddText(decimal(random, Math.min(whole, 9), fraction + 3));
  const exponent: Generate = (random) => {
    const value = `${decimal(random, 3, 3)}${random.pick(['e', 'E'])}${random.pick(['+', '-', ''])}${between(random, 0, 12)}`;
    return random.pick([oddText(value), oddNumber(value)]);
  };
  const spelled = fixed([
    oddText('.5'),
    oddText('5.'),
    oddText('+1.50'),
    oddText('-0'),
    oddText('-0.00'),
    oddText(' 1 '),
    oddText(''),
    oddText('1,5'),
    oddText('nan'),
    oddText('1e400'),
    oddNumber('1e400'),
    oddNumber('-0'),
    oddNumber('0.1e-300'),
    oddText('1e131073'),
    oddText('1_000.5'),
    oddText('0x1F'),
  ]);
  const named = fixed(
    special ? ['NaN', 'Infinity', '-Infinity'].map(plainText) : [oddText('NaN'), oddText('Infinity')],
  );
  const outside: Generate = (random) => oddText(`${digits(random, Math.min(whole + 1, 200))}.5`);
  return oneOf(inside, inside, inside, inside, asNumber, asNumber, finer, exponent, spelled, named, outside);
}

/** A double (or `real`) by random bits, so that every size comes as often as any other. */
function bits(random: Random, isReal: boolean): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, Math.floor(random.below(2 ** 32)));
  view.setUint32(4, Math.floor(random.below(2 ** 32)));
  return isReal ? view.getFloat32(0) : view.getFloat64(0);
}

/** For `Float`. */
export function floats(isReal: boolean): Generate {
  const ends = isReal
    ? [3.4028234663852886e38, 1.401298464324817e-45, 1.1754943508222875e-38, 16_777_217]
    : [1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 9_007_199_254_740_994];
  const random64: Generate = (random) => {
    const value = bits(random, isReal);
    return Number.isFinite(value) ? plainNumber(String(value)) : plainNumber('0.1');
  };
  const end: Generate = (random) => plainNumber(String(random.pick(ends) * (random.below(2) === 0 ? -1 : 1)));
  const small: Generate = (random) =>
    plainNumber(random.pick(['0', '1', '-1', '0.1', '0.30000000000000004', '100', '1e21', '1e-7', '123456789.125']));
  const odd = fixed([
    oddNumber('-0'),
    oddNumber('-0.0'),
    oddNumber('1e400'),
    oddNumber('-1e400'),
    oddNumber('1e-400'),
    oddNumber(isReal ? '1e39' : '1.8e308'),
    oddNumber('9007199254740993'),
    oddNumber('0.1000000000000000055511151231257827'),
    oddNumber('1.0E+2'),
    oddText('NaN'),
    oddText('Infinity'),
    oddText('-Infinity'),
    oddText('1.5'),
    oddText(''),
    oddText('abc'),
  ]);
  return oneOf(random64, random64, end, small, odd);
}

/** Text of whole numbers, for types without a scalar of their own: `oid`, `xid`. */
export function wholeTexts({ low, high }: Range): Generate {
  const inside: Generate = (random) => plainText(String(wholeBetween(random, low, high)));
  const odd: Generate = (random) =>
    random.pick<Sample>([oddText(String(high + 1n)), oddText('-1'), oddText('x'), oddText(' 7 '), oddText('')]);
  return oneOf(inside, inside, inside, inside, inside, odd);
}
