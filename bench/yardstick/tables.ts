/** Owns how a workload's figures are shown: a table, the aims, and what may have spoilt them. */
import { reportTable } from '../support/measure.ts';
import { type AimResult } from './aims.ts';
import { BARE, type Candidate } from './candidates.ts';
import { type WorkloadResult } from './results.ts';
import { isMeridian } from './servers.ts';
import { type Workload } from './workloads.ts';

/** Above, the load may have been slower than the server. */
const BUSY = 0.9;

const COLUMNS = [
  'requests/s',
  'spread',
  '× bare',
  '× Meridian',
  'p50 ms',
  'p99 ms',
  'CPU µs/request',
  'memory MB',
  'errors',
  'wrong',
  'compared',
];

export interface Told {
  readonly workload: Workload;
  readonly candidates: readonly Candidate[];
  readonly result: WorkloadResult;
  readonly aims: readonly AimResult[];
}

export function tell({ workload, candidates, result, aims }: Told): void {
  const own = candidates.find(({ server }) => isMeridian(server));
  reportTable({
    name: `peers-${workload.name}`,
    title: workload.title,
    columns: COLUMNS,
    rows: candidates.map((candidate) => [
      candidate.name,
      result.median(candidate, 'perSecond'),
      spread(result.range(candidate)),
      times(result.ratio(candidate, BARE)),
      own === undefined ? null : times(result.ratio(candidate, own)),
      result.median(candidate, 'p50Ms'),
      result.median(candidate, 'p99Ms'),
      result.median(candidate, 'cpuUs'),
      result.median(candidate, 'memoryMb'),
      whole(result.sum(candidate, 'errors')),
      whole(result.sum(candidate, 'wrong')),
      whole(result.sum(candidate, 'compared')),
    ]),
    notes: [...aims.map(aimLine), ...candidates.flatMap((candidate) => remarks(candidate, result))],
  });
}

export function aimLine({ text, shown, met }: AimResult): string {
  return `aim ${text}: ${shown}${met === null ? '' : met ? ', met' : ', NOT met'}`;
}

/** What makes a candidate's figures worth nothing. */
export function spoilt(candidate: Candidate, result: WorkloadResult): string[] {
  const [errors, wrong] = [result.sum(candidate, 'errors'), result.sum(candidate, 'wrong')];
  return [
    ...(errors > 0 ? [`${candidate.name} answered with ${errors} errors`] : []),
    ...(wrong > 0 ? [`${candidate.name} gave ${wrong} wrong answers`] : []),
  ];
}

const whole = (count: number): string => Math.round(count).toLocaleString('en-US');
const spread = ([slowest, fastest]: readonly [number, number]): string => `${whole(slowest)}–${whole(fastest)}`;
const times = (ratio: number | null): string | null => (ratio === null ? null : ratio.toFixed(2));

function remarks(candidate: Candidate, result: WorkloadResult): string[] {
  const busy = result.median(candidate, 'cpuShare') ?? 0;
  const writes = result.sum(candidate, 'writes');
  return [
    ...(busy > BUSY
      ? [
          `${candidate.name}: sending the load took ${(busy * 100).toFixed(0)} % of its processor, so the server may be faster than shown`,
        ]
      : []),
    ...(writes > 0 ? [`${candidate.name}: ${writes.toLocaleString('en-US')} writes by others meanwhile`] : []),
    ...result
      .examples(candidate)
      .slice(0, 2)
      .map((example) => `${candidate.name}: ${example}`),
  ];
}
