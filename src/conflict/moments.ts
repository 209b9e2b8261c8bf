/**
 * Owns the order of dates and times: the moment of each value, exact to the microsecond, ordered as PostgreSQL orders
 * them.
 */
import { dayNumber } from '../model/calendar.ts';
import { type ScalarKind } from '../model/model.ts';

const DATE = /^(\d{4,7})-(\d{2})-(\d{2})/;
const CLOCK = /(?:^|[T ])(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?/;
const ZONE = /[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?/;

const MICROSECONDS_OF_DAY = 86_400_000_000n;

function microseconds(hours: string | undefined, minutes: string | undefined, seconds: string | undefined): bigint {
  return BigInt((Number(hours ?? '0') * 60 + Number(minutes ?? '0')) * 60 + Number(seconds ?? '0')) * 1_000_000n;
}

/** Microseconds since 1970-01-01; null if the text is not such a value. Only values of one kind can be compared. */
export function momentOf(kind: ScalarKind, text: string): bigint | number | null {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const clock = CLOCK.exec(text);
  const time =
    clock === null ? null : microseconds(clock[1], clock[2], clock[3]) + BigInt((clock[4] ?? '').padEnd(6, '0'));
  if (kind === 'time') return time;
  const date = DATE.exec(text);
  if (date === null || (time === null && kind !== 'date')) return null;
  const year = text.endsWith(' BC') ? 1 - Number(date[1]) : Number(date[1]);
  const zone = kind === 'timestamptz' ? ZONE.exec(text) : null;
  const offset = zone === null ? 0n : microseconds(zone[2], zone[3], zone[4]) * (zone[1] === '-' ? -1n : 1n);
  return (
    BigInt(dayNumber(year, Number(date[2]), Number(date[3]))) * MICROSECONDS_OF_DAY +
    (kind === 'date' ? 0n : (time ?? 0n)) -
    offset
  );
}
