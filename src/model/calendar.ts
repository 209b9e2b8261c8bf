/** Owns the proleptic Gregorian calendar for years beyond the range of JavaScript's `Date` and before year 1. */

/** Length of the period after which the Gregorian calendar repeats. */
const CYCLE_DAYS = 146_097;
const CYCLE_YEARS = 400;
/** Days from 0000-03-01 to 1970-01-01. */
const DAYS_TO_1970 = 719_468;

/** Days since 1970-01-01 in the proleptic Gregorian calendar, as PostgreSQL counts them. `year` 0 is 1 BC. */
export function dayNumber(year: number, month: number, day: number): number {
  // Counting years from March puts the leap day at the end of the year.
  const marchYear = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return (
    365 * marchYear +
    Math.floor(marchYear / 4) -
    Math.floor(marchYear / 100) +
    Math.floor(marchYear / 400) +
    dayOfYear -
    DAYS_TO_1970
  );
}

export interface CalendarDay {
  /** 0 is 1 BC. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/**
 * The inverse of `dayNumber`. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
 */
export function calendarDay(dayNumber: number): CalendarDay {
  const days = dayNumber + DAYS_TO_1970;
  const cycle = Math.floor(days / CYCLE_DAYS);
  const dayOfCycle = days - cycle * CYCLE_DAYS;
  const yearOfCycle = Math.floor(
    (dayOfCycle -
      Math.floor(dayOfCycle / 1_460) +
      Math.floor(dayOfCycle / 36_524) -
      Math.floor(dayOfCycle / (CYCLE_DAYS - 1))) /
      365,
  );
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfCycle + cycle * CYCLE_YEARS + (month <= 2 ? 1 : 0), month, day };
}
