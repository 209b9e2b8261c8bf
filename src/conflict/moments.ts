/** Owns the order of dates and times: where each lies on the line of time, exact to the microsecond, as PostgreSQL orders them. */
import { type ScalarKind } from '../model/model.ts';

const DATE = /^(\d{4,7})-(\d{2})-(\d{2})/;
const CLOCK = /(?:^|[T ])(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?/;
const ZONE = /[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?/;

const MICROSECONDS_OF_DAY = 86_400_000_000n;
/** Days of the 400 years after which the Gregorian calendar repeats itself. */
const DAYS_OF_CYCLE = 146_097;

/** Days from 0000-03-01, in years that begin in March, so that a leap day is the last of its year. JavaScript's calendar ends before PostgreSQL's. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const cycle = Math.floor(shifted / 400);
  const yearOfCycle = shifted - cycle * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return cycle * DAYS_OF_CYCLE + yearOfCycle * 365 + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100) + dayOfYear;
}

function microseconds(hours: string | undefined, minutes: string | undefined, seconds: string | undefined): bigint {
  return BigInt((Number(hours ?? '0') * 60 + Number(minutes ?? '0')) * 60 + Number(seconds ?? '0')) * 1_000_000n;
}

/** Microseconds from a fixed beginning; null where the text is no such value. Only values of one kind compare. */
export function momentOf(kind: ScalarKind, text: string): bigint | number | null {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const clock = CLOCK.exec(text);
  const time = clock === null ? null : microseconds(clock[1], clock[2], clock[3]) + BigInt((clock[4] ?? '').padEnd(6, '0'));
  if (kind === 'time') return time;
  const date = DATE.exec(text);
  if (date === null || (time === null && kind !== 'date')) return null;
  const year = text.endsWith(' BC') ? 1 - Number(date[1]) : Number(date[1]);
  const zone = kind === 'timestamptz' ? ZONE.exec(text) : null;
  const offset = zone === null ? 0n : microseconds(zone[2], zone[3], zone[4]) * (zone[1] === '-' ? -1n : 1n);
  return BigInt(daysOf(year, Number(date[2]), Number(date[3]))) * MICROSECONDS_OF_DAY + (kind === 'date' ? 0n : (time ?? 0n)) - offset;
}
