/** Owns what is aimed at: each aim with what was measured for it, and whether it is met. */
import { type Candidate } from './candidates.ts';
import { medianOf, type WorkloadResult } from './results.ts';

export interface AimResult {
  readonly text: string;
  /** Null: it was not measured in this run. */
  readonly value: number | null;
  readonly shown: string;
  readonly met: boolean | null;
}

/** `others`: workloads of this run that are done. */
export type Aim = (result: WorkloadResult, others: ReadonlyMap<string, WorkloadResult>) => AimResult;

const judged = (
  text: string,
  value: number | null,
  { shown, met }: { readonly shown: (value: number) => string; readonly met: (value: number) => boolean },
): AimResult => ({
  text,
  value,
  shown: value === null ? 'not measured' : shown(value),
  met: value === null ? null : met(value),
});

const times = (value: number): string => `${value.toFixed(2)} ×`;

interface Ratio {
  readonly of: Candidate;
  readonly least: number;
  /** The fastest of those that are measured counts. */
  readonly to: readonly Candidate[];
  /** As it stands behind ×. */
  readonly toWhat: string;
}

/** Requests per second as multiples of somebody else's, the median of the rounds' ratios. */
export function atLeast({ of, least, to, toWhat }: Ratio): Aim {
  return (result) => {
    const ratios = to.map((other) => result.ratio(of, other)).filter((ratio) => ratio !== null);
    const value = ratios.length === 0 ? null : Math.min(...ratios);
    return judged(`≥ ${least} × ${toWhat}`, value, { shown: times, met: (ratio) => ratio >= least });
  };
}

/** p99 in multiples of somebody's p99. */
export function slowestAtMost({
  of,
  most,
  to,
  toWhat,
  workload,
}: {
  readonly of: Candidate;
  readonly most: number;
  readonly to: Candidate;
  readonly toWhat: string;
  readonly workload?: string;
}): Aim {
  return (result, others) => {
    const [own, other] = [
      result.median(of, 'p99Ms'),
      (workload === undefined ? result : others.get(workload))?.median(to, 'p99Ms') ?? null,
    ];
    return judged(`p99 ≤ ${most} × ${toWhat}`, own === null || other === null ? null : own / other, {
      shown: times,
      met: (ratio) => ratio <= most,
    });
  };
}

/** Share of reads that were answered in the region. */
export function inRegion({ of, least }: { readonly of: Candidate; readonly least: number }): Aim {
  return (result) =>
    judged(`≥ ${least * 100} % of reads with tokens served in the region`, result.regionShare(of), {
      shown: (share) => `${(share * 100).toFixed(2)} %`,
      met: (share) => share >= least,
    });
}

/** Processor time of a request. */
export function costAtMost({
  of,
  most,
  to,
  toWhat,
}: {
  readonly of: Candidate;
  readonly most: number;
  readonly to: Candidate;
  readonly toWhat: string;
}): Aim {
  return (result) => {
    const [own, other] = [result.median(of, 'cpuUs'), result.median(to, 'cpuUs')];
    return judged(`CPU per request ≤ ${most} × ${toWhat}`, own === null || other === null ? null : own / other, {
      shown: times,
      met: (ratio) => ratio <= most,
    });
  };
}

const FIFTHS = 5;

/** Memory of the last fifth of the time, in multiples of the second fifth's. */
export function memoryFlat({ of, most }: { readonly of: Candidate; readonly most: number }): Aim {
  return (result) => {
    const samples = result.steady(of)?.memoryMb ?? [];
    const fifth = Math.floor(samples.length / FIFTHS);
    const value = fifth === 0 ? null : medianOf(samples.slice(-fifth)) / medianOf(samples.slice(fifth, 2 * fifth));
    return judged(`memory at the end ≤ ${most} × that after the first fifth`, value, {
      shown: times,
      met: (ratio) => ratio <= most,
    });
  };
}

export function overRoundTrip({ of, mostMs }: { readonly of: Candidate; readonly mostMs: number }): Aim {
  return (result) => {
    const p50Ms = result.median(of, 'p50Ms');
    return judged(`p50 ≤ 1.0 RTT + ${mostMs} ms`, p50Ms === null ? null : p50Ms - result.rttMs, {
      shown: (ms) => `RTT (${result.rttMs.toFixed(1)} ms) + ${ms.toFixed(1)} ms`,
      met: (ms) => ms <= mostMs,
    });
  };
}

/** At a part of the peak load, sent at even distances. `beside`: a server that was sent the same load, for comparison. */
export function steady({
  of,
  most,
  beside,
}: {
  readonly of: Candidate;
  readonly most: number;
  readonly beside?: Candidate;
}): Aim {
  const shownOf = (report: { readonly p50Ms: number; readonly p99Ms: number } | null): string =>
    report === null ? '–' : `p50 ${report.p50Ms.toFixed(2)} ms, p99 ${report.p99Ms.toFixed(2)} ms`;
  return (result) => {
    const report = result.steady(of);
    const other = beside === undefined ? null : result.steady(beside);
    return judged(`p99 ≤ ${most} × p50 at 70 % of the peak load`, report && report.p99Ms / report.p50Ms, {
      shown: (ratio) =>
        `${times(ratio)} (${shownOf(report)}${other === null ? '' : `; ${beside?.name} at the same rate: ${shownOf(other)}`})`,
      met: (ratio) => ratio <= most,
    });
  };
}
