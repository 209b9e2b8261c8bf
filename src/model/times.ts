/** Owns the text of dates and times: validation, and one canonical spelling of each instant. */
import { calendarDay, dayNumber } from './calendar.ts';

const DATE = /^(\d{4,7})-(\d{2})-(\d{2})( BC)?$/;
const TIMESTAMP =
  /^(\d{4,6})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)?( BC)?$/;
const TIME = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/;
const INFINITY = /^-?infinity$/i;

// PostgreSQL's limits: both types begin on the same day and end at the end of a year.
const FIRST_DAY = dayNumber(-4_713, 11, 24);
const MAX_DATE_YEAR = 5_874_897;
const MAX_TIMESTAMP_YEAR = 294_276;
const END_OF_TIMESTAMPS = dayNumber(MAX_TIMESTAMP_YEAR + 1, 1, 1);
const MICROSECOND_DIGITS = 6;
const MICROSECONDS = 1_000_000;
const SECOND_MS = 1_000;
const DAY_SECONDS = 86_400;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

interface IsRealDayInput {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly bc: boolean;
}

function isRealDay({ year, month, day, bc }: IsRealDayInput): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const astronomical = bc ? 1 - year : year;
  const leap = astronomical % 4 === 0 && (astronomical % 100 !== 0 || astronomical % 400 === 0);
  return day <= (month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0));
}

function isRealClock(hour: number, minute: number, second: number): boolean {
  return hour <= 23 && minute <= 59 && second <= 59;
}

/**
 * Canonical fractional seconds: `.500` becomes `.5`, and zero becomes empty. Digits below a microsecond are rounded
 * with the arithmetic that PostgreSQL uses (a double times a million, a half to the even side), which may carry into
 * the next second.
 */
function fraction(digits: string | undefined): { readonly text: string; readonly carry: boolean } {
  const scaled = Number(`0.${digits ?? '0'}`) * MICROSECONDS;
  const below = Math.floor(scaled);
  const half = scaled - below === 0.5;
  const whole = half ? below + (below % 2) : Math.round(scaled);
  if (whole === MICROSECONDS) return { text: '', carry: true };
  const kept = String(whole).padStart(MICROSECOND_DIGITS, '0').replace(/0+$/, '');
  return { text: kept === '' ? '' : `.${kept}`, carry: false };
}

/** At least four digits. */
const yearText = (year: number): string => String(year).padStart(4, '0');
const two = (value: number): string => String(value).padStart(2, '0');
const clockText = (secondOfDay: number): string =>
  `${two(Math.floor(secondOfDay / 3_600))}:${two(Math.floor(secondOfDay / 60) % 60)}:${two(secondOfDay % 60)}`;

/** The canonical spelling of a date, or null if the text is not a date. */
export function canonicalDate(text: string): string | null {
  if (INFINITY.test(text)) return text.toLowerCase();
  const match = DATE.exec(text);
  if (!match) return null;
  const [year, month, day, bc] = [Number(match[1]), Number(match[2]), Number(match[3]), match[4] !== undefined];
  if (!isRealDay({ year, month, day, bc }) || (bc ? dayNumber(1 - year, month, day) < FIRST_DAY : year > MAX_DATE_YEAR))
    return null;
  return `${yearText(year)}-${match[2]}-${match[3]}${match[4] ?? ''}`;
}

/** A UTC offset such as `+05:30` in milliseconds; null if it is out of range. */
function offsetMs(zone: string): number | null {
  if (zone === 'Z' || zone === 'z') return 0;
  const digits = zone.slice(1).replaceAll(':', '');
  const [hours, minutes, seconds] = [
    Number(digits.slice(0, 2)),
    Number(digits.slice(2, 4)),
    Number(digits.slice(4, 6)),
  ];
  if (hours > 15 || minutes > 59 || seconds > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * ((hours * 60 + minutes) * 60 + seconds) * 1_000;
}

/**
 * The spelling that PostgreSQL uses for most timestamps, with the time zone UTC: a day up to the 28th, and a fraction
 * without trailing zeros. Such a text needs no calendar arithmetic.
 */
const USUAL =
  /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{0,5}[1-9])?(?:\+00)?$/;
const [USUAL_DATE, USUAL_ZONE] = [10, '+00'];

/** The result of `canonicalTimestamp` for text of the usual form; null for any other text. */
function usualTimestamp(text: string, zoned: boolean): string | null {
  if (!USUAL.test(text) || text.endsWith(USUAL_ZONE) !== zoned) return null;
  const moment = `${text.slice(0, USUAL_DATE)}T${text.slice(USUAL_DATE + 1, zoned ? -USUAL_ZONE.length : undefined)}`;
  return zoned ? `${moment}Z` : moment;
}

/**
 * The canonical spelling of a timestamp, or null if the text is not a timestamp. A timestamp with a zone is converted
 * to UTC (`2026-01-31T12:00:00.123456Z`, or PostgreSQL's own spelling before year 1). `zoned` says whether the text
 * must have a zone or must not have one.
 */
export function canonicalTimestamp(text: string, zoned: boolean): string | null {
  const usual = usualTimestamp(text, zoned);
  if (usual !== null) return usual;
  if (INFINITY.test(text)) return text.toLowerCase();
  const match = TIMESTAMP.exec(text);
  if (!match) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? '0')];
  const zone = match[8];
  const bc = match[9] !== undefined;
  if (!isRealDay({ year, month, day, bc }) || !isRealClock(hour, minute, second)) return null;
  if ((zone !== undefined) !== zoned) return null;
  const offset = zone === undefined ? 0 : offsetMs(zone);
  if (offset === null || (!bc && year > MAX_TIMESTAMP_YEAR)) return null;
  const { text: micros, carry } = fraction(match[7]);
  const seconds = (hour * 60 + minute) * 60 + second + (carry ? 1 : 0) - offset / SECOND_MS;
  const utcDay = dayNumber(bc ? 1 - year : year, month, day) + Math.floor(seconds / DAY_SECONDS);
  if (utcDay < FIRST_DAY || utcDay >= END_OF_TIMESTAMPS) return null;
  const secondOfDay = seconds - Math.floor(seconds / DAY_SECONDS) * DAY_SECONDS;
  // A column of a lower precision would round it past the end of the range that PostgreSQL reads, and would store the
  // result.
  const isLastSecond = utcDay === END_OF_TIMESTAMPS - 1 && secondOfDay === DAY_SECONDS - 1;
  if (isLastSecond && Number(`0${micros}`) >= 0.5) return null;
  const utc = calendarDay(utcDay);
  const clock = `${clockText(secondOfDay)}${micros}`;
  // PostgreSQL does not read ISO 8601 years before year 1; it reads its own spelling of them exactly.
  if (utc.year < 1)
    return `${yearText(1 - utc.year)}-${two(utc.month)}-${two(utc.day)} ${clock}${zoned ? USUAL_ZONE : ''} BC`;
  return `${yearText(utc.year)}-${two(utc.month)}-${two(utc.day)}T${clock}${zoned ? 'Z' : ''}`;
}

/** The canonical spelling of a time of day without a zone, or null if the text is not one. */
export function canonicalTime(text: string): string | null {
  const match = TIME.exec(text);
  if (!match) return null;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
  // PostgreSQL accepts 24:00:00 as the end of the day.
  const endOfDay = /^24:00(:00(\.0+)?)?$/.test(text);
  if (!endOfDay && !isRealClock(hour, minute, second)) return null;
  const { text: micros, carry } = fraction(match[4]);
  if (!carry) return `${match[1]}:${match[2]}:${match[3] ?? '00'}${micros}`;
  return clockText((hour * 60 + minute) * 60 + second + 1);
}

/**
 * Whether PostgreSQL may read the text as a time that depends on when it is read: `now`, or a range that begins
 * `today`.
 */
export function namesTheMoment(text: string): boolean {
  return /(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])/i.test(text);
}
