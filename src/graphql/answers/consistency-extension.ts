/** Owns `extensions.consistency` of an answer, which reports how its reads were answered. */
import { type ConsistencyLevel } from '../../consistency/requirement.ts';
import { type ConsistencyToken } from '../../consistency/token.ts';
import { type ReadReport } from '../../read/session/report.ts';

export interface ConsistencyFacts {
  readonly token: ConsistencyToken | null;
  /** The strongest level that a part of the operation asked for. */
  readonly level: ConsistencyLevel;
  /** The region that answers. */
  readonly region: string;
  readonly report: ReadReport;
}

export interface ConsistencyExtension {
  readonly token: ConsistencyToken | null;
  readonly level: ConsistencyLevel;
  readonly region: string;
  readonly servedBy: Readonly<Record<'cache' | 'replica' | 'primary', number>>;
  readonly waitedMs: number;
  readonly staleness: number | null;
}

export function consistencyOf({ token, level, region, report }: ConsistencyFacts): ConsistencyExtension {
  return {
    token,
    level,
    region,
    servedBy: countsOf(report),
    waitedMs: report.waitedMs,
    staleness: report.stalenessMs === null ? null : Math.round(report.stalenessMs),
  };
}

/** The number of reads that each kind of server answered; another region's replica counts as a replica. */
function countsOf(report: ReadReport): Readonly<Record<'cache' | 'replica' | 'primary', number>> {
  const counts = { cache: 0, replica: 0, primary: 0 };
  for (const { by, count } of report.servedBy) counts[by] += count;
  return counts;
}
