/** Owns WAL positions: 64-bit unsigned in code (`Lsn`), `16/B374D848` text at the edges. */

/** A byte position in one lineage's write-ahead log. Compare only within one lineage (see lineage.ts). */
export type Lsn = bigint & { readonly __brand: 'Lsn' };

const MAX_LSN = (1n << 64n) - 1n;
const LSN_TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Brands a bigint as a position. Throws `RangeError` outside 0 … 2^64-1. */
export function toLsn(value: bigint): Lsn {
  if (value < 0n || value > MAX_LSN) throw new RangeError(`a WAL position is an unsigned 64-bit number, not ${value}`);
  return value as Lsn;
}

/** Reads PostgreSQL's `X/Y` text. Throws `SyntaxError` on anything else. */
export function parseLsn(text: string): Lsn {
  const match = LSN_TEXT.exec(text);
  if (!match) throw new SyntaxError(`not a WAL position: ${JSON.stringify(text)}`);
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** Writes a position as PostgreSQL does: `16/B374D848`. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

export const ZERO_LSN = 0n as Lsn;

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a >= b ? a : b;
}

/** Distance in bytes from `from` up to `to`; 0 when `to` is not ahead. */
export function bytesBetween(from: Lsn, to: Lsn): number {
  return to > from ? Number(to - from) : 0;
}
