/** Owns measuring: interleaved runs of several candidates, percentiles, and one table and one JSON file per claim. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * One way of doing the same thing; `run` does it once. A number that it gives is the time that counts, milliseconds;
 * else it is timed.
 */
export interface Candidate {
  readonly name: string;
  readonly run: (i: number) => Promise<unknown>;
}

export interface Figures {
  readonly name: string;
  readonly runs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** p50 as a multiple of the first candidate's. */
  readonly ratio: number;
}

export interface MeasureOptions {
  readonly runs: number;
  /** Runs that are thrown away first: connections open, statements are prepared, code is compiled. */
  readonly warmup?: number;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Runs the candidates in turn, so that whatever else the machine does meets all of them alike. */
export async function measure(
  candidates: readonly Candidate[],
  { runs, warmup = 20 }: MeasureOptions,
): Promise<Figures[]> {
  const times = new Map(candidates.map(({ name }) => [name, [] as number[]]));
  for (let i = -warmup; i < runs; i += 1) {
    for (const { name, run } of candidates) {
      const began = performance.now();
      const told = await run(i);
      if (i >= 0) times.get(name)?.push(typeof told === 'number' ? told : performance.now() - began);
    }
  }
  const sorted = candidates.map(({ name }) => ({ name, all: (times.get(name) ?? []).sort((a, b) => a - b) }));
  const base = percentile(sorted[0]?.all ?? [], 0.5);
  return sorted.map(({ name, all }) => ({
    name,
    runs,
    p50Ms: percentile(all, 0.5),
    p99Ms: percentile(all, 0.99),
    ratio: percentile(all, 0.5) / base,
  }));
}

export interface Table {
  /** File name of the JSON. */
  readonly name: string;
  readonly title: string;
  /** Headings of the values, with their units. */
  readonly columns: readonly string[];
  /** Per row its name and a value for each column; null where there is nothing to say. */
  readonly rows: readonly (readonly [string, ...(number | string | null)[]])[];
  readonly notes?: readonly string[];
}

export interface Claim extends Pick<Table, 'name' | 'title' | 'notes'> {
  readonly figures: readonly Figures[];
  /** In which times are shown; default milliseconds. */
  readonly unit?: 'ms' | 'µs';
}

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

/** Prints the claim's table and keeps it as JSON. */
export function report({ figures, unit = 'ms', ...claim }: Claim): void {
  const scale = unit === 'ms' ? 1 : 1_000;
  reportTable({
    ...claim,
    columns: [`p50 ${unit}`, `p99 ${unit}`, 'ratio'],
    rows: figures.map(({ name, p50Ms, p99Ms, ratio }) => [name, p50Ms * scale, p99Ms * scale, `${ratio.toFixed(2)}x`]),
  });
}

/** The same for what is not told in times. */
export function reportTable({ name, title, columns, rows, notes = [] }: Table): void {
  const said = [...notes, `load of the machine over the last minute: ${loadavg()[0]?.toFixed(1)}`];
  const lines = [['', ...columns], ...rows.map(([what, ...values]) => [what, ...values.map(shown)])];
  const widths = ['', ...columns].map((_, place) => Math.max(...lines.map((line) => line[place]?.length ?? 0)));
  console.log(`\n${title}`);
  for (const line of lines)
    console.log(
      line
        .map((text, place) =>
          place === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(Math.max(9, widths[place] ?? 0)),
        )
        .join('  '),
    );
  for (const note of said) console.log(`  ${note}`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}${name}.json`, `${JSON.stringify({ title, columns, rows, notes: said }, null, 2)}\n`);
}

/** Three digits that count, and thousands apart. */
function shown(value: number | string | null): string {
  if (typeof value !== 'number') return value ?? '';
  const digits = value === 0 ? 1 : Math.min(2, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
