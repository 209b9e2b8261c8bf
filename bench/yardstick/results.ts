/**
 * Owns what was measured of a workload: every round of every candidate, and the medians and ratios that are told of
 * them.
 */
import { percentile } from '../support/measure.ts';
import { type Candidate } from './candidates.ts';
import { type LoadReport } from './order.ts';

export interface Round extends LoadReport {
  readonly perSecond: number;
  /** Processor time of the server for one request, microseconds; null where the system does not tell. */
  readonly cpuUs: number | null;
  /** Memory of the server afterwards, megabytes; likewise. */
  readonly memoryMb: number | null;
}

export function medianOf(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** A run at a part of the peak load. */
export interface PacedRun extends LoadReport {
  /** Of the server, one value each second, megabytes. */
  readonly memoryMb: readonly number[];
}

type Figure = 'perSecond' | 'p50Ms' | 'p99Ms' | 'cpuUs' | 'memoryMb' | 'cpuShare';

export class WorkloadResult {
  readonly rounds = new Map<string, Round[]>();
  /** At a part of the peak load. */
  readonly paced = new Map<string, PacedRun>();
  /** Round trip over the simulated WAN to the primary's region, milliseconds. */
  readonly rttMs: number;

  constructor(rttMs: number) {
    this.rttMs = rttMs;
  }

  add({ name }: Candidate, round: Round): void {
    this.rounds.set(name, [...this.#of(name), round]);
  }

  /** Null: it was not measured. */
  median({ name }: Pick<Candidate, 'name'>, figure: Figure): number | null {
    const values = this.#of(name)
      .map((round) => round[figure])
      .filter((value) => value !== null);
    return values.length === 0 ? null : medianOf(values);
  }

  /** Slowest and fastest round, requests per second. */
  range({ name }: Candidate): readonly [number, number] {
    const all = this.#of(name).map(({ perSecond }) => perSecond);
    return [Math.min(...all), Math.max(...all)];
  }

  /** Median of the rounds' ratios of requests per second: what the machine did otherwise met both alike. */
  ratio(of: Candidate, to: Candidate): number | null {
    const others = this.#of(to.name);
    const ratios = this.#of(of.name).flatMap(({ perSecond }, i) =>
      others[i] === undefined ? [] : [perSecond / others[i].perSecond],
    );
    return ratios.length === 0 ? null : medianOf(ratios);
  }

  sum({ name }: Candidate, figure: 'errors' | 'wrong' | 'compared' | 'writes'): number {
    return this.#of(name).reduce((sum, round) => sum + round[figure], 0);
  }

  examples({ name }: Candidate): readonly string[] {
    return this.#of(name).flatMap((round) => round.examples);
  }

  /** Of reads that the server told of, those that did not go to the primary. */
  regionShare({ name }: Candidate): number | null {
    const counts = this.#of(name).map(({ servedBy }) => servedBy);
    const all = counts.reduce((sum, by) => sum + Object.values(by).reduce((a, b) => a + b, 0), 0);
    const away = counts.reduce((sum, by) => sum + (by['primary'] ?? 0), 0);
    return all === 0 ? null : 1 - away / all;
  }

  steady({ name }: Candidate): PacedRun | null {
    return this.paced.get(name) ?? null;
  }

  #of(name: string): readonly Round[] {
    return this.rounds.get(name) ?? [];
  }
}
