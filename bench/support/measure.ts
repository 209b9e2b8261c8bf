/** Owns measuring: interleaved runs of several candidates, percentiles, and one table and one JSON file per claim. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One way of doing the same thing; `run` does it once. A number that it gives is the time that counts, milliseconds; else it is timed. */
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

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Runs the candidates in turn, so that whatever else the machine does meets all of them alike. */
export async function measure(candidates: readonly Candidate[], { runs, warmup = 20 }: MeasureOptions): Promise<Figures[]> {
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
  return sorted.map(({ name, all }) => ({ name, runs, p50Ms: rounded(percentile(all, 0.5)), p99Ms: rounded(percentile(all, 0.99)), ratio: rounded(percentile(all, 0.5) / base) }));
}

export interface Claim {
  /** File name of the JSON. */
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figures[];
  readonly notes?: readonly string[];
}

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

/** Prints the claim's table and keeps it as JSON. */
export function report({ name, title, figures, notes = [] }: Claim): void {
  const wide = Math.max(...figures.map((row) => row.name.length));
  console.log(`\n${title}`);
  console.log(`${''.padEnd(wide)}  ${'p50 ms'.padStart(9)}  ${'p99 ms'.padStart(9)}  ${'ratio'.padStart(7)}`);
  for (const row of figures) console.log(`${row.name.padEnd(wide)}  ${row.p50Ms.toFixed(1).padStart(9)}  ${row.p99Ms.toFixed(1).padStart(9)}  ${`${row.ratio.toFixed(2)}x`.padStart(7)}`);
  for (const note of notes) console.log(`  ${note}`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}${name}.json`, `${JSON.stringify({ title, figures, notes }, null, 2)}\n`);
}
