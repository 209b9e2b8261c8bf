/** Owns exact decimal arithmetic: sums and comparisons of numbers as text of any length, without loss of digits. */

/** `units` × 10^-`scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** The value of a number's text; null for `NaN`, the infinities, and text that is not a number. */
export function parseDecimal(text: string): Decimal | null {
  const match = TEXT.exec(text);
  const [whole, digits] = [match?.[2] ?? '', match?.[3] ?? ''];
  if (!match || `${whole}${digits}` === '') return null;
  const units = BigInt(`${whole}${digits}`) * (match[1] === '-' ? -1n : 1n);
  const scale = digits.length - Number(match[4] ?? '0');
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

/** Both with the larger scale, as PostgreSQL shows the sum of two. */
function aligned(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.units * 10n ** BigInt(scale - a.scale), b.units * 10n ** BigInt(scale - b.scale), scale];
}

export function sum(a: Decimal, b: Decimal): Decimal {
  const [left, right, scale] = aligned(a, b);
  return { units: left + right, scale };
}

export function difference(a: Decimal, b: Decimal): Decimal {
  return sum(a, { units: -b.units, scale: b.scale });
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const [left, right] = aligned(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `-12.50`: with as many digits after the point as the scale says. */
export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
}

/** One text for all spellings of a number: `1`, `1.0` and `1.00` become `1`. */
export function canonicalDecimal(decimal: Decimal): string {
  const text = decimalText(decimal);
  if (decimal.scale === 0) return text;
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  return text.slice(0, text[end - 1] === '.' ? end - 1 : end);
}
