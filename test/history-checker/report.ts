/** Owns how a run is told: what was done, what broke, who answered, and what was found. */
import { tableOf } from './tally.ts';
import { type RunReport } from './run.ts';

/** Findings that are shown in full. */
const SHOWN = 5;

export function reportOf({ findings, tally, sights, reordered, commits, quiet }: RunReport): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const { cache, replica, primary } = tally.served;
  return [
    'operations',
    tableOf([...tally.counts].sort()),
    'faults',
    tableOf([...tally.faults].sort()),
    'answered by',
    tableOf([
      ['cache', cache],
      ['replica', replica],
      ['primary', primary],
      ['share of caches', percent(tally.cacheShare)],
    ]),
    'judged',
    tableOf([
      ['commits of the true history', commits],
      ['sights compared with it', sights],
      ["of them in the primary's own order", reordered],
      ['sights compared when all was quiet', quiet.compared],
      ['rows compared in Redis itself', quiet.rowsInRedis],
      [
        'share of caches then',
        Object.entries(quiet.cacheShares)
          .map(([name, share]) => `${name} ${percent(share)}`)
          .join(', '),
      ],
      ['violations', findings.length],
    ]),
    ...violationsOf(findings),
  ].join('\n');
}

export function violationsOf(findings: RunReport['findings']): string[] {
  // The shortest tells most.
  const shortest = findings
    .map(({ text }) => text)
    .sort((a, b) => a.length - b.length)
    .slice(0, SHOWN);
  return shortest.length === 0 ? [] : [`the shortest ${shortest.length} of ${findings.length} violations`, ...shortest];
}
