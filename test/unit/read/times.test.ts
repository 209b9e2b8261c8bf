/** Spellings of dates and times: one canonical text for each instant, and no text for what no calendar has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalDate, canonicalTime, canonicalTimestamp } from '../../../src/model/times.ts';

describe('times', () => {
  it('with a zone are moved to UTC across days, years and leap days', () => {
    const cases: [string, string | null][] = [
      ['2026-01-31T12:00Z', '2026-01-31T12:00:00Z'],
      ['2026-01-31 12:00:00.120000+00', '2026-01-31T12:00:00.12Z'],
      ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00Z'],
      ['2025-12-31T20:00:00.000001-0530', '2026-01-01T01:30:00.000001Z'],
      ['0099-01-01T00:00:00+01:00', '0098-12-31T23:00:00Z'],
      ['10000-01-01T00:00:00+01', '9999-12-31T23:00:00Z'],
      ['0044-03-15 00:00:00+00 BC', '0044-03-15 00:00:00+00 BC'],
      ['0044-03-15T01:00:00+01 BC', '0044-03-15 00:00:00+00 BC'],
      ['0001-01-01 00:14:30+01', '0001-12-31 23:14:30+00 BC'],
      ['0001-01-01T00:14:30.50+01', '0001-12-31 23:14:30.5+00 BC'],
      ['0001-12-31 23:30:00-01 BC', '0001-01-01T00:30:00Z'],
      ['0005-02-29 23:59:59.9999999+00 BC', '0005-03-01 00:00:00+00 BC'],
      ['294276-12-31 23:59:59+00', '294276-12-31T23:59:59Z'],
      ['294276-12-31T22:59:59-01:00', '294276-12-31T23:59:59Z'],
      ['4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00+00 BC'],
      ['4714-11-24 00:00:00+01 BC', null],
      ['-infinity', '-infinity'],
      ['2025-02-29T00:00:00Z', null],
      ['1900-02-29T00:00:00Z', null],
      ['2026-01-31T12:00:00', null],
      ['2026-01-31T12:60:00Z', null],
      ['2026-01-31T12:00:00+99:00', null],
      ["2026-01-31T12:00:00Z'; --", null],
    ];
    for (const [text, want] of cases) {
      assert.equal(canonicalTimestamp(text, true), want, text);
      if (want !== null) assert.equal(canonicalTimestamp(want, true), want, `${want} is canonical`);
    }
  });

  it('without a zone are not moved', () => {
    assert.equal(canonicalTimestamp('2026-03-29 02:30:00.5', false), '2026-03-29T02:30:00.5');
    assert.equal(canonicalTimestamp('2026-03-29T02:30:00Z', false), null);
  });

  it('as PostgreSQL writes them are read as any other spelling of them', () => {
    const upTo = (most: number): number => Math.floor(Math.random() * (most + 1));
    const two = (value: number): string => String(value).padStart(2, '0');
    const years = ['0000', '0001', '0004', '0999', '1000', '1970', '2024', '2026', '9999'];
    for (let i = 0; i < 20_000; i += 1) {
      const [date, clock] = [
        `${years[upTo(years.length - 1)]}-${two(upTo(13))}-${two(upTo(32))}`,
        `${two(upTo(24))}:${two(upTo(60))}:${two(upTo(60))}`,
      ];
      const digits = String(upTo(10 ** (1 + upTo(7)))).slice(0, upTo(7));
      const rest = `${clock}${digits === '' ? '' : `.${digits}`}${['', '+00', '+01', 'Z', ' BC', '+00 BC', '-01 BC'][upTo(6)]}`;
      for (const zoned of [true, false]) {
        const canonical = canonicalTimestamp(`${date} ${rest}`, zoned);
        assert.equal(canonical, canonicalTimestamp(`${date}T${rest}`, zoned), `${date} ${rest} ${zoned}`);
        if (canonical !== null)
          assert.equal(canonicalTimestamp(canonical, zoned), canonical, `${canonical} is canonical`);
      }
    }
  });

  it('are refused where the calendar has no such day or time', () => {
    assert.deepEqual(
      ['2024-02-29', '2000-02-29', '0005-02-29 BC', '2023-02-29', '2026-04-31', '2026-00-10', '26-01-01'].map(
        canonicalDate,
      ),
      ['2024-02-29', '2000-02-29', '0005-02-29 BC', null, null, null, null],
    );
    assert.deepEqual(['23:59:59.5', '24:00:00', '24:00:01', '7:00', '12:00+02'].map(canonicalTime), [
      '23:59:59.5',
      '24:00:00',
      null,
      null,
      null,
    ]);
  });
});
