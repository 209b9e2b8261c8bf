/** Days and their numbers, in both directions, over all years that PostgreSQL has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calendarDay, dayNumber } from '../../../src/model/calendar.ts';

describe('the calendar', () => {
  it('numbers days without a gap, and finds each day by its number', () => {
    for (let number = dayNumber(-4_713, 11, 24); number < dayNumber(294_277, 1, 1); number += 97) {
      const { year, month, day } = calendarDay(number);
      assert.equal(dayNumber(year, month, day), number);
      assert.ok(month >= 1 && month <= 12 && day >= 1 && day <= 31, String(number));
    }
  });

  it("agrees with JavaScript's calendar wherever that reaches", () => {
    for (let number = -2_000_000; number < 90_000_000; number += 1_009) {
      const date = new Date(number * 86_400_000);
      assert.deepEqual(calendarDay(number), {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      });
    }
  });
});
